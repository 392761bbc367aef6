"""The trainer's part in dynamic sampling: it does not generate for ever where no batch comes together."""

from __future__ import annotations

from collections import Counter

from omegaconf import open_dict

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
