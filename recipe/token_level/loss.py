"""A loss function for verl's workers: verl's own `ppo_loss`, with the per-token fields within reach of the policy loss."""

from __future__ import annotations

import importlib

from recipe.token_level.context import LossInputs, handing_loss
from verl_patches.contract import check

SUMS = "token_level_sums/"  # prefix of metrics that the trainer turns into ratios


class TokenFieldsLoss:
    """Callable for `ActorRolloutRefWorker.set_loss_fn`; pickled on the driver, called for each micro-batch on each rank.

    Args:
        config: verl's ActorConfig.
        plugin: the module that registers the policy loss, imported (loudly) where this object arrives.
        token_fields: names of the fields in the batch to hand over; nested `[B, j]` there, padded with 0 here.
    """

    def __init__(self, config, plugin: str, token_fields: tuple[str, ...]):
        self.config = config
        self.plugin = plugin
        self.token_fields = token_fields

    def __setstate__(self, state):
        self.__dict__.update(state)
        check("rank")
        importlib.import_module(self.plugin)

    def __call__(self, model_output, data, dp_group=None):
        from verl.utils.metric import AggregationType, Metric
        from verl.workers.utils.losses import ppo_loss
        from verl.workers.utils.padding import no_padding_2_padding

        present = [name for name in self.token_fields if name in data]
        padded = data.select(*present).to_padded_tensor(0)
        inputs = LossInputs({name: padded[name] for name in present})
        if (entropy := model_output.get("entropy")) is not None:
            inputs.entropy = no_padding_2_padding(entropy.detach(), data)
        with handing_loss(inputs):
            loss, metrics = ppo_loss(self.config, model_output, data, dp_group)
        for name, value in inputs.sums.items():
            metrics[SUMS + name] = Metric(value=value, aggregation=AggregationType.SUM)
        return loss, metrics
