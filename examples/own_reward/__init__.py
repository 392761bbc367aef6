"""A reward function of one's own, and judges of the whole response beside ours. docs/own-reward.md walks through it."""
