"""The trainer's part in stopping and resuming: it saves and ends when asked to, begins at a checkpoint that is whole, and
does not wait for ever."""

from __future__ import annotations

import os
import warnings

from omegaconf import open_dict
from verl.utils.debug import marked_timer

from recipe.runs.checkpoints import begin_list, newest_complete, write_list
from recipe.runs.stopping import Stopped, request_file
from recipe.runs.watchdog import START_S, Watchdog, diagnose, end_with, processes_of, progress_of
from verl_patches.names import CHECKPOINT_FOLDER
from verl_patches.trainer_hooks import HookedTrainer


class RecoverableTrainer(HookedTrainer):
    """Mix-in in front of one of verl's trainers."""

    saved_step: int | None = None
    _watched = ()
    _watchdog: Watchdog | None = None

    def __init__(self, config):
        super().__init__(config)
        if limit := config.trainer.get("hang_timeout_s"):
            self._watchdog = Watchdog(max(limit, START_S), lambda: progress_of(self), self._end_hang)
            self._watchdog.start()

    def on_init_end(self):
        super().on_init_end()
        if self._watchdog:
            self._watched = processes_of(self)
            self._watchdog.limit_s = self.config.trainer.hang_timeout_s

    def fit(self, agent_loop_manager):
        try:
            super().fit(agent_loop_manager)
        finally:
            if self._watchdog:
                self._watchdog.ended.set()

    def _end_hang(self, waited: float):
        where = f"in step {self.global_steps}" if self._watched else "while starting"

        def sentence():
            hint = "(if it is only slow, raise trainer.hang_timeout_s)"
            return f"no progress for {waited:.0f} s {where}: {diagnose(self._watched)} {hint}"

        end_with(sentence, self.config)

    def save(self):
        folder = os.path.join(self.config.trainer.default_local_dir, CHECKPOINT_FOLDER.format(self.global_steps))
        listed = not self.config.actor_rollout_ref.actor.get("checkpoint", {}).get("async_save", False)
        begin_list(folder, listed)
        super().save()
        self.saved_step = self.global_steps
        if listed:
            write_list(folder)

    def load(self):
        if self.config.trainer.resume_mode == "auto":
            folder, broken = newest_complete(self.config.trainer.default_local_dir)
            for sentence in broken:
                warnings.warn(f"{sentence}; {folder} is used instead", stacklevel=1)
            if broken:
                with open_dict(self.config):
                    self.config.trainer.update(resume_mode="resume_path", resume_from_path=folder)
        super().load()

    def on_step_begin(self):
        self._end_if_saved()
        super().on_step_begin()

    def on_step_end(self):
        if request_file(self.config).exists() and self.saved_step != self.global_steps:
            with marked_timer("save_checkpoint", self.timing_raw):
                self.save()
        super().on_step_end()

    def validate(self):
        if self._ends_now():  # a validation may take longer than there is time; the step's metrics are logged after it
            return {}
        return super().validate()

    def _ends_now(self):
        finished = self.global_steps > self.total_training_steps or self.saved_step == self.total_training_steps
        return self.saved_step is not None and not finished and request_file(self.config).exists()

    def _end_if_saved(self):
        if self._ends_now():
            folder = self.config.trainer.default_local_dir
            raise Stopped(
                f"stopped as asked, with a checkpoint of step {self.saved_step} in {folder}; the same command resumes from it"
            )
