"""Installed from the wheel and away from the checkout: commands, plug-ins, presets, other people's `recipe`."""

import re
from pathlib import Path

import pytest

from recipe.commands.family import FAMILY
from tests import ROOT
from tests.commands.installing import build_wheel, make_environment, pip, run

# No help may import one of these: they take seconds, or are of another extra.
HEAVY = {
    "torch",
    "verl",
    "ray",
    "vllm",
    "transformers",
    "tensordict",
    "hydra",
    "datasets",
    "matplotlib",
    "plotly",
    "math_verify",
}
NAMES = ["token-rl", *(command.name for command in FAMILY)]


@pytest.mark.parametrize("name", NAMES)
def test_help_is_light_and_has_examples(bin, tmp_path, name):
    done = run([bin / "python", "-X", "importtime", bin / name, "--help"], tmp_path)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert imported & HEAVY == set()
    assert "recipe" in {module.partition(".")[0] for module in imported}
    assert name in done.stdout
    assert "recipe." not in done.stdout  # the commands are the console's
    if name != "token-rl":
        assert re.search(rf"^examples:\n( +#.*\n)? +{name} ", done.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []


def test_the_overview_lists_all(bin, tmp_path):
    done = run([bin / "token-rl"], tmp_path)
    assert set(re.findall(r"^  ([\w-]+) ", done.stdout, re.MULTILINE)) == {command.name for command in FAMILY}
    assert {path.name for path in bin.glob("*") if path.name.startswith(("token-rl", "htpo", "hapo"))} == set(NAMES)
    assert run([bin / "token-rl", "--version"], tmp_path).stdout.strip() in done.stdout


PLUGINS = """
from importlib.metadata import entry_points
print(sorted((entry.name, entry.value) for entry in entry_points(group="verl.plugins")))
import verl, sys
from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, POLICY_LOSS_REGISTRY
for name in ("htpo", "hapo"):
    print(POLICY_LOSS_REGISTRY[name].__module__, ADV_ESTIMATOR_REGISTRY[name].__module__)
    print(sys.modules[f"recipe.{name}.plugin"].__file__)
"""


def test_stock_verl_finds_the_plug_ins(bin, tmp_path):
    done = run([bin / "python", "-W", "ignore", "-c", PLUGINS], tmp_path, VERL_USE_EXTERNAL_MODULES="verl_patches.cpu")
    site = next((bin.parent / "lib").glob("*/site-packages"))
    assert done.stdout.splitlines()[-5:] == [
        "[('hapo', 'recipe.hapo.plugin'), ('htpo', 'recipe.htpo.plugin')]",
        "recipe.htpo.plugin recipe.htpo.plugin",
        f"{site}/recipe/htpo/plugin.py",
        "recipe.hapo.plugin recipe.hapo.plugin",
        f"{site}/recipe/hapo/plugin.py",
    ]


PRESETS = """
import sys, yaml
yaml.SafeLoader = yaml.CSafeLoader
from pathlib import Path
import recipe.runs
from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.runs.commands import compose
for method in (HTPO, HAPO):
    for name in sys.argv[1:]:
        group, _, preset = name.partition("/")
        if group in (method.name, "runs"):
            more = ["+platform=cpu"] if preset == "demo" else []
            config = compose(method, [f"+experiment={preset}", *more, "data.train_files=t", "data.val_files=v"])
            print(method.name, preset, config.trainer.experiment_name)
print(Path(recipe.runs.__file__).parents[2])
"""


def test_every_preset_composes(bin, tmp_path):
    presets = {path.parents[2].name + "/" + path.stem for path in (ROOT / "recipe").glob("*/config/experiment/*.yaml")}
    assert len(presets) > 10
    done = run([bin / "python", "-c", PRESETS, *sorted(presets)], tmp_path)
    *composed, place = done.stdout.splitlines()
    assert len(composed) == len(presets) + 1  # the demo with both methods
    assert Path(place) == next((bin.parent / "lib").glob("*/site-packages"))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("htpo-train", "  experiment_name: qwen3_8b_base\n"),
        ("hapo-train", "hapo:\n"),
        ("token-rl-evaluate", "max_response_tokens: 20480\n"),
    ],
)
def test_its_config_is_shown_from_anywhere(bin, tmp_path, name, line):
    more = ["+experiment=qwen3_8b_base"] if name == "htpo-train" else []
    assert line in run([bin / name, "--cfg", "job", *more], tmp_path).stdout


@pytest.mark.parametrize("theirs", ["namespace", "regular package"])
def test_it_lives_beside_verl_recipe(wheel, tmp_path, theirs):
    """Other people's `recipe` in the same environment, which comes and goes."""
    project = tmp_path / "project"
    (project / "recipe/dapo").mkdir(parents=True)
    (project / "recipe/dapo/main_dapo.py").write_text("NAME = 'dapo'\n")
    if theirs == "regular package":
        (project / "recipe/__init__.py").touch()
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "verl-recipe-stand-in"\nversion = "1"\n'
        '[tool.setuptools.packages.find]\ninclude = ["recipe*"]\nnamespaces = true\n'
    )
    bin = make_environment(tmp_path / "env", wheel, build_wheel(project, tmp_path / "dist"))
    code = "import recipe.dapo.main_dapo, recipe.htpo.settings; print(recipe.dapo.main_dapo.NAME)"
    assert run([bin / "python", "-c", code], tmp_path).stdout == "dapo\n"
    run([bin / "token-rl-report", "--help"], tmp_path)
    pip(tmp_path / "env", "uninstall", "--yes", "verl-recipe-stand-in")
    run([bin / "python", "-c", "import recipe.dapo"], tmp_path, status=1)
    run([bin / "token-rl-report", "--help"], tmp_path)
