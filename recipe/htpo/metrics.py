"""What HTPO reports each step: the groups' sizes and entropies from the driver, clipping and loss from the actor update.

All names start with `htpo/`; `<group>` is one of `GROUPS`. Shares are 0..1.

    htpo/hard_prompt_share, htpo/correct_share   over the step's prompts and responses
    htpo/phantom_advantage_share                 of the prompts whose verdicts are all equal, those with an advantage
    htpo/<group>/token_share                     of all response tokens
    htpo/<group>/entropy                         mean, nats
    htpo/<group>/detached_share                  of the group's tokens
    htpo/<group>/outside_clip_share              of the group's tokens, over all mini-batches of the step
    htpo/<group>/active_share                    of the group's tokens, on which the loss pulls otherwise than DAPO's would
    htpo/<group>/loss                            mean over the group's tokens, before aggregation
    htpo/active_share                            of all response tokens, likewise; neither where the table is DAPO's

The last four come from the loss, so with `entropy_source=current_policy` they speak of the groups by the current entropies,
the ones above of those by the old policy's. In separate_async, verl averages each over the step's updates.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.linalg import vecdot

from recipe.htpo.losses import Computed, clip_bounds
from recipe.htpo.objectives import GROUPS
from recipe.htpo.settings import HTPOConfig
from recipe.primitives.active import active
from recipe.primitives.masks import as_float
from recipe.primitives.ragged import BLOCK, Ragged, in_threads
from recipe.token_level.clip_metrics import NAMES, clip_means, clip_sums

_IDS = range(1, len(GROUPS) + 1)


def partition_metrics(token_groups: torch.Tensor, entropy: torch.Tensor) -> dict[str, float]:
    """Metrics of a partition and its entropies, on the CPU, both padded `[B, T]` or both nested `[B, j]`.

    A group without tokens reports only its share. An entropy is not finite if one in the group is not.
    """
    parts = (Ragged.of(x).values.split(BLOCK) for x in (token_groups, entropy))
    # Ids from -8 to 8; at 0 is what is no response token: it is not read and may be NaN.
    counts, entropies = torch.stack(in_threads(_sums, zip(*parts, strict=True))).sum(dim=0)
    tokens, detached = counts[8:] + counts[:9].flip(0), counts[:9].flip(0)
    entropies = entropies[8:] + entropies[:9].flip(0)
    total = int(tokens[1:].sum())
    metrics = {}
    for i, name in zip(_IDS, GROUPS, strict=True):
        count = int(tokens[i])
        metrics[f"htpo/{name}/token_share"] = count / max(total, 1)
        if count:
            metrics[f"htpo/{name}/entropy"] = float(entropies[i]) / count
            metrics[f"htpo/{name}/detached_share"] = int(detached[i]) / count
    return metrics


def _sums(part: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """`[2, 17]` float64: how many tokens have each id from -8 to 8, and the sum of their entropies."""
    ids, entropy = part[0].long().add_(8), part[1].double()
    ones = torch.ones_like(entropy)
    return torch.stack([entropy.new_zeros(17).scatter_add_(0, ids, x) for x in (ones, entropy)])


def row_sums(found: Computed, advantages, token_groups, response_mask, config: HTPOConfig) -> torch.Tensor:
    """`[B, 12]`: what `loss_metrics` needs of each row; all inputs are `[B, T]` and detached."""
    ratio = found.ratio
    least, most = clip_bounds(token_groups, config, ratio.dtype)
    above, below = ratio > most, ratio < least
    dual_clipped = (advantages < 0) & (ratio > config.clip_ratio_c)
    mask = response_mask.bool()
    # The tokens of a row are in two groups, one for low entropy with an odd number, and the next.
    low = (token_groups & 1).float()
    sides = (low, as_float(token_groups.ne(0)) - low)
    pulls = active(found.slopes, ratio, advantages, config)
    columns = (found.losses.detach().float(), as_float(above | below), as_float(pulls), as_float(mask))
    by_side = torch.stack([vecdot(column, side) for side in sides for column in columns], dim=1)
    return torch.cat([by_side, clip_sums(found.log_ratio, advantages, above, below, dual_clipped, mask)], dim=1)


def loss_metrics(
    sums: torch.Tensor, token_groups: torch.Tensor, config: HTPOConfig
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    """Metrics of one micro-batch, from `row_sums` and the groups `[B, T]`.

    Returns:
        verl's own three (`pg_clipfrac`, `ppo_kl`, `pg_clipfrac_lower`, with the meaning they have in its vanilla loss), and
        sums over tokens for `loss_ratios`, without active ones if the table is DAPO's; scalar tensors on the inputs' device.
    """
    pair = (token_groups.abs().amax(dim=1).long() - 1).clamp_(min=0) // 2  # [B], which of the four pairs of groups
    by_group = sums.new_zeros(4, 8).index_add_(0, pair, sums[:, :8]).view(8, 4)
    keys = [f"{name}/{kind}" for name in GROUPS for kind in ("loss", "outside", "active", "tokens")]
    means = clip_means(sums[:, 8:])
    by_key = dict(zip(keys, by_group.flatten().unbind(), strict=True))
    if config.is_dapo:  # that it is DAPO is no finding
        by_key = {key: value for key, value in by_key.items() if not key.endswith("/active")}
    return dict(zip(NAMES, means.unbind(), strict=True)), by_key


def loss_ratios(sums: Mapping[str, float]) -> dict[str, float]:
    """Turn the step's sums into shares and losses per group, and the active share; groups without tokens are left out."""
    metrics, active_tokens, all_tokens = {}, 0.0, 0.0
    for name in GROUPS:
        if tokens := sums.get(f"{name}/tokens", 0):
            metrics[f"htpo/{name}/outside_clip_share"] = sums[f"{name}/outside"] / tokens
            metrics[f"htpo/{name}/loss"] = sums[f"{name}/loss"] / tokens
            if (number := sums.get(f"{name}/active")) is not None:
                metrics[f"htpo/{name}/active_share"] = number / tokens
                active_tokens, all_tokens = active_tokens + number, all_tokens + tokens
    if all_tokens:
        metrics["htpo/active_share"] = active_tokens / all_tokens
    return metrics


def console_phrases(metrics: Mapping[str, float]) -> list[str]:
    """A step's share of hard prompts, of active tokens, and the groups' shares in the order of GROUPS, for the console."""
    phrases = [f"hard {metrics['htpo/hard_prompt_share']:4.0%}"] if "htpo/hard_prompt_share" in metrics else []
    shares = [metrics.get(f"htpo/{name}/token_share") for name in GROUPS]
    if "htpo/active_share" in metrics:
        phrases.append(f"active {metrics['htpo/active_share']:5.1%}")
    return phrases + ([f"groups {'/'.join(f'{share:2.0%}'[:-1].rjust(2) for share in shares)} %"] if None not in shares else [])
