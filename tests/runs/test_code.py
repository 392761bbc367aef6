"""Which commit a run is of, in a checkout, in a wheel, and where it cannot be known."""

import os
import subprocess

import pytest

from recipe.runs import code as module
from recipe.runs.code import BUILT_FROM, _commit, code

NOBODY = {"GIT_AUTHOR_NAME": "n", "GIT_AUTHOR_EMAIL": "e", "GIT_COMMITTER_NAME": "n", "GIT_COMMITTER_EMAIL": "e"}


@pytest.fixture
def checkout(tmp_path):
    """A repository with one commit, which has the file."""
    file = tmp_path / "recipe/runs/code.py"
    file.parent.mkdir(parents=True)
    file.touch()
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "a"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, env=os.environ | NOBODY)
    return file


def head(file):
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=file.parent, capture_output=True, text=True).stdout.strip()


def test_a_checkout_has_its_commit_and_says_if_it_was_changed(checkout):
    assert _commit(checkout) == head(checkout)
    checkout.write_text("changed")
    assert _commit(checkout) == f"{head(checkout)}-dirty"


def test_a_repository_around_an_environment_is_not_ours(checkout):
    installed = checkout.parents[2] / ".venv/site-packages/recipe/runs/code.py"
    installed.parent.mkdir(parents=True)
    installed.touch()
    assert _commit(installed) is None


def test_a_wheel_says_what_it_was_built_from(checkout):
    checkout.with_name(BUILT_FROM).write_text("c0ffee\n")
    assert _commit(checkout) == "c0ffee"


def test_without_git_it_is_not_known(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert _commit(checkout) is None


def test_what_is_kept_names_the_packages():
    kept = code()
    assert kept["packages"]["verl"] == "0.9.1"
    assert {"vllm", "torch", "transformers", "ray"} < set(kept["packages"])
    assert kept["commit"] == _commit(module._HERE)
