"""Values of any kind as scalars of JSON's types."""

from __future__ import annotations

import math
from typing import Any


def scalar(value: Any) -> str | int | float | bool | None:
    """NumPy's scalars and tensors of one element are converted; anything else, and what is not finite, becomes its text."""
    value = value.item() if hasattr(value, "item") and getattr(value, "size", 1) == 1 else value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
