"""verl's reward function of a config, loaded and called as its reward loop does, for checks and evaluations outside of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from omegaconf import DictConfig

ARGUMENTS = ("data_source", "solution_str", "ground_truth", "extra_info")  # that verl gives to every reward function


def load_reward(config: DictConfig) -> Callable:
    """The function of `reward.custom_reward_function`, or verl's own without a path. Imports verl.

    Raises:
        ValueError: it cannot be loaded.
    """
    from verl.trainer.ppo.reward import get_custom_reward_fn
    from verl.utils.reward_score import default_compute_score

    try:
        function = get_custom_reward_fn(config) or default_compute_score
    except (OSError, ImportError, AttributeError, RuntimeError, AssertionError) as error:
        because = f": {error.__cause__!r}" if error.__cause__ else ""  # what the user's module raised
        raise ValueError(f"reward.custom_reward_function cannot be loaded: {error}{because}") from None
    if isinstance(function, partial) and not callable(function.args[0]):
        name = config.reward.custom_reward_function.name
        raise ValueError(f"reward.custom_reward_function cannot be loaded: its {name} is {function.args[0]!r} and no function")
    return function


def call_reward(function: Callable, data_source: str, response: str, ground_truth: Any, extra_info: dict | None) -> Any:
    """What the function returns for one response to a prompt of one turn; a coroutine is run to its end."""
    result = function(
        data_source=data_source,
        solution_str=response,
        ground_truth=ground_truth,
        extra_info=(extra_info or {}) | {"num_turns": 1, "rollout_reward_scores": {}},
    )
    return asyncio.run(_finish(result)) if inspect.isawaitable(result) else result


def lacking_arguments(function: Callable) -> list[str]:
    """Parameters without a default that neither verl nor the config's `reward_kwargs` gives a function of `load_reward`."""
    given = set(ARGUMENTS)
    if isinstance(function, partial):  # verl's wrapper, around the user's function and the keywords for it
        function, keywords = function.args
        given |= keywords.keys()
    parameters = inspect.signature(function).parameters.values()
    needed = [p.name for p in parameters if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return [name for name in needed if name not in given]


async def _finish(awaitable):
    return await awaitable
