"""Which checkpoints are complete, so that a run whose newest one is broken resumes from the one before.

verl's `latest_checkpointed_iteration.txt` says that a checkpoint was written, not that it is still whole. Beside it, each
checkpoint gets a list of its files and their sizes, written last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from recipe.files.bounded import read_bounded
from recipe.files.whole import written_whole
from verl_patches.names import CHECKPOINT_FOLDER, CHECKPOINT_TRACKER

LIST = "complete.json"
DIGESTS = "digests.json"  # written later, see digests.py
OTHERS = "checkpoints_of_others.json"  # beside the folders: the steps that a start which did not go on from here has found


def write_list(folder: str) -> None:
    """List what is in a checkpoint folder (on this node) after everything was written."""
    root = Path(folder)
    sizes = {
        str(p.relative_to(root)): p.stat().st_size
        for p in sorted(root.rglob("*"))
        if p.is_file() and p.name not in (LIST, DIGESTS)
    }
    with written_whole(root / LIST) as new:
        new.write_text(json.dumps(sizes, indent=1))


def begin_list(folder: str, listed: bool) -> None:
    """Before a checkpoint is written, perhaps over an older one of the same step: until `write_list` it is not complete.

    listed: whether a list will follow; a checkpoint without one is then complete when verl's tracker names it.
    """
    root = Path(folder)
    (root / DIGESTS).unlink(missing_ok=True)
    if listed:
        root.mkdir(parents=True, exist_ok=True)
        (root / LIST).write_text(json.dumps(None))
    else:
        (root / LIST).unlink(missing_ok=True)


def problem(folder: str | Path, is_tracked: bool) -> str | None:
    """What is wrong with a checkpoint; None if nothing is.

    is_tracked: whether verl's tracker names it. A folder without a list (asynchronous saving, another trainer) is taken for
    complete only then.
    """
    root = Path(folder)
    try:
        sizes = read_names(root / LIST)
    except FileNotFoundError:
        return None if is_tracked else "was not finished"
    except ValueError:
        return f"has an unreadable {LIST}"
    if sizes is None:
        return "was not finished"
    for name, size in sizes.items():
        file = root / name
        if not file.is_file():
            return f"lacks {name}"
        if file.stat().st_size != size:
            return f"has {file.stat().st_size} of {size} bytes of {name}"
    return None


def read_names(file: Path) -> dict | None:
    """A list of a checkpoint's files, {name within its folder: what is said of it}; None if it says null.

    It may have come with a checkpoint of others: one that names files elsewhere would have them looked at.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is something else.
    """
    try:
        names = json.loads(read_bounded(file))
    except RecursionError:
        raise ValueError("is nested too deep") from None
    if names is not None and not (isinstance(names, dict) and all(map(_inside, names))):
        raise ValueError("is no list of a folder's files")
    return names


def _inside(name: str) -> bool:
    parts = name.split("/")
    return "\0" not in name and not {"", ".."} & set(parts) and max(map(len, parts)) < 256


def of_others(directory: str | Path) -> set[int]:
    """Steps of the checkpoints in `directory` that the run there does not go back to, and never removes."""
    try:
        return {int(step) for step in json.loads((Path(directory) / OTHERS).read_text())}
    except FileNotFoundError:
        return set()
    except (ValueError, TypeError, RecursionError):
        raise ValueError(f"{Path(directory) / OTHERS} holds no list of steps; restore it, or remove it") from None


def say_of_others(directory: str | Path, steps: set[int]) -> None:
    """Write that; without any there is no file."""
    file = Path(directory) / OTHERS
    if steps:
        with written_whole(file) as new:
            new.write_text(json.dumps(sorted(steps)))
    else:
        file.unlink(missing_ok=True)


def newest_complete(directory: str, damage: Callable[[Path], str | None] = lambda folder: None) -> tuple[str | None, list[str]]:
    """The newest complete checkpoint below `directory`, and a sentence about each newer one that is broken or unfinished.

    Nothing newer than what verl's tracker names counts: whoever goes back to an older checkpoint sets the tracker. A tracker
    that cannot be read (a disk that was full), or is gone though there are checkpoints, is a broken thing, too, and then every
    checkpoint with a list counts. Without one, a first checkpoint that was not finished is none. Those `of_others` count only
    where the tracker names one of them.

    damage: says what is wrong with a checkpoint whose files are all there; None if nothing is.

    Raises:
        ValueError: there are checkpoints, but none is complete.
    """
    root = Path(directory)
    tracker = root / CHECKPOINT_TRACKER
    try:
        tracked, broken = int(tracker.read_text()), []
    except FileNotFoundError:
        tracked, broken = None, [f"{tracker} is gone"]
    except ValueError:
        tracked, broken = None, [f"{tracker} holds no step"]
    name = re.compile(CHECKPOINT_FOLDER.format(r"(\d+)"))
    steps = {int(m[1]): p for p in root.glob(CHECKPOINT_FOLDER.format("*")) if (m := name.fullmatch(p.name))}
    if not tracker.exists() and all(_begun(folder) for folder in steps.values()):
        return None, []
    others = of_others(root) if tracked is not None else set()
    if tracked not in others:
        steps = {step: folder for step, folder in steps.items() if step not in others}
    for step in sorted(steps, reverse=True):
        reason = problem(steps[step], step == tracked) or damage(steps[step])
        if reason is not None:
            broken.append(f"{steps[step]} {reason}")
        elif tracked is None or step <= tracked:
            return str(steps[step]), broken
    raise ValueError(
        f"no checkpoint in {directory} is complete ({'; '.join(broken) or CHECKPOINT_FOLDER.format(tracked) + ' is gone'}); "
        "restore one, or start anew with another trainer.default_local_dir"
    )


def _begun(folder: Path) -> bool:
    """Whether a checkpoint was begun by `begin_list` and its list never written."""
    try:
        return read_names(folder / LIST) is None
    except ValueError:  # the disk was full
        return True
    except FileNotFoundError:
        return not any(path.is_file() for path in folder.rglob("*"))


def resumes_from(config) -> str:
    """The end of a run's last sentence: where the next one begins."""
    try:
        folder, _ = newest_complete(config.trainer.default_local_dir)
    except (ValueError, OSError):
        folder = None
    return f"the same command resumes from {folder}" if folder else "no checkpoint had been saved"
