"""Entropy-shaped advantages (arXiv:2506.14758): a method in a folder of its own. docs/add-a-method.md walks through it."""
