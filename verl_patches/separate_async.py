"""verl's trainer `separate_async` with `actor_rollout_ref.hybrid_engine=False`: no vLLM on the training GPUs.

Wrong upstream: `PPOTrainerSeparateAsync._setup` (verl 0.9.1) calls `logger.info(..., flush=True)`, as one calls `print`;
logging raises a TypeError, after the servers have started. Here that module's logger overlooks the word.
"""

from verl_patches.contract import check

check("task runner")

import logging

import verl.trainer.ppo.v1.trainer_separate_async as target


class _WithoutFlush(logging.LoggerAdapter):
    def process(self, msg, kwargs):
        kwargs.pop("flush", None)
        return msg, kwargs


target.logger = _WithoutFlush(target.logger, {})
PPOTrainerSeparateAsync = target.PPOTrainerSeparateAsync
