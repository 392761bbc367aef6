"""The model's folder: are all its weight files there and whole?"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping

from omegaconf import DictConfig, OmegaConf

from recipe.runs.input_checks import cached_folder
from recipe.runs.preflight.facts import Model, Run, SkipCheck
from recipe.runs.preflight.results import Result, failed, listed, passed, warned

_INDICES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_SINGLE = ("model.safetensors", "pytorch_model.bin")


def check_model(run: Run) -> Result:
    """Every weight file that the folder names is there and readable; also reads the facts about the model for other checks."""
    settings = run.config.actor_rollout_ref.model
    if settings.path is None:
        raise SkipCheck("actor_rollout_ref.model.path is not set")
    folder, in_cache = find_folder(settings.path)
    if folder is None:
        return warned(
            f"{settings.path} is not in this machine's Hugging Face cache; every node downloads it at the start",
            f"hf download {settings.path} into a cache that all nodes share (HF_HOME), or give a folder",
        )
    config = _read_config(folder, settings)
    shapes, faults = read_weights(folder, tied=bool(getattr(config, "tie_word_embeddings", False)))
    run.known_model = Model(folder, config.get_text_config(), shapes or _shapes_by_config(config))
    size = f"{type(config).__name__.removesuffix('Config')} with {run.model.parameters / 1e6:,.1f} M parameters"
    if not faults:
        bucket = fitting_bucket(run.config, run.model.shapes)
        return passed(f"{size}; all weight files are whole; they go to vLLM in buckets of {bucket:,} MB")
    finding = f"{size}, but in {folder} {listed(faults)}"
    if in_cache and os.environ.get("HF_HUB_OFFLINE") != "1":
        return warned(f"{finding}; the rest is downloaded at the start", f"hf download {settings.path}")
    return failed(finding, "download or copy these files again (git lfs pull, if they are pointers of some bytes)")


def fitting_bucket(config: DictConfig, shapes: Mapping[str, tuple[int, ...]]) -> int:
    """The bucket in which weights go to vLLM, in MB: as configured, or larger if the largest of these tensors needs it.

    A parameter has 4 bytes at most: verl sends what the optimizer has.
    """
    needed = math.ceil(4 * max(map(math.prod, shapes.values()), default=0) / 2**20)
    return max(config.actor_rollout_ref.rollout.checkpoint_engine.update_weights_bucket_megabytes, needed)


def find_folder(path: str) -> tuple[str | None, bool]:
    """Local folder of a model path or hub id, and whether it is in the hub's cache; None if it is neither. No network.

    Raises:
        ValueError: neither a folder nor a possible hub id.
    """
    if os.path.isdir(path):
        return path, False
    if "://" in path:
        raise SkipCheck(f"{path} is copied at the start; only local folders and the Hugging Face cache are looked at")
    folder = cached_folder(path)
    return folder, folder is not None


def _read_config(folder: str, settings):
    from transformers import AutoConfig
    from verl.utils.model import update_model_config

    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=settings.trust_remote_code, local_files_only=True)
    except Exception as error:  # of many kinds, some of the model's own code
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"the config.json of {folder} cannot be read ({type(error).__name__}: {reason})") from None
    changes = OmegaConf.to_container(settings.override_config, resolve=True)
    update_model_config(config, changes.get("model_config", changes))
    return config


def read_weights(folder: str, tied: bool) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """Shapes of the stored parameters by name, and what is wrong with the files.

    Reads the headers of safetensors only, which say how long a file must be. There are no shapes if something is wrong, or if
    the weights are not safetensors.
    """
    stored, faults = _weight_files(folder)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, expected in stored.items():
        path = os.path.join(folder, name)
        if not os.path.isfile(path):
            faults.append(f"{name} is missing")
        elif os.path.getsize(path) == 0:
            faults.append(f"{name} is empty")
        elif name.endswith(".safetensors"):
            try:
                found = _header(path)
            except Exception as error:
                faults.append(f"{name} ({os.path.getsize(path):,} bytes) is not whole: {error}")
                continue
            if lacking := sorted(expected - found.keys()):
                faults.append(f"{name} has no {lacking[0]}, which the index says it has")
            shapes |= found
    if tied and any(name.endswith("embed_tokens.weight") for name in shapes):
        shapes.pop("lm_head.weight", None)  # some models store the tied weight twice
    return ({} if faults else shapes), faults


def _weight_files(folder: str) -> tuple[dict[str, set[str]], list[str]]:
    """{file: parameters that the index says it has}, and a fault if there is no weight file."""
    for index in _INDICES:
        if os.path.isfile(path := os.path.join(folder, index)):
            try:
                with open(path) as file:
                    named = json.load(file)["weight_map"].items()
            except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
                return {}, [f"{index} is no index of weights ({type(error).__name__}: {error})"]
            files: dict[str, set[str]] = {}
            for parameter, name in named:
                files.setdefault(name, set()).add(parameter)
            return files, []
    single = [name for name in _SINGLE if os.path.isfile(os.path.join(folder, name))]
    return {name: set() for name in single[:1]}, [] if single else [f"are no weights ({', '.join((*_SINGLE, *_INDICES))})"]


def _header(path: str) -> dict[str, tuple[int, ...]]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 (not a mapping)


def _shapes_by_config(config) -> dict[str, tuple[int, ...]]:
    """Shapes of the model that `transformers` would build, without its memory."""
    import torch
    from verl.utils.model import get_hf_auto_model_class

    with torch.device("meta"):
        model = get_hf_auto_model_class(hf_config=config).from_config(config)
    return {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
