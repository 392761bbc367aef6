"""Adaptive Temperature Sampling (HAPO, arXiv:2509.16591) for any method: rollouts whose temperature follows the entropy.

`adaptive_temperature.enabled=True` switches it on; the entropy statistics of each step go with the next prompts to a logits
processor in vLLM.
"""
