"""Fields of verl's batch that hold no tensors."""

from __future__ import annotations

import json

from tensordict import TensorDict
from tensordict.tensorclass import NonTensorData


def values_of(rows: TensorDict, name: str) -> list:
    """A field's values; empty if there is none."""
    return [x.data if isinstance(x, NonTensorData) else x for x in rows[name]] if name in rows else []


def ground_truths(rows: TensorDict) -> list[str]:
    """The right answers as text; empty if the rows have none."""
    return [as_text(x.get("ground_truth") if isinstance(x, dict) else None) for x in values_of(rows, "reward_model")]


def as_text(value) -> str:
    """A text as it is, anything else as JSON; "" for None."""
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
