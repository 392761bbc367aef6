"""A reward function with judges of the whole response beside the verdict on the answer: format, length, language, ...

    compute_score = with_judges(score.compute_score, language=mostly_latin, length=not_too_long)

The file that has this line is given as `reward.custom_reward_function.path`. docs/own-reward.md goes through an example.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from recipe.rlvr_math.reward.contract import number, returned

Judge = Callable[[str, Mapping[str, Any]], float]


def with_judges(answer_reward: Callable, **judges: Judge) -> Callable:
    """`answer_reward`, with what the judges say added to its score; the verdict `acc` stays that of the answer alone.

    Args:
        answer_reward: a reward function as in `contract`, plain or async.
        judges: by name, `judge(response, verdict)` -> a number, usually a penalty: 0 or less. verdict: what `answer_reward`
            returned, for a judge that minds only right answers, say.

    Returns:
        A reward function, async if `answer_reward` is. It returns the keys of `answer_reward` and each judge's number, not
        weighted, under its name. Its keyword `weights` ({name: factor}, 1 where there is none) is its own, all others go to
        `answer_reward`. Its attribute VERIFIER says which code it is made of, for the settings of an evaluation.

    Raises:
        ValueError: no judge. Later, for a response: an answer reward that breaks its contract, a judge that fails or returns
            no finite number, a name that the answer's reward uses itself, an unknown weight.
    """
    if not judges:
        raise ValueError("with_judges has no judge; give some, as with_judges(compute_score, length=my_judge)")

    def added(result: Any, response: str, weights: Mapping[str, float] | None) -> dict[str, Any]:
        weights = weights or {}
        if unknown := sorted(set(weights) - set(judges)):
            raise ValueError(f"there is a weight for {unknown[0]!r}, but no such judge; there are {', '.join(judges)}")
        verdict = returned(result, _name(answer_reward))
        if taken := sorted(set(verdict) & set(judges)):
            raise ValueError(f"{_name(answer_reward)} returns {taken[0]!r} itself; give the judge another name")
        said = {name: _judged(name, judge, response, verdict) for name, judge in judges.items()}
        score = verdict["score"] + sum(float(weights.get(name, 1.0)) * value for name, value in said.items())
        return {**verdict, **said, "score": score}

    def composed(data_source, solution_str, ground_truth, extra_info=None, *, weights=None, **keywords):
        given = {
            "data_source": data_source,
            "solution_str": solution_str,
            "ground_truth": ground_truth,
            "extra_info": extra_info,
        }
        return added(answer_reward(**given, **keywords), solution_str, weights)

    async def awaited(data_source, solution_str, ground_truth, extra_info=None, *, weights=None, **keywords):
        given = {
            "data_source": data_source,
            "solution_str": solution_str,
            "ground_truth": ground_truth,
            "extra_info": extra_info,
        }
        return added(await answer_reward(**given, **keywords), solution_str, weights)

    function = awaited if inspect.iscoroutinefunction(answer_reward) else composed
    function.__name__ = function.__qualname__ = f"with_judges({', '.join((_name(answer_reward), *judges))})"
    function.VERIFIER = "; ".join(
        [_code(_name(answer_reward), answer_reward), *(_code(name, judge) for name, judge in judges.items())]
    )
    return function


def _judged(name: str, judge: Judge, response: str, verdict: Mapping[str, Any]) -> float:
    try:
        value = judge(response, verdict)
    except Exception as error:
        raise ValueError(f"the judge {name!r} fails for a response: {type(error).__name__}: {error}") from error
    if (found := number(value)) is None:
        raise ValueError(f"the judge {name!r} returns {value!r}; it must return a finite number")
    return found


def _name(function: Callable) -> str:
    return getattr(function, "__name__", type(function).__name__)


def _code(name: str, function: Callable) -> str:
    """Which code a part is: what it says itself, else the digest of its file."""
    said = getattr(function, "VERIFIER", None) or getattr(function, "__globals__", {}).get("VERIFIER")
    if said:
        return f"{name} {said}"
    try:
        source = Path(inspect.getsourcefile(inspect.unwrap(function))).read_bytes()
    except (TypeError, OSError):  # an object, or a function that was typed in
        return f"{name} of unknown code"
    return f"{name} sha256 {hashlib.sha256(source).hexdigest()[:12]}"
