"""The rooms of the project: imports point down only, and the algorithms know neither verl nor Ray."""

import ast
import re
import subprocess
import sys

import pytest

from tests import ROOT

# Each room may import those named with it, and itself.
BELOW = {
    "verl_patches": (),
    "recipe.files": (),
    "recipe.text": (),
    "recipe.primitives": ("verl_patches",),
    "recipe.token_level": ("recipe.primitives", "verl_patches"),
    "recipe.adaptive_temperature": ("recipe.token_level", "recipe.primitives", "verl_patches"),
    "recipe.runs": (
        "recipe.adaptive_temperature",
        "recipe.token_level",
        "recipe.primitives",
        "recipe.files",
        "recipe.text",
        "verl_patches",
    ),
    "recipe.rivals": ("recipe.primitives",),
    "recipe.htpo": ("recipe.runs", "recipe.token_level", "recipe.rivals", "recipe.primitives", "verl_patches"),
    "recipe.hapo": ("recipe.runs", "recipe.token_level", "recipe.primitives", "verl_patches"),
    "recipe.rlvr_math.reward": ("recipe.text",),
    "recipe.rlvr_math.data": ("recipe.rlvr_math.reward", "recipe.files", "recipe.text"),
    "recipe.rlvr_math.evaluation": (
        "recipe.rlvr_math.data",
        "recipe.rlvr_math.reward",
        "recipe.runs",
        "recipe.primitives",
        "recipe.files",
        "recipe.text",
        "verl_patches",
    ),
    "recipe.rlvr_math.report": ("recipe.rlvr_math.evaluation", "recipe.files", "recipe.text"),
    "recipe.rlvr_math.export": (
        "recipe.rlvr_math.data",
        "recipe.rlvr_math.evaluation",
        "recipe.rlvr_math.report",
        "recipe.runs",
        "recipe.files",
        "recipe.text",
        "verl_patches",
    ),
    "recipe.experiment": ("recipe.rlvr_math.report", "recipe.runs", "recipe.files", "recipe.text"),
    "recipe.lab": (
        *("recipe.htpo", "recipe.hapo", "recipe.adaptive_temperature", "recipe.rivals", "recipe.primitives", "recipe.files"),
        "recipe.text",
    ),
    "recipe.insight": ("recipe.token_level", "recipe.files", "recipe.text"),
    "recipe.commands": ("recipe.files", "recipe.text"),
    # What a method of one's own may import.
    "examples.entropy_shaping": ("recipe.runs", "recipe.token_level", "recipe.primitives"),
    "examples.own_reward": ("recipe.rlvr_math.reward",),
}
PACKAGES = sorted(path for top in ("recipe", "verl_patches", "launch") for path in (ROOT / top).rglob("__init__.py"))
ALGORITHMS = {
    "recipe.primitives": ("ranges", "host", "finite", "slope", "active", "entropy_score", "group_advantage"),
    "recipe.htpo": ("settings", "objectives", "partition", "losses"),
    "recipe.hapo": ("settings", "advantages", "losses"),
    "recipe.rivals": ("gtpo", "edge_grpo", "selection"),
    "recipe.adaptive_temperature": ("settings", "temperature"),
    "examples.entropy_shaping": ("algorithm",),
}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def room_of(module):
    return next((room for room in BELOW if module == room or module.startswith(room + ".")), None)


@pytest.mark.parametrize("room", BELOW)
def test_imports_point_down(room):
    files = sorted((ROOT / room.replace(".", "/")).rglob("*.py"))
    assert files
    for path in files:
        for module in imported(path):
            if module.split(".")[0] not in ("recipe", "examples", "verl_patches", "launch", "studies", "benchmarks", "tests"):
                continue
            target = room_of(module)
            assert target == room or target in BELOW[room], f"{path.relative_to(ROOT)} imports {module}"


def test_every_folder_of_code_is_a_room():
    packages = {
        ".".join(path.parent.relative_to(ROOT).parts) for top in ("recipe", "examples") for path in (ROOT / top).rglob("*.py")
    }
    packages.remove("recipe.rlvr_math")
    assert {package for package in packages if room_of(package) is None} == set()


@pytest.mark.parametrize("room", [".".join(path.parent.relative_to(ROOT).parts) for path in PACKAGES])
def test_a_package_of_several_files_lists_them_all(room):
    folder = ROOT / room.replace(".", "/")
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or ""
    listed = set(re.findall(r"(?<![\w/])\w+\.py\b", text))
    there = {
        path.name if path.is_file() else f"{path.name}/" for path in folder.iterdir() if path.suffix == ".py" or path.is_dir()
    } - {"__init__.py", "__main__.py", "__pycache__/"}
    if len(listed) < 2 and len(there) < 4:  # one is an example, no list
        return
    assert {name for name in listed if not (folder / name).exists()} == set()
    modules = set(re.findall(r"^ *(\w+)  +\S", text, re.MULTILINE))  # in verl_patches they stand by their module's name
    assert {name for name in there if name not in text and name.removesuffix(".py") not in modules} == set()


def test_the_rooms_have_no_circle():
    done = set()
    while len(done) < len(BELOW):
        ready = {room for room, below in BELOW.items() if set(below) <= done} - done
        assert ready
        done |= ready


def test_the_algorithms_load_neither_verl_nor_ray():
    modules = [f"{room}.{name}" for room, names in ALGORITHMS.items() for name in names]
    heavy = {"verl", "ray", "vllm", "hydra", "omegaconf", "transformers"}
    code = f"import sys, {', '.join(modules)}; print(sorted({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"
