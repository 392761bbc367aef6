"""What other publications do beside HTPO and HAPO, in pure torch; `python -m recipe.htpo.main rival=NAME` trains with it.

gtpo.py       token-level rewards by entropy, GTPO (arXiv:2508.04349)
edge_grpo.py  advantages by a response's entropy, EDGE-GRPO (arXiv:2507.21848)
advantage.py  which of these, by name
selection.py  which tokens are taken for forking ones: over a batch (arXiv:2506.01939) or at random (arXiv:2605.07660)

Fillings of HTPO's objective table and verl's own losses need no code: ../htpo/config/rival has all by name, docs/rivals.md says
what each changes. Facts of the publications were restated, no code was taken.
"""
