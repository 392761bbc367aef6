"""The watch for waits sees each way of waiting, on a CPU too, and lets work through that stays on the device."""

import torch

from tests.no_sync import Sync, no_sync
from tests.pure_support import DEVICE

X = torch.linspace(0, 1, 20, device=DEVICE).reshape(4, 5)
MASK = X > 0.5
COUNTS = torch.arange(4, device=DEVICE)


def set_by_mask():
    values = X.clone()
    values[MASK] = 0


class WaitsInBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        return gradient * gradient.sum().item()


WAITS = {
    "item": lambda: X.sum().item(),
    "tolist": lambda: X.tolist(),
    "bool": lambda: bool(MASK.any()),
    "if": lambda: 1 if MASK.all() else 0,
    "float": lambda: float(X.sum()),
    "int": lambda: int(X.sum()),
    "range": lambda: range(COUNTS.sum()),
    "slice": lambda: X[: COUNTS.sum()],
    "format": lambda: f"{X.sum():.2f}",
    "in": lambda: 0.5 in X,
    "python max": lambda: max(X[0]),
    "nonzero": lambda: MASK.nonzero(),
    "torch.nonzero": lambda: torch.nonzero(MASK),
    "where": lambda: torch.where(MASK),
    "masked_select": lambda: X.masked_select(MASK),
    "mask": lambda: X[MASK],
    "mask of rows": lambda: X[MASK[:, 0]],
    "set by mask": set_by_mask,
    "unique": lambda: X.unique(),
    "unique_consecutive": lambda: X.unique_consecutive(),
    "repeat_interleave": lambda: X.repeat_interleave(COUNTS, dim=0),
    "bincount": lambda: COUNTS.bincount(),
    "equal": lambda: torch.equal(X, X),
    "allclose": lambda: torch.allclose(X, X),
    "cpu": lambda: X.cpu(),
    "to cpu": lambda: X.to("cpu"),
    "to the device cpu": lambda: X.to(device=torch.device("cpu")),
    "numpy": lambda: X.numpy(),
    "backward": lambda: WaitsInBackward.apply(X.clone().requires_grad_()).sum().backward(),
}
DOES_NOT = {
    "work": lambda: torch.where(MASK, X.sort(dim=1).values.clamp(min=0.1), 0).sum(),
    "gather": lambda: X.gather(1, COUNTS.unsqueeze(1)),
    "index": lambda: X[COUNTS],
    "repeat_interleave": lambda: X.repeat_interleave(COUNTS, dim=0, output_size=6),
    "masked_fill": lambda: X.masked_fill(MASK, 0),
    "dtype": lambda: X.to(torch.float64),
    "backward": lambda: (X.clone().requires_grad_() * X).sum().backward(),
}


def test_waiting_is_seen():
    for name, wait in WAITS.items():
        try:
            with no_sync():
                wait()
        except (Sync, RuntimeError):  # on CUDA torch's own mode may be the first to see it
            continue
        raise AssertionError(f"{name} was not seen")


def test_staying_on_the_device_is_let_through():
    for work in DOES_NOT.values():
        with no_sync():
            work()


def test_outside_the_block_everything_is_as_before():
    for block in (lambda: None, lambda: X.sum().item()):
        try:
            with no_sync():
                block()
        except Sync:
            pass
        for wait in WAITS.values():
            if wait is not WAITS["numpy"] or DEVICE == "cpu":
                wait()
