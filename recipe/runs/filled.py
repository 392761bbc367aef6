"""The trainer's part in batches that are not full: it counts what is missing, and does not generate for ever."""

from __future__ import annotations

from collections import Counter

from omegaconf import open_dict

from recipe.runs.checkpoints import resumes_from
from recipe.runs.nodes import ResponsesMissing
from verl_patches.replay_buffer import nothing_came, nothing_was_validated
from verl_patches.trainer_hooks import HookedTrainer


class FilledTrainer(HookedTrainer):
    """Mix-in in front of one of verl's trainers. The limit is `algorithm.filter_groups.max_num_gen_batches`, 0 for none."""

    def __init__(self, config):
        filters = config.algorithm.filter_groups
        self._most = filters.max_num_gen_batches
        self._step, self._dropped = None, Counter()  # values of the filter's metric, None for failed rollouts
        with open_dict(config):
            filters.max_num_gen_batches = 0  # else verl says that it ignores it
            super().__init__(config)
            filters.max_num_gen_batches = self._most

    def step(self, metrics, timing_raw):
        try:
            return super().step(metrics, timing_raw)
        except RuntimeError as error:
            if not nothing_came(error):
                raise
            raise self._no_response(f"in step {self.global_steps}") from error

    def validate(self):
        try:
            return super().validate()
        except ValueError as error:
            if not nothing_was_validated(error):
                raise
            raise self._no_response(f"in the validation after step {self.global_steps}") from error

    def _no_response(self, where: str) -> ResponsesMissing:
        return ResponsesMissing(
            f"{where} not one response came: the reward function, the agent loop or vLLM raised each time, see the first "
            f"`Error in _run_prompt` above; {resumes_from(self.config)}"
        )

    def dropped_groups(self, step: int, alike: dict[float, int], failed: int) -> None:
        """Called by the replay buffer when it has dropped groups of responses while step `step` samples.

        alike: how many whose responses all had which value of the filter's metric. failed: for failed rollouts.

        Raises:
            ValueError: the step has dropped `max_num_gen_batches` batches.
        """
        if step != self._step:
            self._step, self._dropped = step, Counter()
        self._dropped.update(alike)
        self._dropped[None] += failed
        dropped, batch = sum(self._dropped.values()), self.config.data.train_batch_size
        if self._most and dropped >= self._most * batch:
            raise ValueError(
                f"step {step} has dropped {dropped} groups of responses, {self._most} times data.train_batch_size={batch}, and "
                f"has no batch yet: {self._shares()}; take other data, raise algorithm.filter_groups.max_num_gen_batches, or "
                "set algorithm.filter_groups.enable=False"
            )

    def advantage_step(self, batch, metrics):
        # Of a prompt whose reward or agent loop raised, verl trains on what is left, and says so in the workers' log only.
        asked = self.config.data.train_batch_size // self.parameter_sync_step * self.config.actor_rollout_ref.rollout.n
        real = [key for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding", False)]
        answered = len({key.rsplit("_", 1)[0] for key in real})
        metrics["rollouts/failed_share"] = 1 - answered / asked
        return super().advantage_step(batch, metrics)

    def _shares(self) -> str:
        metric, total = self.config.algorithm.filter_groups.metric, sum(self._dropped.values())
        names = {None: "failed, see the errors of their reward or agent loop above"}
        if metric == "acc":
            names |= {1.0: "were all right", 0.0: "were all wrong"}
        return ", ".join(
            f"{count / total:.0%} {names.get(value, f'had {metric}={value} throughout')}"
            for value, count in self._dropped.most_common(4)
            if count
        )
