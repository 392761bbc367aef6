"""From the composed config to typed settings and the parts of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from recipe.hapo.settings import HAPOConfig
from recipe.htpo.settings import HTPOConfig
from recipe.lab.objectives import HAPO, HTPO, Objective
from recipe.lab.policy import Sizes
from recipe.lab.rollout import Characters
from recipe.lab.tasks import TASKS, Task
from recipe.lab.verl_losses import VerlLoss
from recipe.primitives.ranges import check_choice

AT_LEAST = {"seeds": 1, "steps": 1, "prompts": 1, "n": 2, "updates": 1, "filter_rounds": 0, "staleness": 0}
CLIP = ("clip_ratio_low", "clip_ratio_high", "clip_ratio_c")


def check(config: Mapping[str, Any]) -> None:
    """ValueError for a number that makes no sense."""
    for key, least in AT_LEAST.items():
        if type(config[key]) is not int or config[key] < least:
            raise ValueError(f"{key} is {config[key]!r}; give a whole number from {least}")
    if config["updates"] > config["prompts"] * config["n"]:
        raise ValueError(f"updates={config['updates']} are more than the {config['prompts'] * config['n']} responses of a step")
    for key in ("lr", "temperature"):
        if not isinstance(config[key], int | float) or not config[key] > 0:
            raise ValueError(f"{key} is {config[key]!r}; give a number above 0")


def task_of(node: Mapping[str, Any]) -> Task:
    """ValueError for an unknown kind."""
    values = dict(node)
    kind = values.pop("kind")
    check_choice("task.kind", kind, tuple(TASKS))
    return TASKS[kind](**values)


def sizes_of(node: Mapping[str, Any], task: Task) -> Sizes:
    """Of a model whose vocabulary is the task's."""
    return Sizes(vocabulary=Characters(task.characters).size, **node)


def objective_of(config: Mapping[str, Any]) -> Objective:
    """ValueError for a value out of range."""
    kind = config["loss"]
    check_choice("loss", kind, ("htpo", "hapo", "verl"))
    clip = {key: config[key] for key in CLIP}
    if kind != "hapo":
        settings, norm = HTPOConfig(**config["htpo"], **clip), config["norm_adv_by_std"]
        if kind == "htpo":
            return HTPO(settings, norm)
        return VerlLoss(settings, norm, config["policy_loss"], config["loss_agg_mode"])
    return HAPO(HAPOConfig(**config["hapo"], **clip, norm_adv_by_std=config["norm_adv_by_std"]))
