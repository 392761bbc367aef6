"""Assumptions about the platform `cpu`."""

from verl_patches.assumptions.kind import Assumption, part
from verl_patches.guard import Accepts, Exists, Says, Signature, Source

_PLATFORM = "verl.plugin.platform."

CPU: tuple[Assumption, ...] = (
    *part(
        "CPU",
        "verl_patches.cpu",
        ("platform_base.PlatformBase.communication_backend_name", Signature("self")),
        ("platform_base.PlatformBase.is_platform_available", Signature("self", "use_smi_check")),
        ("platform_manager.PlatformRegistry.register", Accepts("platform")),
        under=_PLATFORM,
    ),
    *part(
        "CPU",
        "verl_patches.cpu.process_group",
        ("verl.utils.distributed.initialize_global_process_group_ray", Source("761a94d1a2e0")),
    ),
    *part("CPU", "verl_patches.cpu.offload", ("verl.utils.fsdp_utils.CPUOffloadPolicy", Accepts("pin_memory"))),
    *part(
        "CPU",
        "verl_patches.cpu.ulysses",
        ("all_to_all_tensor", Signature("local_input", "scatter_dim", "gather_dim", "group", "async_op")),
        ("SeqAllToAll.forward", Says("all_to_all_tensor(")),
        under="verl.utils.ulysses.",
    ),
    *part(
        "CPU",
        "verl_patches.cpu.flash_attention",
        ("_lazy_imports", Signature("implementation", "attention_wrapper", "allow_all_kernels")),
        ("_lazy_imports", Says("flash_attn_func, flash_attn_varlen_func, flash_attn_with_kvcache, pad_input, unpad_input")),
        ("_pad_input", Signature("hidden_states", "indices", "batch", "seqlen")),
        ("_unpad_input", Signature("hidden_states", "attention_mask", "unused_mask")),
        ("FLASH_ATTENTION_COMPATIBILITY_MATRIX", Exists()),
        under="transformers.modeling_flash_attention_utils.",
    ),
    *part(
        "vLLM worker on the CPU",
        "verl_patches.cpu.vllm_weights",
        ("vllm.model_executor.layers.utils.dispatch_cpu_unquantized_gemm", Source("b6a587814634")),
    ),
)
