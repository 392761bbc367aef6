"""Loaded into the trainer's process as its agent-loop manager: holds the trainer in a phase until the harm is done."""

import json
import os
import time
from pathlib import Path

from tests.recording import SeedingManager

PATIENCE = 300


def folder() -> Path:
    return Path(os.environ["HTPO_TEST_RECORDS"])


def hold(phase: str, step: int | None = None) -> None:
    """Wait here if the test wants the trainer held in this phase of this step, once."""
    try:
        wanted = json.loads((folder() / "fault.json").read_text())
    except (OSError, ValueError):
        return
    if wanted["phase"] != phase or (step is not None and wanted["step"] != step) or (folder() / "reached").exists():
        return
    (folder() / "reached").touch()
    deadline = time.monotonic() + PATIENCE
    while not (folder() / "go").exists() and time.monotonic() < deadline:
        if wanted.get("grows"):  # a disk that takes its time
            with (folder() / wanted["grows"].format(step=step)).open("ab") as file:
                file.write(b"x" * 1000)
            time.sleep(1)
        time.sleep(0.1)


class Manager(SeedingManager):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        hold_phases()
        hold("start-up")


def hold_phases() -> None:
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer
    from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
    from verl.utils.tracking import Tracking

    from recipe.runs.token_dump.collect import TokenDump

    def before(owner, name, phase, step=lambda self, *args, **kwargs: getattr(self, "global_steps", None)):
        real = getattr(owner, name)

        def held(self, *args, **kwargs):
            hold(phase, step(self, *args, **kwargs))
            return real(self, *args, **kwargs)

        setattr(owner, name, held)

    before(PPOTrainer, "on_sample_begin", "generation")
    before(PPOTrainer, "_update_actor", "update")
    before(PPOTrainerSync, "on_step_end", "weight sync")
    before(PPOTrainer, "_validate", "validation")
    before(TokenDump, "write", "token dump", lambda self, trainer, batch: trainer.global_steps)
    before(Tracking, "log", "metrics", lambda self, data, step, **_: step)
    before(Tracking, "finish", "the end")
    real = PPOTrainer._save_checkpoint

    def save(self):
        """Held when the rank has written its part, and the rest is still to come."""
        ranks, step = self.actor_rollout_wg, self.global_steps
        save_ranks = ranks.save_checkpoint
        ranks.save_checkpoint = lambda *args, **kwargs: (save_ranks(*args, **kwargs), hold("save", step))
        try:
            real(self)
        finally:
            ranks.save_checkpoint = save_ranks

    PPOTrainer._save_checkpoint = save
