"""The bucket in which weights go to vLLM holds the model's largest tensor."""

from __future__ import annotations

from omegaconf import DictConfig

from recipe.runs.preflight.facts import SkipCheck
from recipe.runs.preflight.model import find_folder, fitting_bucket, read_weights


def fit_weight_bucket(config: DictConfig) -> None:
    """Enlarge `rollout.checkpoint_engine.update_weights_bucket_megabytes` where a tensor does not fit into it.

    Where weights do not go by CUDA IPC, verl's first weight sync ends with an assertion if one is larger. A model that is not
    on this machine yet is not known; then it stays as it is.
    """
    try:
        folder, _ = find_folder(config.actor_rollout_ref.model.path)
    except SkipCheck:
        return
    if folder is None:
        return
    shapes, _ = read_weights(folder, tied=False)
    engine = config.actor_rollout_ref.rollout.checkpoint_engine
    engine.update_weights_bucket_megabytes = fitting_bucket(config, shapes)
