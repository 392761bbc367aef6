"""Installed from its folder, the method is found through its own entry point, away from this repository."""

import os
import shutil
import subprocess
import sys

import pytest

from tests import ROOT

CODE = """
import sys
import verl
from verl.trainer.ppo.core_algos import ADV_ESTIMATOR_REGISTRY, POLICY_LOSS_REGISTRY
print({name: "entropy_shaping" in registry for name, registry in
    {"loss": POLICY_LOSS_REGISTRY, "estimator": ADV_ESTIMATOR_REGISTRY}.items()})
print(sys.modules["examples.entropy_shaping.plugin"].__file__)
"""


@pytest.mark.slow
def test_it_is_found_through_its_own_entry_point(tmp_path):
    shutil.copytree(ROOT / "examples/entropy_shaping", tmp_path / "source")  # a build leaves files there
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    install = [sys.executable, "-m", "pip", "install", *offline, "--target", tmp_path / "installed", tmp_path / "source"]
    subprocess.run(install, check=True, cwd=tmp_path)

    environment = os.environ | {"PYTHONPATH": str(tmp_path / "installed"), "VERL_USE_EXTERNAL_MODULES": "verl_patches.cpu"}
    command = [sys.executable, "-W", "ignore", "-c", CODE]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert result.stdout.splitlines()[-2:] == [
        "{'loss': True, 'estimator': True}",
        str(tmp_path / "installed/examples/entropy_shaping/plugin.py"),
    ], result.stderr
    assert (tmp_path / "installed/examples/entropy_shaping/config/entropy_shaping_trainer.yaml").exists()
