"""verl's own policy losses in the lab, called as they are; the one thing here that needs verl installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from recipe.htpo.settings import HTPOConfig
from recipe.lab.objectives import HTPO


class VerlLoss(HTPO):
    """GRPO's advantages and one of verl's losses, which is called for each seed by itself, as for one of verl's micro-batches.

    config: of HTPO, whose advantages and clip range are taken. policy_loss: verl's node of that name. loss_agg_mode: verl's.

    Raises:
        ValueError: verl is not installed, or does not know the loss or a key.
    """

    def __init__(self, config: HTPOConfig, norm_adv_by_std: bool, policy_loss: Mapping[str, Any], loss_agg_mode: str):
        super().__init__(config, norm_adv_by_std)
        try:
            from verl.trainer.ppo.core_algos import get_policy_loss_fn
            from verl.workers.config import FSDPActorConfig, PolicyLossConfig
        except ImportError as error:
            raise ValueError(f"loss=verl takes a loss of verl 0.9.1, which cannot be imported here: {error}") from None
        try:
            self.function = get_policy_loss_fn(policy_loss["loss_mode"])
            self.actor = FSDPActorConfig(
                rollout_n=2,
                ppo_micro_batch_size_per_gpu=1,
                policy_loss=PolicyLossConfig(**policy_loss),
                loss_agg_mode=loss_agg_mode,
                **{name: getattr(config, name) for name in ("clip_ratio_low", "clip_ratio_high", "clip_ratio_c")},
            )
        except (TypeError, ValueError, AssertionError) as error:
            raise ValueError(f"policy_loss: {error}") from None

    def loss(self, log_prob, old_log_prob, advantages, token_field, mask, copies):
        rows = (x.chunk(copies) for x in (old_log_prob, log_prob, advantages, mask.to(log_prob.dtype)))
        of_seeds = zip(*rows, strict=True)
        return torch.stack([self.function(*its, self.actor.loss_agg_mode, self.actor)[0] for its in of_seeds])

    def active(self, log_prob, old_log_prob, advantages, token_field):
        return {}
