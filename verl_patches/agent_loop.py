"""An agent-loop worker of one's own, and a public name for what it does for one session.

Missing upstream, in `verl.trainer.ppo.v1.agent_loop_tq` of verl 0.9.1: the worker is a Ray actor class, which cannot be derived
from; what it does with one session of a prompt is a private method; its manager has no setting for another worker.

Nothing is patched.
"""

from verl_patches.contract import check

check("agent loop")

from typing import Any, ClassVar

import ray
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ, AgentLoopWorkerTQ


class HookedAgentLoopWorker(AgentLoopWorkerTQ.__ray_actor_class__):
    """verl's agent-loop worker. A class that is handed to a manager needs an `__init__` of its own, as this one has.

    Ray sends an inherited `__init__` by value, together with a second copy of verl's class, which its super() then means.
    """

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

    async def run_session(self, sampling_params: dict[str, Any], trajectory: dict[str, Any], **prompt):
        """Run the agent loop for one session of a prompt.

        sampling_params: shared between the sessions of a prompt, so change a copy. trajectory: `step`, `sample_index` and
        others. prompt: the fields of the prompt's row, which go on into the replay buffer, and `session_id`.
        """
        return await super()._run_agent_loop(sampling_params, trajectory, **prompt)

    async def _run_agent_loop(self, sampling_params, trajectory, **kwargs):
        return await self.run_session(sampling_params, trajectory, **kwargs)


class HookedAgentLoopManager(AgentLoopManagerTQ):
    """verl's agent-loop manager, with workers of `worker_class`."""

    worker_class: ClassVar[type] = HookedAgentLoopWorker

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.agent_loop_workers_class = ray.remote(self.worker_class)
