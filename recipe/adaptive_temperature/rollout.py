"""How the entropy statistics travel from the driver to vLLM: with each batch of prompts, then with each request."""

from __future__ import annotations

from typing import Any, ClassVar

import ray
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ, AgentLoopWorkerTQ
from verl.utils import tensordict_utils as tu

from recipe.adaptive_temperature.temperature import REQUEST_KEY

_FIELD = "adaptive_temperature"


class AdaptiveTemperatureWorker(AgentLoopWorkerTQ.__ray_actor_class__):
    """verl's agent-loop worker; every agent loop, a user's too, gets the parameters in its `sampling_params`."""

    def __init__(self, *args, **kwargs):
        # Ray sends an inherited __init__ by value, together with a second copy of verl's class, which its super() then means.
        super().__init__(*args, **kwargs)

    async def _run_agent_loop(self, sampling_params: dict[str, Any], trajectory: dict[str, Any], **kwargs):
        # Taken out here, so that the field does not go on into the replay buffer.
        parameters = kwargs.pop(_FIELD, None)
        if parameters is not None:
            # verl shares this dict between the responses to a prompt.
            extra_args = (sampling_params.get("extra_args") or {}) | {REQUEST_KEY: parameters}
            sampling_params = sampling_params | {"extra_args": extra_args}
        return await super()._run_agent_loop(sampling_params, trajectory, **kwargs)


class AdaptiveTemperatureManager(AgentLoopManagerTQ):
    """verl's agent-loop manager, in the trainer's process; sends `parameters` with all prompts but those of a validation.

    parameters: `request_parameters` of the latest training step; None: plain temperature. A request keeps those it started
        with, also when it goes on after a weight sync.
    """

    worker_class: ClassVar[type] = AdaptiveTemperatureWorker
    parameters: dict[str, Any] | None = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.agent_loop_workers_class = ray.remote(self.worker_class)

    def generate_sequences(self, prompts):
        validate = "validate" in prompts and prompts["validate"]
        if self.parameters is not None and not validate:
            tu.assign_non_tensor_data(prompts, _FIELD, self.parameters)
        return super().generate_sequences(prompts)
