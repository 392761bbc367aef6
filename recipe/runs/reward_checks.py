"""The reward function, tried before the start: on one row of each data source of each file, with an empty answer."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig

from recipe.runs.data_checks import KEYS, read_data
from recipe.runs.reward_function import call_reward, lacking_arguments, load_reward
from recipe.runs.time_limit import TimeLimit, time_limit
from recipe.token_level.method import Method

CALL_S = 30.0  # for one call
ALL_S = 120.0  # for all of them; what is left over is not tried
# What wrong data or a wrong function raises; all else may come from what only a reward worker has, a judge model for example.
_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError, ValueError)
# Of verl's own functions these take a ground truth that is no text.
_NESTED_TRUTH = ("searchR1_",)


def check_reward(config: DictConfig, method: Method) -> dict[tuple[str, str], dict | float]:
    """{(file, data source): what an empty answer to a row of it gets}; empty where that cannot be tried. Imports verl.

    Raises:
        ValueError: there is no reward function for a data source, it fails, or its result is not one that verl can use.
    """
    if _scored_elsewhere(config):
        return {}
    data = read_data(config)
    rows = [
        (key, file, source, number, row)
        for key in KEYS
        for file, contents in data.files[key].items()
        for source, (number, row) in contents.sources.items()
    ]
    if not rows:
        return {}
    function = load_reward(config)
    if not _can_be_called(function):
        return {}
    results, began = {}, time.monotonic()
    for key, file, source, number, row in rows:
        if time.monotonic() - began > ALL_S:
            left = len(rows) - len(results)
            warnings.warn(f"the reward function is slow, and was not tried on {left} of {len(rows)} data sources", stacklevel=2)
            break
        where = f"row {number} of {file} ({key}, data_source {source!r})"
        _check_truth(config, source, row, where)
        result = _call(function, source, row, where)
        if result is not None:
            _check_result(result, config, method, where)
            results[file, source] = result
    return results


def _scored_elsewhere(config: DictConfig) -> bool:
    """A judge model, a reward manager or agent loops of one's own may score without verl's function."""
    return not config.reward.custom_reward_function.path and bool(
        config.reward.reward_model.enable
        or config.reward.reward_manager.source != "register"
        or config.actor_rollout_ref.rollout.agent.agent_loop_config_path
    )


def _can_be_called(function: Callable) -> bool:
    lacking = lacking_arguments(function)
    if set(lacking) <= {"reward_router_address", "reward_model_tokenizer"}:
        if lacking:
            warnings.warn(f"the reward function could not be tried: it needs {lacking[0]} of a reward worker", stacklevel=3)
        return not lacking
    raise ValueError(
        f"the reward function takes {lacking[0]!r}, which verl does not give; give it a default, or a value as "
        f"+reward.custom_reward_function.reward_kwargs.{lacking[0]}=..."
    )


def _check_truth(config: DictConfig, source: str, row: dict, where: str) -> None:
    truth = row["reward_model"]["ground_truth"]
    own = config.reward.custom_reward_function.path
    if not own and isinstance(truth, dict | list) and not source.startswith(_NESTED_TRUTH):
        raise ValueError(
            f"the ground_truth of {where} is a {type(truth).__name__}, where verl's reward functions take text; write it as "
            "text, or set reward.custom_reward_function.path"
        )


def _call(function: Callable, source: str, row: dict, where: str) -> Any:
    """What an empty answer to the row gets; None, with a warning, if that cannot be known here."""
    try:
        with time_limit(CALL_S):
            result = call_reward(function, source, "", row["reward_model"]["ground_truth"], row.get("extra_info"))
    except TimeLimit:
        raise ValueError(
            f"the reward function took longer than {CALL_S:.0f} s for an empty answer to {where}; give it a time "
            "limit of its own"
        ) from None
    except NotImplementedError:
        raise ValueError(f"verl has no reward function for {where}; set reward.custom_reward_function.path and .name") from None
    except _FAULTS as error:
        raise ValueError(
            f"the reward function fails for an empty answer to {where}: {type(error).__name__}: {' '.join(str(error).split())}"
        ) from None
    except Exception as error:
        warnings.warn(
            f"the reward function could not be tried on {where}: {type(error).__name__}: {' '.join(str(error).split())}",
            stacklevel=3,
        )
        return None
    if result is None:
        raise ValueError(f"the reward function returns None for an empty answer to {where}; return a number or a dict")
    return result


def _check_result(result: Any, config: DictConfig, method: Method, where: str) -> None:
    """verl takes a number for both reward and verdict, and of a dict its `score`."""
    if not isinstance(result, dict):
        _check_number(result, "", where)
        result = {"score": result, "acc": result}
    if "score" not in result:
        raise ValueError(
            f"the reward function returns {_keys(result)} but no 'score' for {where}; return a number or a dict with 'score'"
        )
    for key in ("score", "acc"):
        if key in result:
            _check_number(result[key], f" as {key!r}", where)
    groups = config.algorithm.get("filter_groups")
    metric = groups.metric if groups and groups.enable else None
    for key, reader in (("acc", method.reads_verdict(config) and method.name), (metric, metric and "algorithm.filter_groups")):
        if reader and key not in result and key != "reward":  # the last is what verl makes of the score
            meaning = ", the verifier's verdict," if key == "acc" else ","
            raise ValueError(
                f"the reward function returns {_keys(result)} but no {key!r} for {where}{meaning} which {reader} reads: return "
                f"a dict with 'score' and {key!r}" + (" (0 or 1)" if key == "acc" else "")
            )


def _check_number(value: Any, called: str, where: str) -> None:
    try:
        finite = not isinstance(value, str) and math.isfinite(float(value))
    except (TypeError, ValueError):
        finite = False
    if not finite:
        raise ValueError(f"the reward function returns {value!r}{called} for {where}; it must be a finite number")


def _keys(result: dict) -> str:
    return ", ".join(sorted(map(str, result)))
