"""An editable installation finds folders that are made after it, from anywhere, and shares `recipe` with verl-recipe."""

import shutil
import subprocess
import sys
import zipfile

import pytest

from tests import ROOT

BUILD = "import sys; from setuptools.build_meta import build_editable; build_editable(sys.argv[1])"
CODE = """
import site, sys
site.addsitedir(sys.argv[1])
from importlib.metadata import entry_points
from importlib.util import find_spec
import recipe.files, recipe.later.deep.module, verl_patches
import recipe.dapo.main_dapo
for module in (recipe.files, recipe.later.deep.module, verl_patches, recipe.dapo.main_dapo):
    print(module.__file__)
for entry in sorted(entry_points(group="verl.plugins")):
    print(entry.value, find_spec(entry.module.rpartition(".")[0]).origin)
print(find_spec("launch"))
"""


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """A copy of the project's packages, and a folder of packages where it is installed editably."""
    project, packages = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("packages")
    for folder in ("recipe", "verl_patches", "launch"):
        shutil.copytree(ROOT / folder, project / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, project)
    subprocess.run([sys.executable, "-c", BUILD, packages], cwd=project, check=True, capture_output=True)
    (wheel,) = packages.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(packages)
    (project / "recipe/later/deep").mkdir(parents=True)
    (project / "recipe/later/deep/module.py").touch()
    (packages / "recipe/dapo").mkdir(parents=True)
    (packages / "recipe/dapo/main_dapo.py").touch()
    return project, packages


@pytest.mark.parametrize("theirs", ["namespace", "regular package"])
def test_a_folder_made_later_is_found_beside_verl_recipe(installation, tmp_path, theirs):
    project, packages = installation
    init = packages / "recipe/__init__.py"
    init.touch() if theirs == "regular package" else init.unlink(missing_ok=True)
    # -S: this environment's own packages, this project among them, are not there.
    command = [sys.executable, "-S", "-c", CODE, packages]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{project}/recipe/files/__init__.py",
        f"{project}/recipe/later/deep/module.py",
        f"{project}/verl_patches/__init__.py",
        f"{packages}/recipe/dapo/main_dapo.py",
        f"recipe.hapo.plugin {project}/recipe/hapo/__init__.py",
        f"recipe.htpo.plugin {project}/recipe/htpo/__init__.py",
        "None",  # nothing else of the checkout comes on the path
    ]
