"""A settings file of a Kubernetes cluster, and the RayJobs that are made with it."""

import shutil
import subprocess

import pytest
import yaml

from launch import submit
from launch.kuberay.command import build
from launch.kuberay.settings import read_settings
from tests import ROOT

REQUIRED = {"image": "example.org/image:1", "claim": "runs", "worker_cpu": 64, "worker_memory": "512Gi"}
FOLDER = "trainer.default_local_dir=/shared/runs/1"


@pytest.fixture
def settings_file(tmp_path):
    """Write one with these settings beside the required ones; None leaves one out."""

    def write(**settings):
        file = tmp_path / "settings.yaml"
        file.write_text(yaml.safe_dump({name: v for name, v in (REQUIRED | settings).items() if v is not None}))
        return file

    return write


@pytest.fixture(scope="session")
def project(tmp_path_factory):
    """What of the checkout is looked at: to look through all of it takes a second each time."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("recipe/htpo/config", "recipe/hapo/config", "recipe/runs/config"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("recipe/htpo", "recipe/hapo"):
        for file in ("main.py", "preflight.py"):
            shutil.copy(ROOT / name / file, folder / name)
    return folder


@pytest.fixture
def made(settings_file, project):
    """The RayJob of a command line."""

    def make(*overrides, options=(), preset="qwen3_8b_base", **settings):
        arguments = ["--backend=kuberay", "--submission-id=a-run", f"--working-dir={project}", *options, "--", *overrides]
        if preset:
            arguments.append(f"+experiment={preset}")
        if not any("default_local_dir" in each for each in overrides):
            arguments.append(FOLDER)
        return build(submit.parse(arguments), read_settings(settings_file(**settings)))

    return make


@pytest.fixture(scope="session")
def example():
    """The settings that the project ships as an example."""
    return ROOT / "launch/kuberay/settings.yaml.example"


def kubernetes_expands(text, variables):
    """`$(NAME)` and `$$` as Kubernetes replaces them in a container's arguments."""
    found, i = "", 0
    while i < len(text):
        if text.startswith("$$", i):
            found, i = found + "$", i + 2
        elif text.startswith("$(", i) and ")" in text[i:]:
            name = text[i + 2 : text.index(")", i)]
            found, i = found + variables.get(name, f"$({name})"), text.index(")", i) + 1
        else:
            found, i = found + text[i], i + 1
    return found


def words_of_bash(line):
    """The words that bash makes of what the operator pastes into a line."""
    done = subprocess.run(["bash", "-ce", "--", f"printf '%s\\0' {line} ;"], capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]
