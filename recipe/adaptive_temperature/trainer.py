"""The trainer's part in adaptive temperatures: each step's entropy statistics go to the next rollouts and into checkpoints."""

from __future__ import annotations

import json
import os
import warnings
from dataclasses import asdict

import transfer_queue as tq

from recipe.adaptive_temperature.rollout_config import prepare_rollout, sampling_settings
from recipe.adaptive_temperature.temperature import request_parameters
from recipe.primitives.entropy_score import EntropyStatistics, entropy_statistics
from recipe.token_level.trainer import TokenLevelTrainer
from verl_patches.names import CHECKPOINT_FOLDER

FILE = "entropy_statistics.json"  # in `global_step_<n>/`


class AdaptiveTemperatureTrainer(TokenLevelTrainer):
    """Mix-in in front of one of verl's trainers; without `adaptive_temperature.enabled` it changes nothing."""

    def __init__(self, config):
        super().__init__(config)
        self.entropy_statistics: EntropyStatistics | None = None
        self.sampling = sampling_settings(config)
        if self.sampling:
            prepare_rollout(config)

    def fit(self, agent_loop_manager):
        self._steer(agent_loop_manager)
        super().fit(agent_loop_manager)

    def after_advantage(self, inputs, batch):
        if not self.sampling:
            return
        self.entropy_statistics = inputs.statistics
        if inputs.statistics is None or not _score_alike(inputs.settings, self.sampling):
            # Read anew: rollout correction may have rejected tokens, which an estimator of scores leaves out as well.
            rows = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=["response_mask"])
            self.entropy_statistics = entropy_statistics(inputs.entropy, rows["response_mask"], self.sampling)
        inputs.metrics.update(self.entropy_statistics.metrics("adaptive_temperature"))
        self._steer(self.agent_loop_manager)

    def _steer(self, agent_loop_manager):
        if self.sampling and self.entropy_statistics:
            tau = self.sampling.tau
            agent_loop_manager.parameters = request_parameters(self.entropy_statistics, tau)

    def save(self):
        # Before verl writes the rest, so that a checkpoint that verl calls complete has it.
        if self.sampling and self.entropy_statistics:
            folder = os.path.join(self.config.trainer.default_local_dir, CHECKPOINT_FOLDER.format(self.global_steps))
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, FILE), "w") as file:
                json.dump(asdict(self.entropy_statistics), file)
        super().save()

    def load(self):
        super().load()
        if not self.sampling or self.global_steps == 0:
            return
        trainer = self.config.trainer
        folder = os.path.join(trainer.default_local_dir, CHECKPOINT_FOLDER.format(self.global_steps))
        if trainer.resume_mode == "resume_path":
            folder = trainer.resume_from_path
        path = os.path.join(folder, FILE)
        if not os.path.isfile(path):
            warnings.warn(f"{path} does not exist: the first step samples at plain temperature", stacklevel=1)
            return
        with open(path) as file:
            try:
                self.entropy_statistics = EntropyStatistics(**json.load(file))
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"{path} does not hold entropy statistics ({error}); remove it, and the first step samples at plain "
                    "temperature"
                ) from None


def _score_alike(settings, others) -> bool:
    """Whether a method's settings, which may have no scores, and others define the same score."""
    return all(getattr(settings, name, None) == getattr(others, name) for name in ("entropy_pivot", "variant"))
