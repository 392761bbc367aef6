"""The two ends of the way that weights go, each with the run's own path."""

from verl.utils.torch_dtypes import PrecisionType
from verl.workers.rollout.utils import ensure_async_iterator
from verl.workers.rollout.vllm_rollout import ServerAdapter
from verl.workers.rollout.vllm_rollout.utils import vLLMColocateWorkerExtension

from verl_patches.contract import check
from verl_patches.orphans import end_with_server
from verl_patches.weight_socket import of_this_run, sums

check("vLLM weights")


class Sender(ServerAdapter):
    """In a training rank, or a worker of verl's checkpoint engine."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.zmq_handle = of_this_run(self.zmq_handle)

    async def update_weights(self, weights, *args, **kwargs):
        return await super().update_weights(weights if sums.folder() is None else self._summed(weights), *args, **kwargs)

    async def _summed(self, weights):
        found, dtype = sums.Sums(), PrecisionType.to_dtype(self.config.dtype)
        tied = getattr(self.model_config.hf_config, "tie_word_embeddings", False)
        async for name, tensor in ensure_async_iterator(weights):
            if not (tied and name.startswith("lm_head.")):  # which vLLM has once
                found.add(tensor.to(dtype))
            yield name, tensor
        found.write("sent")


class Receiver(vLLMColocateWorkerExtension):
    """In a vLLM worker."""

    def __new__(cls, **kwargs):
        end_with_server()
        return super().__new__(cls, **kwargs)

    def _get_zmq_handle(self) -> str:
        return of_this_run(super()._get_zmq_handle())

    def update_weights_from_ipc(self, *args, **kwargs):
        super().update_weights_from_ipc(*args, **kwargs)
        if sums.folder():
            found = sums.Sums()
            for parameter in self.model_runner.model.parameters():
                found.add(parameter.detach())
            found.write("held")
