"""Where a run keeps what people look at: beside a checkpoint folder named `checkpoints`, else in the checkpoint folder."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from recipe.files.whole import written_whole
from recipe.token_level.display import FILE, Display


def run_folder(config) -> Path:
    """The run's folder."""
    return folder_of(Path(config.trainer.default_local_dir))


def folder_of(checkpoints: Path) -> Path:
    """That of the run with these checkpoints."""
    return checkpoints.parent if checkpoints.name == "checkpoints" else checkpoints


def keep_metrics(config) -> None:
    """Give verl's `file` logger a new file in the run's folder, `metrics-<attempt>.jsonl`.

    By itself it writes to a path that hardly says which run it is, and starts that file anew when a run is resumed. A path in
    VERL_FILE_LOGGER_PATH is kept.
    """
    if "file" not in config.trainer.logger or os.environ.get("VERL_FILE_LOGGER_PATH"):
        return
    folder = run_folder(config)
    folder.mkdir(parents=True, exist_ok=True)
    for attempt in itertools.count():
        path = folder / f"metrics-{attempt:03d}.jsonl"
        if not path.exists():
            os.environ["VERL_FILE_LOGGER_PATH"] = str(path.resolve())
            return


def keep_display(config, display: Display) -> Path:
    """Write what the report page shows of the run's method to its file; a resumed run writes it anew."""
    path = run_folder(config) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as new:
        new.write_text(display.to_json(), encoding="utf-8")
    return path
