"""Adaptive Temperature Sampling (HAPO, arXiv:2509.16591) for any method: rollouts whose temperature follows the entropy.

`adaptive_temperature.enabled=True` switches it on; the entropy statistics of each step go with the next prompts to a logits
processor in vLLM.

    settings.py          the config node
    temperature.py       the formula, in pure torch
    logits_processor.py  the sampler's part, inside vLLM
    trainer.py           the driver's part: measures, hands on, saves with the checkpoint
    rollout.py           from the driver to vLLM, with prompts and requests
    rollout_config.py    whether a run can, and the rollout settings that make it
"""
