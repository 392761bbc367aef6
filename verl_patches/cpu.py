"""All that a machine without an accelerator needs. Imported by `VERL_USE_EXTERNAL_MODULES=verl_patches.cpu,...`.

Importing it registers the platform `cpu` and applies the patches, in every process of a run, before verl's workers load.
"""

from verl_patches import cpu_platform, process_group, vllm_distribution

vllm_distribution.apply()
process_group.apply()

__all__ = ["cpu_platform"]
