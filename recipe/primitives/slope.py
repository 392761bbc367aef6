"""A loss whose derivative is known in closed form, handed to autograd without a graph."""

from __future__ import annotations

import torch

LOG_RATIO_LIMIT = 20.0  # as verl's losses; beyond it a plain ratio has no gradient


class WithSlope(torch.autograd.Function):
    """`WithSlope.apply(log_prob, loss, slope)` is `loss`; its derivative by `log_prob` is `slope`, element by element."""

    @staticmethod
    def forward(log_prob, loss, slope):
        return loss.view_as(loss)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[2])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (slope,) = ctx.saved_tensors
        return grad * slope, None, None  # autograd gives it log_prob's dtype
