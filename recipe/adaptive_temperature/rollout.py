"""How the entropy statistics travel from the driver to vLLM: with each batch of prompts, then with each request."""

from __future__ import annotations

from typing import Any, ClassVar

from verl.utils import tensordict_utils as tu

from recipe.adaptive_temperature.temperature import REQUEST_KEY
from verl_patches.agent_loop import HookedAgentLoopManager, HookedAgentLoopWorker

_FIELD = "adaptive_temperature"


class AdaptiveTemperatureWorker(HookedAgentLoopWorker):
    """verl's agent-loop worker; every agent loop, a user's too, gets the parameters in its `sampling_params`."""

    def __init__(self, *args, **kwargs):  # see HookedAgentLoopWorker
        super().__init__(*args, **kwargs)

    async def run_session(self, sampling_params: dict[str, Any], trajectory: dict[str, Any], **prompt):
        # Taken out here, so that the field does not go on into the replay buffer.
        parameters = prompt.pop(_FIELD, None)
        if parameters is not None:
            # verl shares this dict between the responses to a prompt.
            extra_args = (sampling_params.get("extra_args") or {}) | {REQUEST_KEY: parameters}
            sampling_params = sampling_params | {"extra_args": extra_args}
        return await super().run_session(sampling_params, trajectory, **prompt)


class AdaptiveTemperatureManager(HookedAgentLoopManager):
    """verl's agent-loop manager, in the trainer's process; sends `parameters` with all prompts but those of a validation.

    parameters: `request_parameters` of the latest training step; None: plain temperature. A request keeps those it started
        with, also when it goes on after a weight sync.
    """

    worker_class: ClassVar[type] = AdaptiveTemperatureWorker
    parameters: dict[str, Any] | None = None

    def generate_sequences(self, prompts):
        validate = "validate" in prompts and prompts["validate"]
        if self.parameters is not None and not validate:
            tu.assign_non_tensor_data(prompts, _FIELD, self.parameters)
        return super().generate_sequences(prompts)
