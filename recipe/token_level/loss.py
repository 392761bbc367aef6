"""A loss function for verl's workers: verl's own `ppo_loss`, with the per-token fields within reach of the policy loss."""

from __future__ import annotations

import importlib
from typing import Any

import torch

from recipe.token_level.context import LossInputs, handing_loss
from verl_patches import checkpoints
from verl_patches.contract import check

SUMS = "token_level_sums/"  # prefix of metrics that the trainer turns into ratios


class TokenFieldsLoss:
    """Callable for `ActorRolloutRefWorker.set_loss_fn`; pickled on the driver, called for each micro-batch on each rank.

    Args:
        config: verl's ActorConfig.
        plugin: the module that registers the policy loss, imported (loudly) where this object arrives.
        token_fields: names of the fields in the batch to hand over; nested `[B, j]` there, padded with 0 here.
        settings: the method's typed settings.
        reads_entropy: whether the policy loss is handed the entropies of the policy being updated.
    """

    def __init__(self, config, plugin: str, token_fields: tuple[str, ...], settings: Any, reads_entropy: bool = False):
        self.config = config
        self.plugin = plugin
        self.token_fields = token_fields
        self.settings = settings
        self.reads_entropy = reads_entropy

    def __setstate__(self, state):
        self.__dict__.update(state)
        check("rank")
        checkpoints.apply()  # before any is saved or loaded
        importlib.import_module(self.plugin)

    def __call__(self, model_output, data, dp_group=None):
        from verl.utils import tensordict_utils as tu
        from verl.workers.utils.losses import ppo_loss

        from recipe.token_level.device_metrics import device_metrics

        if tu.get_non_tensor_data(data, "batch_num_tokens", None) == 0:
            tu.assign_non_tensor(data, batch_num_tokens=1)  # all tokens of the mini-batch are masked: a loss of 0, not 0 / 0
        present = [name for name in self.token_fields if name in data]
        padded = data.select(*present).to_padded_tensor(0)
        inputs = LossInputs(self.settings, {name: padded[name] for name in present})
        if self.reads_entropy and present:
            width = inputs.token_fields[present[0]].shape[1]
            inputs.entropy = of_responses(model_output["entropy"].detach(), data["prompts"], data["responses"], width)
        with handing_loss(inputs):
            loss, metrics = ppo_loss(self.config, model_output, data, dp_group)
        sums = {SUMS + name: value for name, value in inputs.sums.items()}
        return loss, metrics | device_metrics(inputs.means, sums)


def of_responses(output: torch.Tensor, prompts: torch.Tensor, responses: torch.Tensor, width: int) -> torch.Tensor:
    """Cut the responses out of a model output, without a loop over the rows and without waiting for the device.

    Args:
        output: nested `[B, j]`, prompt and response of each row; position t is about token t + 1.
        prompts, responses: nested `[B, j]`, of which only the lengths are read; no prompt is empty.
        width: of the result, at least the longest response.

    Returns:
        `[B, width]`, 0 beyond each response; as verl's `no_padding_2_padding`.
    """
    values, lengths = output.values(), responses.offsets().diff()
    ends = (prompts.offsets().diff() + lengths).cumsum(0)
    place = torch.arange(width, device=values.device)
    index = (ends - lengths - 1).unsqueeze(1) + place
    return torch.where(place < lengths.unsqueeze(1), values[index.clamp(max=len(values) - 1)], 0)
