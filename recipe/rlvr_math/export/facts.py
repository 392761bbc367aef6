"""What the files of a run say of a checkpoint: method, steps, settings, data, validation, code."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from recipe.files.metrics import read_metrics
from recipe.files.plain_yaml import read_plain
from recipe.rlvr_math.data.data_files import manifest_of, sha256
from recipe.runs.trained_with import kept_of, run_of
from verl_patches.names import CHECKPOINT_FOLDER

CONFIG = "hydra/.hydra/config.yaml"
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Data:
    """A training file: its name, and what its manifest says of it, if it has one that is about it."""

    name: str
    manifest: dict[str, Any] = field(default_factory=dict)

    @property
    def hub_id(self) -> str | None:
        """The data set on the hub that it was prepared from."""
        source = str(self.manifest.get("source") or "")
        return source if self.manifest.get("revision") and HUB_ID.fullmatch(source) else None


@dataclass(frozen=True)
class Facts:
    """Of a checkpoint. What nothing says is empty.

    base: the model that the training began with, its id on the hub or its path. base_on_hub: the same, if it is an id.
    settings: those that decide the objective, by dotted key, `method` among them. config: the whole one, as Hydra left it.
    validation: verl's own, of the checkpoint's step. code: as `recipe.runs.code`.
    """

    step: int
    base: str
    base_on_hub: str | None
    settings: dict[str, Any]
    answers: dict[str, Any]
    code: dict[str, Any]
    config: dict[str, Any]
    data: tuple[Data, ...]
    validation: dict[str, float]

    @property
    def method(self) -> str:
        """The method's name."""
        return str(self.settings.get("method", ""))

    def of(self, key: str) -> Any:
        """A value of the config by its dotted key; None if there is none, or it is a reference."""
        node: Any = self.config
        for part in key.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        return None if isinstance(node, str) and "${" in node else node


def facts_of(checkpoint: Path) -> Facts:
    """Read the run's folder. checkpoint: `.../global_step_N`, or a path in it.

    Raises:
        ValueError: a file of the run cannot be read, or the path is in no checkpoint.
    """
    name = re.compile(CHECKPOINT_FOLDER.format(r"(\d+)"))
    steps = [int(found[1]) for path in (checkpoint, *checkpoint.parents) if (found := name.fullmatch(path.name))]
    if not steps:
        raise ValueError(f"{checkpoint} is in no {CHECKPOINT_FOLDER.format('N')}; give a checkpoint of a run")
    run = run_of(checkpoint)
    settings, answers, code = kept_of(run)
    config = _config(run)
    metrics = read_metrics(run, lambda name: name.startswith("val-core/")).get(steps[0], {})
    files = (config.get("data") or {}).get("train_files") or ()
    files = [files] if isinstance(files, str) else list(files)
    base = str(settings.get("actor_rollout_ref.model.path") or "")  # absolute, or in the run's folder, or on the hub
    on_hub = base if HUB_ID.fullmatch(base) and not (run / base).exists() else None
    data = tuple(_data(Path(str(file))) for file in files)
    return Facts(steps[0], base, on_hub, settings, answers, code, config, data, metrics)


def _config(run: Path) -> dict[str, Any]:
    file = run / CONFIG
    if not file.is_file():
        return {}
    try:
        content = read_plain(file)
    except (OSError, ValueError) as error:
        raise ValueError(f"{file} cannot be read: {error}; restore it, or remove it to have the card without it") from None
    return content if isinstance(content, dict) else {}


def _data(file: Path) -> Data:
    manifest = manifest_of(file)
    try:
        said = json.loads(manifest.read_text(encoding="utf-8"))
        about = said if said["sha256"] == sha256(file) else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        about = {}
    return Data(file.name, about)
