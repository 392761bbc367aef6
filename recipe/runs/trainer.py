"""A method's trainers: verl's three, with what is asked of them in mix-ins.

token_level/trainer.py           the method's token fields
adaptive_temperature/trainer.py  the entropy statistics for the sampler
recovery.py                      stopping, resuming
watched.py                       the watchdog
filled.py, finite.py             batches that are not full, numbers that are not finite
RunTrainer, here                 checks, metrics, console, warnings, token dump
"""

from __future__ import annotations

from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_colocate_async import PPOTrainerColocateAsync
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils.debug import marked_timer

from recipe.adaptive_temperature.trainer import AdaptiveTemperatureTrainer
from recipe.runs.combinations import set_right
from recipe.runs.config_checks import check_run
from recipe.runs.console import StepLine
from recipe.runs.filled import FilledTrainer
from recipe.runs.finite import FiniteTrainer
from recipe.runs.health import HealthLog
from recipe.runs.health.log import measured_before
from recipe.runs.input_checks import refuse_finished
from recipe.runs.recovery import RecoverableTrainer
from recipe.runs.run_folder import keep_display, keep_metrics, run_folder
from recipe.runs.token_dump.collect import TokenDump
from recipe.runs.token_dump.collect_verdicts import VerdictDump
from recipe.runs.token_dump.dump_settings import dump_settings
from recipe.runs.trackers import continue_tensorboard, keep_trackers
from recipe.runs.trained_with import keep_settings
from recipe.runs.watched import WatchedTrainer
from recipe.token_level.method import Method
from verl_patches.replay_buffer import set_poll_interval, watch
from verl_patches.separate_async import PPOTrainerSeparateAsync

# Rollout and training take turns on the same GPUs; the same, but unfinished responses go on after the weight sync; both run at
# the same time on different GPUs.
_VERLS = {"sync": PPOTrainerSync, "colocate_async": PPOTrainerColocateAsync, "separate_async": PPOTrainerSeparateAsync}


def register_trainers(method: Method) -> None:
    """Register `<method>_<mode>` with verl for its three trainer modes."""
    for mode, base in _VERLS.items():
        name = f"{method.name}_{mode}"
        register_trainer(name)(type(name, (RunTrainer, base), {"method": method, "base_mode": mode}))


class RunTrainer(FiniteTrainer, AdaptiveTemperatureTrainer, FilledTrainer, WatchedTrainer, RecoverableTrainer):
    """Mix-in in front of one of verl's trainers: checks, metrics, console, warnings and token dump of a run."""

    def __init__(self, config):
        check_run(config, self.method)
        set_right(config)
        self.token_dump = TokenDump(dump_settings(config))
        self.verdict_dump = VerdictDump(self.token_dump.settings)
        super().__init__(config)

    def made_replay_buffer(self, buffer):
        sampler = self.config.trainer.v1.sampler
        if not sampler.custom_sampler.path and sampler.get("poll_interval"):
            set_poll_interval(buffer, sampler.poll_interval)
        return watch(buffer, looked=self.looked, dropped=self.dropped_groups)

    def made_loggers(self, backends):
        if "console" in backends:
            backends["console"] = StepLine(self.total_training_steps, self.method.console)
        continue_tensorboard(backends, self.global_steps)
        folder = run_folder(self.config)
        past = measured_before(folder, self.global_steps) if self.global_steps else {}
        backends["health"] = HealthLog(self.method.signs, past, folder)

    def fit(self, agent_loop_manager):
        if not self.config.trainer.get("val_only", False):
            refuse_finished(self.config, self.global_steps, self.total_training_steps, self.steps_per_epoch)
        keep_metrics(self.config)
        keep_trackers(self.config)
        keep_display(self.config, self.method.display)
        super().fit(agent_loop_manager)

    def save(self):
        super().save()
        if self.saved_step == self.global_steps:
            keep_settings(self.config, self.method)

    def step(self, metrics, timing_raw):
        batch = super().step(metrics, timing_raw)
        if self.token_dump.settings.due(self.global_steps):
            with marked_timer("token_dump", timing_raw):
                self.token_dump.write(self, batch)
                self.verdict_dump.write(self, batch)
        return batch
