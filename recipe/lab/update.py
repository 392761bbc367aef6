"""A step's updates: mini-batches of whole prompts, a token mean and a clipped gradient for each seed by itself."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from recipe.lab.objectives import Batch, Objective, by_copy
from recipe.lab.policy import Policy
from recipe.lab.rollout import Rollouts, log_probs_and_entropy


@dataclass
class UpdateMetrics:
    """`[S]` each, means over the step's updates; active_shares by the names of the objective's metrics."""

    loss: torch.Tensor
    grad_norm: torch.Tensor
    clip_share: torch.Tensor
    active_shares: dict[str, torch.Tensor]


def make_optimizer(policy: Policy, lr: float, weight_decay: float = 0.01) -> torch.optim.Optimizer:
    """AdamW, as verl has it; element by element, so that the seeds do not mix."""
    return torch.optim.AdamW(policy.parameters(), lr=lr, betas=(0.9, 0.999), weight_decay=weight_decay, foreach=True)


def update(
    policy: Policy,
    optimizer: torch.optim.Optimizer,
    objective: Objective,
    rollouts: Rollouts,
    batch: Batch,
    updates: int,
    temperature: float = 1.0,
    max_grad_norm: float = 1.0,
) -> UpdateMetrics:
    """Train on the batch once, in `updates` mini-batches, in the order of its rows."""
    copies, rows = batch.copies, len(batch.mask) // batch.copies
    own = torch.arange(copies, device=batch.mask.device).unsqueeze(1) * rows
    found = []
    for part in torch.arange(rows, device=batch.mask.device).chunk(updates):
        index = (own + part).flatten()  # seed by seed
        mask, old, advantages = batch.mask[index], batch.old_log_prob[index], batch.advantages[index]
        log_prob, _ = log_probs_and_entropy(policy, rollouts.rows(index), temperature)
        loss = objective.loss(log_prob, old, advantages, batch.token_field[index], mask, copies)
        optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()
        norm = clip_gradients(policy, max_grad_norm)
        optimizer.step()

        given = (log_prob.detach(), old, advantages, batch.token_field[index])
        active = objective.active(*given)
        dropped = (slopes(objective, *given, mask, copies) == 0) & (advantages != 0)
        tokens = by_copy(mask, copies).clamp(min=1)
        shares = [by_copy(mask & x, copies) / tokens for x in (dropped, *active.values())]
        found.append(torch.stack([loss.detach(), norm, *(x.to(norm) for x in shares)]))
    loss, norm, dropped, *shares = torch.stack(found).mean(0)
    return UpdateMetrics(loss, norm, dropped, dict(zip(active, shares, strict=True)))


def slopes(objective: Objective, log_prob, *rest) -> torch.Tensor:
    """The derivative of the seeds' losses by each token's log-prob, `[r, T]`; takes the arguments of `Objective.loss`."""
    leaf = log_prob.detach().requires_grad_()
    return torch.autograd.grad(objective.loss(leaf, *rest).sum(), leaf)[0]


def clip_gradients(policy: Policy, limit: float) -> torch.Tensor:
    """Scale each seed's gradient to at most that norm; the norms before, `[S]`."""
    gradients = [weight.grad for weight in policy.parameters()]
    norm = torch.stack([g.flatten(1).square().sum(1) for g in gradients]).sum(0).sqrt()
    scale = (limit / (norm + 1e-6)).clamp(max=1)  # as torch's clip_grad_norm_
    for g in gradients:
        g.mul_(scale.view(-1, *[1] * (g.ndim - 1)))
    return norm
