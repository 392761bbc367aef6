"""The trainer's part in stopping and resuming: it saves and ends when asked to, and begins at a checkpoint that is whole.

A request is answered as soon as there is nothing to lose: while rollouts are generated or a validation goes on, with the last
finished step; from the log-probs to the weight sync of a step, with that step.
"""

from __future__ import annotations

import copy
import warnings
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import transfer_queue as tq
from omegaconf import open_dict
from verl.utils.debug import marked_timer

from recipe.runs.checkpoints import begin_list, newest_complete, of_others, problem, resumes_from, say_of_others, write_list
from recipe.runs.digests import DigestsLater, damage
from recipe.runs.retention import keep_of, listed, remove, superfluous
from recipe.runs.stopping import Stopped, StoppedUnsaved, asked
from verl_patches.names import CHECKPOINT_FOLDER
from verl_patches.trainer_hooks import HookedTrainer

# In a checkpoint of an asynchronous mode: the prompts of the next step had been handed out, and are in its TransferQueue.
ISSUED = "next_prompts_are_issued"


class Interrupted(Exception):
    """Breaks off a wait for rollouts."""


class RecoverableTrainer(HookedTrainer):
    """Mix-in in front of one of verl's trainers.

    saved_step: the last step that this attempt has saved. finished_step: the last one that it has trained to its end.
    writing: the checkpoint folder that is being written. files_looked_at: how many were, before it resumed.
    resumed_step: the step it has resumed from in its own folder. own_steps: those that this attempt has saved.
    """

    saved_step: int | None = None
    finished_step: int | None = None
    writing: Path | None = None
    files_looked_at = 0
    resumed_step = 0
    own_steps: frozenset[int] = frozenset()
    _may_interrupt = False
    _issued = False  # the prompts of the coming step are with the rollouts already
    _loader_state = None  # the dataloader's, from before the prompts of this step were drawn; None between two steps

    def __init__(self, config):
        self.digests = DigestsLater()
        super().__init__(config)

    # ---- A request to stop.
    def on_init_end(self):
        if self._asked():
            self._stop()
        super().on_init_end()

    def on_step_begin(self):
        if self._asked():
            self._stop()
        if self.finished_step is not None:
            self._loader_state = copy.deepcopy(self.train_dataloader.state_dict())
        super().on_step_begin()

    def issue_prompts(self):
        if self._issued:
            self._issued = False
            return
        super().issue_prompts()

    def step(self, metrics, timing_raw):
        # In separate_async a step samples several times, with updates in between, and may have lent its GPUs to the rollouts.
        self._may_interrupt = self.trainer_mode != "separate_async"
        try:
            return super().step(metrics, timing_raw)
        except Interrupted:
            self._stop(f" while the rollouts of step {self.global_steps} were generated")
        finally:
            self._may_interrupt = False

    def on_sample_end(self):
        self._may_interrupt = False
        super().on_sample_end()

    def on_step_end(self):
        if self._asked() and self.saved_step != self.global_steps:
            with marked_timer("save_checkpoint", self.timing_raw):
                self.save()
        super().on_step_end()
        self.finished_step, self._loader_state = self.global_steps, None

    def validate(self):
        if self.finished_step == self.total_training_steps:
            return super().validate()  # the run is over
        self._may_interrupt = True
        try:
            if not self._asked():
                return super().validate()
        except Interrupted:
            pass
        finally:
            self._may_interrupt = False
        if self.finished_step is None:
            self._stop(" during the validation before training")
        self._save_finished()  # here and now, since the metrics are logged before the next step begins
        return {}

    def _asked(self):
        return asked(self.config)

    def looked(self):
        """Called by the replay buffer after each look at the rollouts that it waits for."""
        if self._may_interrupt and self._asked():
            raise Interrupted

    def _stop(self, where=""):
        """End with a checkpoint of the last finished step, in whatever step the trainer is now."""
        step, folder = self.finished_step, self.config.trainer.default_local_dir
        self._save_finished()
        if step is None or self.saved_step != step:
            raise StoppedUnsaved(f"stopped as asked{where}, with no new checkpoint; {resumes_from(self.config)}")
        saved = f"with a checkpoint of step {step} in {folder}; the same command resumes from it"
        raise Stopped(f"stopped as asked{where}, {saved}")

    def _save_finished(self):
        """Save the last finished step, unless it is."""
        if self.finished_step is not None and self.saved_step != self.finished_step:
            self.pause_rollouts()  # a rank may need the room
            with self._at_the_end_of(self.finished_step):
                self.save()

    @contextmanager
    def _at_the_end_of(self, step):
        """Let verl save what it would have saved then: the weights are still those."""
        now, loader, drawn = self.global_steps, self.train_dataloader, self._loader_state is not None
        self.global_steps = step
        if drawn and self.trainer_mode == "sync":
            self.train_dataloader = SimpleNamespace(state_dict=lambda: self._loader_state)
        self._issued = drawn and self.trainer_mode != "sync"
        try:
            yield
        finally:
            self.global_steps, self.train_dataloader = now, loader

    # ---- Checkpoints.
    def save(self):
        folder = self._folder(self.global_steps)
        listed = not self.config.actor_rollout_ref.actor.get("checkpoint", {}).get("async_save", False)
        begin_list(folder, listed)
        self.writing = folder
        if self._issued:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ISSUED).touch()
        else:
            (folder / ISSUED).unlink(missing_ok=True)
        with self._callback_later() as calls:
            super().save()
            if listed:
                write_list(folder)
            self.saved_step = self.global_steps
        self.writing = None
        if self.global_steps in (others := of_others(folder.parent)):  # written over
            say_of_others(folder.parent, others - {self.global_steps})
        if listed:
            self.digests.start(folder)
        for call in calls:
            self.checkpoint_callback.on_save(**call)
        if listed:
            self._keep_a_few(folder.parent)

    def _keep_a_few(self, directory):
        self.own_steps |= {self.global_steps}
        keep = keep_of(self.config, getattr(self, "use_critic", False))
        if keep is not None:
            remove(superfluous(directory, self.global_steps, keep, self.own_steps, self.resumed_step))

    @contextmanager
    def _callback_later(self):
        """verl calls `on_save` when its own part is written; what it takes elsewhere should be complete, too."""
        callback, calls = self.checkpoint_callback, []
        self.checkpoint_callback = SimpleNamespace(on_save=lambda **call: calls.append(call))
        try:
            yield calls
        finally:
            self.checkpoint_callback = callback

    def load(self):
        if self.config.trainer.resume_mode == "auto":
            folder, broken = newest_complete(self.config.trainer.default_local_dir, self._damage)
            for sentence in broken:
                warnings.warn(f"{sentence}; {folder} is used instead", stacklevel=1)
            if broken:
                with open_dict(self.config):
                    self.config.trainer.update(resume_mode="resume_path", resume_from_path=folder)
        super().load()
        chosen = self.config.trainer.resume_mode == "resume_path"
        folder = Path(self.config.trainer.resume_from_path) if chosen else self._folder(self.global_steps)
        if self.global_steps and folder.resolve().parent == Path(self.config.trainer.default_local_dir).resolve():
            self.resumed_step = self.global_steps
        else:
            own_folder = self.config.trainer.default_local_dir
            if found := {step for step, path in listed(own_folder).items() if problem(path, is_tracked=False) is None}:
                say_of_others(own_folder, of_others(own_folder) | found)
        if self.trainer_mode != "sync" and self.global_steps:
            self._issued = (folder / ISSUED).exists()
            # Of a validation that was broken off; verl would take its rows for the next one's.
            if rows := list(tq.kv_list("val").get("val", {})):
                tq.kv_clear(keys=rows, partition_id="val")

    def _damage(self, folder):
        def looked_at_a_file():
            self.files_looked_at += 1

        return damage(folder, looked_at_a_file)

    def closed(self):
        self.digests.wait()
        super().closed()

    def _folder(self, step) -> Path:
        return Path(self.config.trainer.default_local_dir) / CHECKPOINT_FOLDER.format(step)
