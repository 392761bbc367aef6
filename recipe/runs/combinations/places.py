"""Settings given at a place that verl's configs still take and its trainers read no more."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf

from recipe.runs.combinations.rule import REFUSED, Rule

_OLD = {
    "custom_reward_function": "reward.custom_reward_function",
    "reward_model.reward_manager": "reward.reward_manager.name",
    "reward_model.reward_kwargs": "reward.reward_kwargs",
    "reward_model": "reward.reward_model",
    "sandbox_fusion": "reward.sandbox_fusion",
}


def _old_reward_keys(config):
    for old, new in _OLD.items():
        if _holds_anything(OmegaConf.select(config, old)):
            return f"{old} is a place that verl does not read any more; set {new} instead"


def _holds_anything(node: Any) -> bool:
    return any(map(_holds_anything, node.values())) if isinstance(node, DictConfig) else node is not None


RULES = (
    Rule(
        combination="`custom_reward_function`, `reward_model` or `sandbox_fusion` at the top of the config, as older recipes "
        "have them",
        stock="The key is taken and not read: the run trains with another reward.",
        ours=REFUSED,
        example=("custom_reward_function.path=reward.py",),
        find=_old_reward_keys,
        seen=(("trainer/config/_generated_ppo_trainer.yaml", "\ncustom_reward_function:"),),
    ),
)
