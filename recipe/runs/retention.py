"""`trainer.max_actor_ckpt_to_keep` over all starts of a run: verl counts those of the present start only.

Once a checkpoint is complete, the older ones of the run beyond that number are removed. What counts as the run's own, and so
may go, is decided narrowly, since what is removed is gone:

- a folder `global_step_N` with the list that this project's trainer writes into each (no link, nothing of another trainer's);
- N is below the checkpoint that was just completed, which itself is never touched, nor is anything newer: whoever goes back to
  an older step may want the newer ones;
- this start has written it, or had resumed from it or from a later one in the same folder. A start from step 0, or from a
  checkpoint elsewhere, leaves what it finds; so do the starts that go on from its checkpoints, for which it is written down.

Of these the newest complete ones stay, and unfinished or damaged ones go: nothing resumes from those any more.
"""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Set
from pathlib import Path

from recipe.runs.checkpoints import LIST, of_others, problem
from verl_patches.names import CHECKPOINT_FOLDER

SETTLES_S = 0.5
_NAME = re.compile(CHECKPOINT_FOLDER.format(r"(\d+)"))


def step_of(folder: str | Path) -> int | None:
    """N of a folder `global_step_N`; None for another name."""
    match = _NAME.fullmatch(Path(folder).name)
    return int(match[1]) if match else None


def listed(directory: str | Path) -> dict[int, Path]:
    """The checkpoint folders in `directory` that this project's trainer has begun, by step."""
    folders = Path(directory).glob(CHECKPOINT_FOLDER.format("*"))
    found = {step_of(folder): folder for folder in folders if not folder.is_symlink() and (folder / LIST).is_file()}
    return {step: folder for step, folder in found.items() if step is not None}


def keep_of(config, use_critic: bool = False) -> int | None:
    """How many checkpoints stay; None for all."""
    keys = ("max_actor_ckpt_to_keep", "max_critic_ckpt_to_keep") if use_critic else ("max_actor_ckpt_to_keep",)
    numbers = [config.trainer.get(key) for key in keys]
    return None if None in numbers else max(numbers)


def superfluous(directory: str | Path, newest: int, keep: int, own: Set[int], resumed: int) -> list[Path]:
    """The folders to remove, oldest first.

    newest: step of the checkpoint that was just completed. own: steps that this start has saved. resumed: the step that it has
    resumed from in this directory, 0 for none.
    """
    ours = (set(range(resumed + 1)) - of_others(directory)) | own
    older = {step: folder for step, folder in listed(directory).items() if step < newest and step in ours}
    whole = sorted(step for step, folder in older.items() if problem(folder, is_tracked=False) is None)
    stay = whole[max(len(whole) - (keep - 1), 0) :]
    return [older[step] for step in sorted(older) if step not in stay]


def remove(folders: list[Path]) -> None:
    """Remove them; one that cannot be is named in a warning, and the run goes on."""
    for folder in folders:
        try:
            (folder / LIST).write_text("null")  # half removed it is not complete
            try:
                shutil.rmtree(folder)
            except OSError:  # its digests may have been written meanwhile, into a folder that was empty a moment ago
                time.sleep(SETTLES_S)
                shutil.rmtree(folder)
            print(f"removed {folder}, beyond trainer.max_actor_ckpt_to_keep", file=sys.stderr, flush=True)
        except OSError as error:
            print(f"warning: {folder} could not be removed ({error}); its space stays taken", file=sys.stderr, flush=True)
