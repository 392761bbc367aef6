"""The part of a trainer that is the same for all token-level methods and all three of verl's trainer modes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import transfer_queue as tq
from omegaconf import OmegaConf, open_dict
from tensordict import TensorDict
from verl.utils.config import omega_conf_to_dataclass
from verl.utils.debug import marked_timer
from verl.workers.utils.padding import response_to_nested

from recipe.token_level.context import EstimatorInputs, handing_estimator
from recipe.token_level.loss import SUMS, TokenFieldsLoss
from recipe.token_level.method import Method, require_registered
from recipe.token_level.overlong import overlong_filtering, truncated_rows
from recipe.token_level.responses import response_metrics
from recipe.token_level.verdicts import verdict_metrics, verdicts
from verl_patches.names import LOSS_METRIC_PREFIX
from verl_patches.trainer_hooks import HookedTrainer, filtered_by_reward


class TokenLevelTrainer(HookedTrainer):
    """Mix-in in front of one of verl's trainers; who registers the result sets the two attributes.

    method: the method's name, plugin and token fields.
    base_mode: the trainer mode of verl that the other base class implements.
    """

    method: ClassVar[Method]
    base_mode: ClassVar[str]
    _ends: set[int] | None = None

    def __init__(self, config):
        require_registered(self.method)
        node = OmegaConf.to_container(config[self.method.name], resolve=True)
        self.settings = self.method.settings(node, config.actor_rollout_ref.actor)
        # verl takes every mode but the literal "sync" for asynchronous and reads `trainer.v1.<mode>`, so it must see its own
        # name, not the one this class is registered under.
        with open_dict(config):
            config.trainer.v1.trainer_mode = self.base_mode
        super().__init__(config)

    def load(self):
        # The loss comes first: with it the ranks get the patches that a checkpoint is loaded with.
        actor = omega_conf_to_dataclass(self.config.actor_rollout_ref.actor)
        self.actor_rollout_wg.set_loss_fn(
            TokenFieldsLoss(
                actor, self.method.plugin, self.method.token_fields, self.settings, self.method.reads_entropy(self.settings)
            )
        )
        super().load()

    def advantage_step(self, batch, metrics):
        filtering = overlong_filtering(self.config).enabled
        fields = ["entropy", "extra_fields", *(["responses"] if filtering else [])]
        with marked_timer("fetch_estimator_inputs", self.timing_raw):
            rows = tq.kv_batch_get(keys=batch.keys, partition_id=batch.partition_id, select_fields=fields)
        inputs = EstimatorInputs(
            settings=self.settings,
            keys=list(batch.keys),
            is_padding=np.array([tag.get("is_padding", False) for tag in batch.tags], dtype=bool),
            entropy=rows["entropy"],
            acc=verdicts(rows["extra_fields"]),
        )
        if filtering:
            limit = self.config.data.max_response_length
            inputs.filtered = truncated_rows(inputs.keys, rows["responses"], limit, self.end_tokens(), inputs.is_padding)
            real = ~inputs.is_padding
            metrics["rollouts/filtered_share"] = float(inputs.filtered[real].mean()) if real.any() else 0.0
        filters = self.config.algorithm.get("filter_groups")
        by_verdict = filters and filters.enable and filters.metric == "acc"
        dropped = filtered_by_reward(metrics) if by_verdict else {}
        metrics.update(verdict_metrics(inputs.keys, inputs.acc, inputs.is_padding, dropped))
        lengths, longest = inputs.entropy.offsets().diff().numpy(), self.config.actor_rollout_ref.rollout.response_length
        metrics.update(response_metrics(inputs.keys, inputs.is_padding, lengths, rows["extra_fields"], longest))
        with handing_estimator(inputs):
            batch = super().advantage_step(batch, metrics)
        batch = self._mask_from_loss(inputs, batch)
        self.after_advantage(inputs, batch)
        metrics.update(inputs.metrics)
        if not inputs.token_fields:
            return batch
        with marked_timer("send_token_fields", self.timing_raw):
            nested = {
                name: x if x.is_nested else response_to_nested(x, inputs.entropy) for name, x in inputs.token_fields.items()
            }
            fields = TensorDict(nested, batch_size=len(batch))
            return tq.kv_batch_put(keys=batch.keys, partition_id=batch.partition_id, fields=fields)

    def end_tokens(self) -> set[int]:
        """Ids at which vLLM ends a response: the tokenizer's end token and those of the model's generation_config.json."""
        if self._ends is None:
            model = omega_conf_to_dataclass(self.config.actor_rollout_ref.model)
            more = getattr(model.generation_config, "eos_token_id", None)
            more = more if isinstance(more, list) else [more]
            self._ends = {end for end in (self.tokenizer.eos_token_id, *more) if end is not None}
        return self._ends

    def _mask_from_loss(self, inputs: EstimatorInputs, batch):
        """Both of verl's masks: the loss is summed over `response_mask`, and divided by the tokens of `loss_mask`.

        verl writes only the first when rollout correction rejects, so that rejected tokens would count in the token mean.
        """
        correction = self.config.algorithm.get("rollout_correction") or {}
        if inputs.filtered is None and not correction.get("rollout_rs"):
            return batch
        where = {"keys": batch.keys, "partition_id": batch.partition_id}
        nested = tq.kv_batch_get(**where, select_fields=["response_mask"])["response_mask"]
        mask = inputs.trained(nested).long()
        fields = TensorDict({"response_mask": mask, "loss_mask": mask.clone()}, batch_size=len(batch))
        return tq.kv_batch_put(**where, fields=fields)

    def after_advantage(self, inputs: EstimatorInputs, batch):
        """For a subclass that does more with what the estimator was given and has found; batch: verl's KVBatchMeta."""

    def actor_step(self, batch, metrics):
        batch = super().actor_step(batch, metrics)
        prefix = LOSS_METRIC_PREFIX + SUMS
        sums = {name.removeprefix(prefix): metrics.pop(name) for name in list(metrics) if name.startswith(prefix)}
        metrics.update(self.method.ratios(sums))
        return batch
