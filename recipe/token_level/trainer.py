"""The part of a trainer that is the same for all token-level methods and all three of verl's trainer modes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import transfer_queue as tq
from omegaconf import open_dict
from tensordict import TensorDict
from verl.trainer.ppo.v1.replay_buffer import DAPO_FILTERED_REWARD_COUNTS_KEY
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_colocate_async import PPOTrainerColocateAsync
from verl.trainer.ppo.v1.trainer_separate_async import PPOTrainerSeparateAsync
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils.config import omega_conf_to_dataclass
from verl.utils.debug import marked_timer
from verl.workers.utils.padding import response_to_nested

from recipe.token_level.console import StepLine
from recipe.token_level.context import EstimatorInputs, handing_estimator
from recipe.token_level.health import HealthLog
from recipe.token_level.inputs import refuse_finished
from recipe.token_level.loss import SUMS, TokenFieldsLoss
from recipe.token_level.method import Method, check_registered
from recipe.token_level.recovery import RecoverableTrainer
from recipe.token_level.run_folder import keep_metrics
from recipe.token_level.token_dump.collect import TokenDump
from recipe.token_level.token_dump.settings import dump_settings
from recipe.token_level.validate import check_run
from recipe.token_level.verdicts import verdict_metrics, verdicts
from recipe.token_level.watchdog import count_prompts

# Rollout and training take turns on the same GPUs; the same, but unfinished responses go on after the weight sync; both run at
# the same time on different GPUs.
_VERLS = {"sync": PPOTrainerSync, "colocate_async": PPOTrainerColocateAsync, "separate_async": PPOTrainerSeparateAsync}


def register_trainers(method: Method, mix_in: type[TokenLevelTrainer]) -> None:
    """Register `<method>_<mode>` with verl for its three trainer modes, each of its trainers with the mix-in in front."""
    for mode, base in _VERLS.items():
        name = f"{method.name}_{mode}"
        register_trainer(name)(type(name, (mix_in, base), {"method": method, "base_mode": mode}))


class TokenLevelTrainer(RecoverableTrainer):
    """Mix-in in front of one of verl's trainers; `register_trainers` sets the two attributes.

    method: the method's name, plugin and token fields.
    base_mode: the trainer mode of verl that the other base class implements.
    """

    method: ClassVar[Method]
    base_mode: ClassVar[str]

    def __init__(self, config):
        check_registered(self.method)
        self.settings = check_run(config, self.method)
        self.token_dump = TokenDump(dump_settings(config))
        # verl takes every mode but the literal "sync" for asynchronous and reads `trainer.v1.<mode>`, so it must see its own
        # name, not the one this class is registered under.
        with open_dict(config):
            config.trainer.v1.trainer_mode = self.base_mode
        super().__init__(config)

    def _build_replay_buffer(self):
        buffer = super()._build_replay_buffer()
        sampler = self.config.trainer.v1.sampler
        if not sampler.custom_sampler.path and sampler.get("poll_interval"):
            buffer.poll_interval = sampler.poll_interval  # verl's constructor takes it, its config does not
        return count_prompts(buffer)

    def on_init_end(self):
        super().on_init_end()
        actor = omega_conf_to_dataclass(self.config.actor_rollout_ref.actor)
        self.actor_rollout_wg.set_loss_fn(TokenFieldsLoss(actor, self.method.plugin, self.method.token_fields))

    @property
    def logger(self):
        """verl's Tracking, which `fit` makes and assigns; there is no hook between that and the first log."""
        return self._tracking

    @logger.setter
    def logger(self, tracking):
        self._tracking = tracking
        backends = tracking.logger
        if "console" in backends:
            backends["console"] = StepLine(self.total_training_steps, self.method.console)
        backends["health"] = HealthLog(self.method.checks)

    def fit(self, agent_loop_manager):
        if not self.config.trainer.get("val_only", False):
            refuse_finished(self.config, self.global_steps, self.total_training_steps, self.steps_per_epoch)
        keep_metrics(self.config)
        super().fit(agent_loop_manager)

    def step(self, metrics, timing_raw):
        batch = super().step(metrics, timing_raw)
        if self.token_dump.settings.due(self.global_steps):
            with marked_timer("token_dump", timing_raw):
                self.token_dump.write(self, batch)
        return batch

    def _compute_advantage(self, batch, metrics):
        fields = ["entropy", "response_mask", "extra_fields"]
        with marked_timer("fetch_estimator_inputs", self.timing_raw):
            rows = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields)
        inputs = EstimatorInputs(
            settings=self.settings,
            keys=list(batch.keys),
            is_padding=np.array([tag.get("is_padding", False) for tag in batch.tags], dtype=bool),
            entropy=rows["entropy"].to_padded_tensor(0.0),
            acc=verdicts(rows["extra_fields"]),
        )
        filters = self.config.algorithm.get("filter_groups")
        by_verdict = filters and filters.enable and filters.metric == "acc"
        dropped = metrics.get(DAPO_FILTERED_REWARD_COUNTS_KEY, {}) if by_verdict else {}
        metrics.update(verdict_metrics(inputs.keys, inputs.acc, inputs.is_padding, dropped))
        with handing_estimator(inputs):
            batch = super()._compute_advantage(batch, metrics)
        self.after_advantage(inputs, batch)
        metrics.update(inputs.metrics)
        if not inputs.token_fields:
            return batch
        with marked_timer("send_token_fields", self.timing_raw):
            nested = {name: response_to_nested(x, rows["response_mask"]) for name, x in inputs.token_fields.items()}
            fields = TensorDict(nested, batch_size=len(batch))
            return tq.kv_batch_put(keys=batch.keys, partition_id=batch.partition_id, fields=fields)

    def after_advantage(self, inputs: EstimatorInputs, batch):
        """For a subclass that does more with what the estimator was given and has found; batch: verl's KVBatchMeta."""

    def _update_actor(self, batch, metrics):
        batch = super()._update_actor(batch, metrics)
        prefix = "actor/" + SUMS  # verl puts "actor/" before every metric of the loss
        sums = {name.removeprefix(prefix): metrics.pop(name) for name in list(metrics) if name.startswith(prefix)}
        metrics.update(self.method.ratios(sums))
        return batch
