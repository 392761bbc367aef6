"""Keep vLLM's weights writable on CPU, so that the trainer can sync new ones.

Upstream: `vllm.model_executor.layers.utils.dispatch_cpu_unquantized_gemm` (vLLM 0.24.0) packs each linear weight for
oneDNN after loading and replaces it by an empty parameter. A later `load_weights`, which is what verl's weight sync
calls, then fails and the trainer waits for ever. Here the layers keep their plain weight and use torch's linear.

Selected by `actor_rollout_ref.rollout.engine_kwargs.vllm.worker_extension_cls` (in `platform/cpu.yaml`): vLLM imports
this module inside its worker process before it builds the model.
"""

import torch
import vllm.model_executor.layers.utils as target

from verl_patches.contract import check
from verl_patches.weight_socket.ends import Receiver

check("vLLM worker on the CPU")


def _keep_plain_weight(layer: torch.nn.Module, remove_weight: bool) -> None:
    layer.cpu_linear = torch.nn.functional.linear


target.dispatch_cpu_unquantized_gemm = _keep_plain_weight


class CpuWorkerExtension(Receiver):
    """As on a GPU; only the import above matters."""
