"""The settings that decide the objective, kept in the run's folder with its checkpoints, so that none is resumed with others.

Not among them is what people change on the way: steps, learning rate, batch sizes, lengths, data, reward, machines. How prompts
are written and answers found is kept beside them, for evaluations of the checkpoints, and not compared.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recipe.files.whole import written_whole
from recipe.runs.checkpoints import newest_complete
from recipe.runs.run_folder import folder_of, run_folder
from recipe.runs.value_checks import leaves
from recipe.token_level.method import Method
from verl_patches.names import CHECKPOINT_FOLDER

FILE = "trained_with.json"
_ANSWERS = "answers"
_ACTOR, _ROLLOUT, _MODEL = "actor_rollout_ref.actor", "actor_rollout_ref.rollout", "actor_rollout_ref.model.path"
_CLIP = ("clip_ratio", "clip_ratio_low", "clip_ratio_high", "clip_ratio_c", "tau_pos", "tau_neg")
_LOSS = ("policy_loss", *_CLIP, "loss_agg_mode", "loss_scale_factor", "entropy_coeff")
_KL = ("use_kl_loss", "kl_loss_coef", "kl_loss_type")
_KEYS = (
    *("adaptive_temperature", "algorithm", "overlong_filtering"),
    *(f"{_ACTOR}.{key}" for key in (*_LOSS, *_KL)),
    *(f"{_ROLLOUT}.{key}" for key in ("n", "temperature", "top_p", "top_k")),
)
# What means nothing while a switch is off.
_BEHIND = {
    "adaptive_temperature.enabled": ("adaptive_temperature.",),
    "algorithm.filter_groups.enable": ("algorithm.filter_groups.",),
    "algorithm.use_kl_in_reward": ("algorithm.kl_penalty", "algorithm.kl_ctrl."),
    "algorithm.use_pf_ppo": ("algorithm.pf_ppo.",),
    f"{_ACTOR}.use_kl_loss": (f"{_ACTOR}.kl_loss_coef", f"{_ACTOR}.kl_loss_type"),
}
_LIMITS = ("algorithm.filter_groups.max_num_gen_batches", "algorithm.filter_groups.max_inflight_gen_batches")


def objective_settings(config: DictConfig, method: Method) -> dict[str, Any]:
    """The settings by dotted key, with references resolved, as JSON has them; and `method`, its name."""
    nodes = {key: OmegaConf.select(config, key) for key in (method.name, *_KEYS)}
    plain = {key: OmegaConf.to_container(x, resolve=True) if OmegaConf.is_config(x) else x for key, x in nodes.items()}
    found = {full: value for key, x in plain.items() for full, value in leaves({key: x})}
    off = tuple(prefix for switch, behind in _BEHIND.items() if not found.get(switch) for prefix in behind)
    kept = {
        key: value
        for key, value in found.items()
        if (key in _BEHIND or not key.startswith(off)) and key not in _LIMITS and not key.endswith("._target_")
    }
    return {"method": method.name, **kept, _MODEL: _model(config)}


def _model(config: DictConfig) -> str:
    """The model's path; a folder in the run's own is named from there, so that the run's may be moved."""
    path, folder = config.actor_rollout_ref.model.path, run_folder(config)
    return str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path


def keep_settings(config: DictConfig, method: Method) -> None:
    """Write what the checkpoint that has just been saved was trained with. OSError if it cannot be written."""
    content = objective_settings(config, method) | {_ANSWERS: _answers(config)}
    with written_whole(run_folder(config) / FILE) as new:
        new.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _answers(config: DictConfig) -> dict[str, Any]:
    function = config.reward.custom_reward_function
    nodes = {
        "reward_kwargs": function.get("reward_kwargs"),
        "apply_chat_template_kwargs": config.data.get("apply_chat_template_kwargs"),
    }
    return {"reward": function.path} | {
        key: OmegaConf.to_container(node, resolve=True) if node else {} for key, node in nodes.items()
    }


def answers_of(checkpoint: Path) -> tuple[dict[str, Any], Path] | None:
    """How the run of a checkpoint wrote its prompts and found answers, and the file that says so; None if nothing does.

    checkpoint: a folder of checkpoints, or a path in one. Keys: `reward`, the path of its function, None for verl's own;
    `reward_kwargs`; `apply_chat_template_kwargs`.

    Raises:
        ValueError: the file cannot be read.
    """
    name = re.compile(CHECKPOINT_FOLDER.format(r"\d+"))
    found = next((path.parent for path in (checkpoint, *checkpoint.parents) if name.fullmatch(path.name)), checkpoint)
    file = folder_of(found) / FILE
    kept = _read(file).get(_ANSWERS) if file.is_file() else None
    return None if kept is None else (kept, file)


def _read(file: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError, TypeError) as error:
        raise ValueError(f"{file}, what the checkpoints were trained with, cannot be read ({error}); remove it") from None


def check_settings(config: DictConfig, method: Method) -> Path | None:
    """Raise ValueError if the run would resume a checkpoint in its folder with another objective than it was trained with.

    Returns the file that was compared; None if the run starts anew, or its checkpoints were saved before there was such a file.
    """
    file = run_folder(config) / FILE
    if not _resumes_here(config) or not file.exists():
        return None
    old = _read(file)
    old.pop(_ANSWERS, None)
    new = objective_settings(config, method)
    keys = ["method"] if old.get("method") != method.name else [*new, *(key for key in old if key not in new)]
    changed = [f"{key} {_text(old.get(key))} -> {_text(new.get(key))}" for key in keys if old.get(key) != new.get(key)]
    if changed:
        raise ValueError(
            f"the checkpoints in {config.trainer.default_local_dir} were trained with other settings ({file}): "
            f"{', '.join(changed)}; start anew with another trainer.default_local_dir, or remove that file to go on from them "
            "with the new ones"
        )
    return file


def _text(value: Any) -> str:
    return "null" if value is None else str(value)


def _resumes_here(config: DictConfig) -> bool:
    """Whether training would go on from a checkpoint in the run's folder; `resume_from_path` elsewhere begins a new run."""
    trainer = config.trainer
    if trainer.resume_mode == "disable" or trainer.get("val_only"):
        return False
    if trainer.resume_mode == "resume_path":
        return Path(str(trainer.resume_from_path)).parent == Path(trainer.default_local_dir)
    try:
        return newest_complete(trainer.default_local_dir)[0] is not None
    except ValueError:  # none is complete, which is another check's to say
        return False
