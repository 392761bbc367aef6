"""What HAPO reports each step: the batch's entropies from the driver, clipping and loss from the actor update.

All names start with `hapo/`; `<side>` is `high_entropy` (score above 0) or `low_entropy`. Shares are 0..1.

    hapo/log_entropy_{center,std,min,max}     of the tokens, log nats
    hapo/grpo_fallback_share                  of the prompts, whose token-level advantages had an outlier
    hapo/phantom_advantage_share              of the prompts whose verdicts are all equal, those with an advantage
    hapo/<side>/token_share                   of all response tokens
    hapo/<side>/outside_clip_share            of the side's tokens, by the adapted range, over all mini-batches of the step
    hapo/<side>/redistributed_share           of the side's tokens, whose advantage was scaled
    hapo/<side>/loss                          mean over the side's tokens, before aggregation
    hapo/active_share                         of all response tokens, on which the loss is not PPO's clip
    hapo/<part>/active_share                  likewise if that part of the loss (`LOSS_PARTS`), which is on, were alone
    hapo/token_level_advantage/active_share   of the tokens trained on, whose advantage is not GRPO's by a tenth or more of it

The loss's shares are for the advantages that it is given, so that the Token-Level Group Average is not in them.

In separate_async verl averages each over the step's updates (`_min`, `_max`: the least, the greatest).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from recipe.hapo.losses import LOSS_PARTS, active_tokens, clip_range, redistributed
from recipe.hapo.settings import HAPOConfig
from recipe.token_level.clip_metrics import NAMES, clip_metrics

SIDES = ("low_entropy", "high_entropy")


@torch.no_grad()
def loss_metrics(losses, log_prob, old_log_prob, advantages, score, response_mask, config: HAPOConfig):
    """Metrics of one micro-batch, `[B, T]` inputs.

    Returns:
        verl's own three (`pg_clipfrac`, `ppo_kl`, `pg_clipfrac_lower`, by the adapted clip range), and sums over tokens for
        `loss_ratios`; scalar tensors on the inputs' device.
    """
    low, high = clip_range(score.float(), config)
    log_ratio = log_prob.float() - old_log_prob.float()
    ratio = log_ratio.exp()
    above, below = ratio > 1 + high, ratio < 1 - low
    dual_clipped = (advantages < 0) & (ratio > config.clip_ratio_c)
    scaled = redistributed(ratio, score, low, high) if config.adaptive_advantage else torch.zeros_like(above)

    mask = response_mask.float()
    columns = torch.stack([losses.detach().float(), (above | below).float(), scaled.float(), torch.ones_like(mask)])
    columns = torch.where(mask > 0, columns, 0)  # not a product: what is outside the mask may be NaN
    by_side = torch.stack([torch.where(side, columns, 0).sum(dim=(1, 2)) for side in (score <= 0, score > 0)])
    means = clip_metrics(log_ratio, advantages, above, below, dual_clipped, mask)

    keys = [f"{side}/{kind}" for side in SIDES for kind in ("loss", "outside", "redistributed", "tokens")]
    sums = dict(zip(keys, by_side.flatten().unbind(), strict=True))
    for name, found in active_tokens(log_prob, old_log_prob, advantages, score, config).items():
        sums[f"{name}active"] = (found & (mask > 0)).float().sum()
    return dict(zip(NAMES, means.unbind(), strict=True)), sums


def loss_ratios(sums: Mapping[str, float]) -> dict[str, float]:
    """Turn the step's sums into the shares and the mean loss of each side; a side without tokens reports only its share."""
    counts = {side: sums.get(f"{side}/tokens", 0) for side in SIDES}
    metrics = {}
    for side, tokens in counts.items():
        if total := sum(counts.values()):
            metrics[f"hapo/{side}/token_share"] = tokens / total
        if tokens:
            metrics[f"hapo/{side}/outside_clip_share"] = sums[f"{side}/outside"] / tokens
            metrics[f"hapo/{side}/redistributed_share"] = sums[f"{side}/redistributed"] / tokens
            metrics[f"hapo/{side}/loss"] = sums[f"{side}/loss"] / tokens
    for name in ("", *(f"{part}/" for part in LOSS_PARTS)):
        if f"{name}active" in sums and (total := sum(counts.values())):
            metrics[f"hapo/{name}active_share"] = sums[f"{name}active"] / total
    return metrics


def console_phrases(metrics: Mapping[str, float]) -> list[str]:
    """A step's share of uncertain tokens, and both sides' shares outside the adapted clip range, for the console."""
    share = metrics.get("hapo/high_entropy/token_share")
    phrases = [] if share is None else [f"uncertain {share:4.0%}"]
    outside = [metrics.get(f"hapo/{side}/outside_clip_share") for side in SIDES]
    return phrases + ([f"outside low/high {outside[0]:4.1%}/{outside[1]:4.1%}"] if None not in outside else [])
