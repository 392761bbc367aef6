"""What a reward function must return, as a check that it can be put through: `returned(result, "my reward")`.

A reward function is `compute_score(data_source, solution_str, ground_truth, extra_info, **keywords)`, plain or `async`. It
returns, for every response and every data source, a dict of the same keys with the same types:

    score   the reward, a finite number
    acc     the verdict: 1 for a right answer, 0 for a wrong one, whatever else moves the score
    pred    optional: the answer that was found, as text, "" or None if there is none; for maj@k and samples of verdicts
    ...     any further scalars; verl logs them for validation

Methods and group filtering read `acc`. If the score moved it, equal answers would differ and be trained on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def returned(result: Any, name: str) -> dict[str, Any]:
    """The result as a dict, a plain 0 or 1 as both score and verdict, and an answer that is no text as its text.

    Raises:
        ValueError: it is not what this module says; the sentence begins with `name`.
    """
    if not isinstance(result, Mapping):
        result = {"score": result, "acc": result}
    if lacking := [key for key in ("score", "acc") if key not in result]:
        raise ValueError(
            f"{name} returns {', '.join(map(str, result)) or 'nothing'}, but no {lacking[0]!r}; return score and acc"
        )
    score, acc = number(result["score"]), number(result["acc"])
    if score is None:
        raise ValueError(f"{name} returns the score {result['score']!r}; it must be a finite number")
    if acc not in (0.0, 1.0):
        raise ValueError(f"{name} returns the verdict acc {result['acc']!r}; it must be 1 (right) or 0 (wrong)")
    pred = {"pred": str(result["pred"])} if result.get("pred") is not None else {}
    return {**result, "score": score, "acc": acc, **pred}


def number(value: Any) -> float | None:
    """A finite number, also NumPy's or a tensor's of one element; None for anything else."""
    try:
        value = float(value) if not isinstance(value, str) else math.nan
    except (TypeError, ValueError, RuntimeError):
        return None
    return value if math.isfinite(value) else None
