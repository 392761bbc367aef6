"""The platform `cpu` for verl's platform registry (an extension point of verl 0.9.1, chosen by `VERL_PLATFORM=cpu`).

Ray hands out LOGICAL GPUs (`ray.init(num_gpus=n)` on a machine that has none), one for each training slot; collectives
go over gloo, weights from the actor to vLLM over shared memory.
"""

from __future__ import annotations

import os
import types
from contextlib import contextmanager

import psutil
import torch
from verl.plugin.platform.platform_base import PlatformBase
from verl.plugin.platform.platform_manager import PlatformRegistry

# verl's engine registry knows FSDP for the devices cuda and npu only; this is its own override for the look-up.
os.environ.setdefault("VERL_ENGINE_DEVICE", "cuda")


def _nothing(*args, **kwargs) -> None:
    return None


def _resident_bytes(*args) -> int:
    return psutil.Process().memory_info().rss


class _DeviceModule(types.ModuleType):
    """`torch.cpu`, and answers to the `torch.cuda` functions that verl calls without asking which device it has."""

    is_available = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    current_device = staticmethod(lambda: 0)
    get_device_name = staticmethod(lambda *args: "CPU")
    set_device = synchronize = empty_cache = ipc_collect = reset_peak_memory_stats = staticmethod(_nothing)
    memory_allocated = memory_reserved = staticmethod(_resident_bytes)
    max_memory_allocated = max_memory_reserved = staticmethod(_resident_bytes)
    mem_get_info = staticmethod(lambda *args: (psutil.virtual_memory().available, psutil.virtual_memory().total))
    get_rng_state = staticmethod(lambda *args: torch.get_rng_state())
    set_rng_state = staticmethod(lambda state, *args: torch.set_rng_state(state))
    manual_seed = manual_seed_all = staticmethod(torch.manual_seed)

    def __getattr__(self, name):
        return getattr(torch.cpu, name)


@PlatformRegistry.register(platform="cpu")
class PlatformCPU(PlatformBase):
    """See the module's docstring; the methods are those of `PlatformBase`."""

    device_name = "cpu"
    vendor_name = "cpu"
    device_module = _DeviceModule("verl_cpu_device")

    def is_available(self):
        return True

    def is_platform_available(self, use_smi_check=False):
        return False  # never chosen by itself: a GPU machine must not fall back to CPU because a driver is missing

    def current_device(self):
        return "cpu"  # verl passes this on as a `device=` argument, where an index would mean an accelerator

    def device_count(self):
        return 1

    def manual_seed(self, seed):
        torch.manual_seed(seed)

    manual_seed_all = manual_seed
    set_device = synchronize = set_allocator_settings = empty_cache = _nothing
    profiler_start = profiler_stop = cudart = _nothing

    def get_device_capability(self, device_index=0):
        return None, None

    def communication_backend_name(self):
        return "gloo"

    def visible_devices_envvar(self):
        return "VERL_CPU_VISIBLE_DEVICES"

    @contextmanager
    def nvtx_range(self, msg):
        yield

    def ray_resource_name(self):
        return "GPU"

    def ray_noset_envvars(self):
        return []

    def is_ipc_supported(self):
        return False
