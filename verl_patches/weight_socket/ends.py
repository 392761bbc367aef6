"""The two ends of the way that weights go, each with the run's own path."""

from verl.workers.rollout.vllm_rollout import ServerAdapter
from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension

from verl_patches.contract import check
from verl_patches.weight_socket import of_this_run

check("vLLM weights")


class Sender(ServerAdapter):
    """In a training rank, or a worker of verl's checkpoint engine."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.zmq_handle = of_this_run(self.zmq_handle)


class Receiver(vLLMColocateWorkerExtension):
    """In a vLLM worker."""

    def _get_zmq_handle(self) -> str:
        return of_this_run(super()._get_zmq_handle())
