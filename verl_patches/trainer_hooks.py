"""verl's trainer with public names for the parts of a run that a method or a run layer has to be in.

Missing upstream: `PPOTrainer` of verl 0.9.1 has public hooks around a step (`on_step_begin`, `on_step_end`), but none around
the next prompts, the advantages, the actor update, checkpoints, the validation, the replay buffer or the loggers; those are
private methods of `verl.trainer.ppo.v1.trainer_base.PPOTrainer`, and `fit` makes its `Tracking` and logs to it without a hook
in between. None of its hooks is called when the run's tracking and queue are closed.

Nothing is patched: the private methods are overridden here and lead to public ones, which do what verl does.
"""

from verl_patches.contract import check

check("task runner")

from collections.abc import Mapping
from typing import Any

from verl.trainer.ppo.v1.replay_buffer import DAPO_FILTERED_REWARD_COUNTS_KEY
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from verl_patches.checkpoints.weights_only import weights_only


class HookedTrainer(PPOTrainer):
    """Mix-in in front of one of verl's trainers. A subclass overrides the hooks and calls `super()` for verl's own part.

    `batch` is always verl's KVBatchMeta: row keys and tags, with the data in TransferQueue.
    """

    def issue_prompts(self) -> None:
        """Hand the next batch of prompts to the rollouts; called once at the beginning of a step."""
        super()._add_batch_to_generate()

    def pause_rollouts(self) -> None:
        """Break off what is being generated, and free the GPUs that rollouts and training share."""
        self.checkpoint_manager.abort_replicas()
        self.checkpoint_manager.sleep_replicas()

    def advantage_step(self, batch, metrics):
        """Compute the advantages of a batch and put them into TransferQueue; the batch to go on with."""
        return super()._compute_advantage(batch, metrics)

    def actor_step(self, batch, metrics):
        """Update the actor, with metrics of the loss under LOSS_METRIC_PREFIX in `metrics`; the batch to go on with."""
        return super()._update_actor(batch, metrics)

    def save(self) -> None:
        """Save a checkpoint of `global_steps`."""
        super()._save_checkpoint()

    def load(self) -> None:
        """Set `global_steps` and load its checkpoint; called once, when models and dataloader are there."""
        trainer = self.config.trainer
        with weights_only(trainer.resume_from_path if trainer.resume_mode == "resume_path" else trainer.default_local_dir):
            super()._load_checkpoint()

    def validate(self) -> dict[str, float]:
        """Validate; the metrics."""
        return super()._validate()

    def made_replay_buffer(self, buffer):
        """Called from the constructor with verl's replay buffer, or a sampler of the user's own; the one to use."""
        return buffer

    def made_loggers(self, backends: dict[str, Any]) -> None:
        """Called by `fit` with verl's logger backends by name, before anything is logged; may be changed in place."""

    def closed(self) -> None:
        """Called last, when the run's tracking and TransferQueue have been closed, however it ended."""

    def data_parallel_ranks(self) -> int:
        """Over how many ranks verl divides a batch of the actor's; known once a step has balanced its batch."""
        return max(self.actor_rollout_wg._dispatch_info["actor"]) + 1

    def rank_actors(self) -> list:
        """Ray's handles of the training ranks in their order; the reference policy lives in the same processes."""
        return list(self.actor_rollout_wg.workers)

    def server_actors(self) -> list:
        """Ray's handles of all vLLM servers of the run."""
        replicas = [replica for manager in self._rollout_server_managers() for replica in manager.get_replicas()]
        return [server for replica in replicas for server in replica.servers]

    def reward_actors(self) -> list:
        """Ray's handles of the reward workers; none if a reward model shares the training GPUs."""
        return list(self.reward_loop_manager.reward_loop_worker_handles or ())

    def queue_actors(self) -> dict[str, object]:
        """Ray's handles of TransferQueue's processes, by what they are; those of its storage if this process has made it."""
        import ray
        from transfer_queue import interface

        try:
            found = {"TransferQueue's controller": ray.get_actor("TransferQueueController", namespace="transfer_queue")}
        except ValueError:  # none is running
            return {}
        units = (interface._TQ_STORAGE or {}).get("SimpleStorage", {}).values()
        return found | {f"TransferQueue's storage {i}": unit for i, unit in enumerate(units)}

    @property
    def logger(self):
        """verl's Tracking, which `fit` assigns."""
        return self._tracking

    @logger.setter
    def logger(self, tracking):
        self._tracking = tracking
        self.made_loggers(tracking.logger)

    def _add_batch_to_generate(self):
        self.issue_prompts()

    def _compute_advantage(self, batch, metrics):
        return self.advantage_step(batch, metrics)

    def _update_actor(self, batch, metrics):
        return self.actor_step(batch, metrics)

    def _save_checkpoint(self):
        self.save()

    def _load_checkpoint(self):
        self.load()

    def _validate(self):
        return self.validate()

    def _build_replay_buffer(self):
        return self.made_replay_buffer(super()._build_replay_buffer())


def filtered_by_reward(metrics: Mapping[str, Any]) -> Mapping[float, int]:
    """Of the prompts that group filtering has dropped in a step, how many had which reward; `fit` takes this out again."""
    return metrics.get(DAPO_FILTERED_REWARD_COUNTS_KEY, {})
