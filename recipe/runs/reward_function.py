"""verl's reward function of a config, loaded and called as its reward loop does, for checks and evaluations outside of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig


def load_reward(config: DictConfig) -> Callable:
    """The function of `reward.custom_reward_function`, or verl's own without a path. Imports verl.

    Raises:
        ValueError: it cannot be loaded.
    """
    from verl.trainer.ppo.reward import get_custom_reward_fn
    from verl.utils.reward_score import default_compute_score

    try:
        return get_custom_reward_fn(config) or default_compute_score
    except (OSError, ImportError, AttributeError, RuntimeError) as error:
        raise ValueError(f"reward.custom_reward_function cannot be loaded: {error}") from None


def call_reward(function: Callable, data_source: str, response: str, ground_truth: Any, extra_info: dict | None) -> Any:
    """What the function returns for one response to a prompt of one turn; a coroutine is run to its end."""
    result = function(
        data_source=data_source,
        solution_str=response,
        ground_truth=ground_truth,
        extra_info=(extra_info or {}) | {"num_turns": 1, "rollout_reward_scores": {}},
    )
    return asyncio.run(_finish(result)) if inspect.isawaitable(result) else result


async def _finish(awaitable):
    return await awaitable
