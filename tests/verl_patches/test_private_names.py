"""Nothing outside of verl_patches uses a private name of verl, Ray, vLLM, transformers, TransferQueue or torch."""

import ast
import importlib
import inspect

import pytest

from tests import ROOT

PACKAGES = ("verl", "ray", "vllm", "transformers", "transfer_queue", "torch", "tensordict")
ROOMS = ("recipe", "launch", "studies", "benchmarks")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def is_private(name):
    return name.startswith("_") and (not name.endswith("__") or name.startswith("__ray"))


def defined(tree):
    """Names that a file gives itself: functions, classes, assignments, also to attributes of `self`, and arguments."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr


OWN = {name for path in FILES for name in defined(ast.parse(path.read_text()))}


def uses(tree):
    """Private names that a file takes from elsewhere."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = getattr(node, "module", None)
            names = [alias.name for alias in node.names]
            for name in names if module is None else [f"{module}.{name}" for name in names]:
                if name.split(".")[0] in PACKAGES and any(map(is_private, name.split("."))):
                    yield name
        elif isinstance(node, ast.Attribute) and is_private(node.attr) and node.attr not in OWN | {"_exit"}:  # os._exit
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            parts = node.value.split(".")
            whole_path = parts[0] in PACKAGES and len(parts) > 1 and any(map(is_private, parts))
            if whole_path or node.value in ("_sync_metadata_from_transfer_queue", "__ray_call__"):
                yield node.value


@pytest.mark.parametrize("room", ROOMS)
def test_no_private_name_of_another_package_is_used(room):
    found = {
        str(p.relative_to(ROOT)): list(uses(ast.parse(p.read_text()))) for p in FILES if p.relative_to(ROOT).parts[0] == room
    }
    assert found
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "text",
    [
        "from ray._private.services import canonicalize_bootstrap_address",
        "import torch; torch._assert_async(1)",
        "worker.__ray_call__.remote(f)",
        "nvml = load('ray._private.thirdparty.pynvml')",
        "getattr(buffer, '_sync_metadata_from_transfer_queue')",
        "class T(AgentLoopWorkerTQ.__ray_actor_class__): pass",
    ],
)
def test_each_way_of_using_one_would_be_found(text):
    assert list(uses(ast.parse(text)))


def test_no_class_overrides_a_private_method_of_another_package():
    for name in ("htpo.trainer", "hapo.trainer", "adaptive_temperature.rollout", "adaptive_temperature.logits_processor"):
        importlib.import_module(f"recipe.{name}")
    importlib.import_module("launch.submission.client")
    from verl_patches.trainer_hooks import HookedTrainer

    looked_at = 0
    classes = [HookedTrainer]
    for module in [m for name, m in importlib.sys.modules.items() if name.startswith(("recipe.", "launch."))]:
        classes += [c for _, c in inspect.getmembers(module, inspect.isclass) if c.__module__ == module.__name__]
    for cls in {c for c in classes if c.__module__.startswith(("recipe.", "launch."))}:
        foreign = [base for base in cls.__mro__ if base.__module__.split(".")[0] in PACKAGES]
        looked_at += bool(foreign)
        taken = {name for base in foreign for name in vars(base) if is_private(name)}
        made_by_metaclasses = {"_abc_impl", "_backward_cls"}
        assert {name for name in vars(cls) if is_private(name)} & taken <= made_by_metaclasses, cls
    assert looked_at >= 5
