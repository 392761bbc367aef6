"""A run's checkpoint is asked and scored as the run was: chat template arguments, and where the reward looked for answers.

Both decide accuracies, and both would else have to be given again. They are taken from the run's `trained_with.json` where the
evaluation gives none; where it gives others, that is said and done.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf, open_dict

from recipe.runs.trained_with import answers_of

_DEFAULTS = {"thinking": "none", "thinking_tags": None}  # of this project's reward
_REWARD, _CHAT = "reward.custom_reward_function.reward_kwargs", "data.apply_chat_template_kwargs"


def take_from_run(config: DictConfig, model: str) -> list[str]:
    """Change the config of an evaluation in place to what the run of the checkpoint `model` had.

    Returns a sentence for each setting that was taken, or that is another one than the run's; empty for a model of no run.

    Raises:
        ValueError: the run's file cannot be read.
    """
    found = answers_of(Path(model))
    if found is None:
        return []
    kept, file = found
    sentences = _take(config, _CHAT, kept["apply_chat_template_kwargs"], {}, file)
    if _is_ours(kept["reward"]) and _is_ours(config.reward.custom_reward_function.path):
        trained = _DEFAULTS | {key: value for key, value in kept["reward_kwargs"].items() if key in _DEFAULTS}
        sentences += _take(config, _REWARD, trained, _DEFAULTS, file)
    return sentences


def _take(config: DictConfig, node: str, trained: dict[str, Any], defaults: dict[str, Any], file: Path) -> list[str]:
    given = OmegaConf.to_container(OmegaConf.select(config, node) or OmegaConf.create({}), resolve=True)
    sentences, taken = [], {}
    for key, value in trained.items():
        if key not in given and value != defaults.get(key):
            taken[key] = value
            sentences.append(f"{node}.{key}={value}, as in training ({file})")
    for key, value in given.items():
        if (key in trained or node == _CHAT) and value != trained.get(key):
            sentences.append(
                f"warning: {node}.{key}={value}, but the run was trained with {trained.get(key)} ({file}): accuracies are not "
                "to be compared with those of its validation; leave it out to take what training had"
            )
    if taken:
        with open_dict(config):
            OmegaConf.update(config, node, given | taken, force_add=True)
    return sentences


def _is_ours(path: str | None) -> bool:
    name = (path or "").removeprefix("pkg://").removesuffix(".py").replace("/", ".")
    return name.endswith("recipe.rlvr_math.reward.score")
