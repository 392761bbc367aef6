"""One wheel and one environment for all of these tests."""

import pytest

from tests.commands.installing import build_wheel, copy_project, make_environment
from tests.once import made_once
from tests.rlvr_math.evaluation.conftest import compose_evaluation

__all__ = ["compose_evaluation"]

SECRET = "WANDB_API_KEY=0123456789abcdef"


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder with project/, dist/ and env/."""

    def make(folder):
        project = copy_project(folder / "project")
        (project / "launch/slurm/site.env").write_text(SECRET)
        for stale in ("build/lib/recipe/runs/removed.py", "tests/__init__.py", "benchmarks/__init__.py"):
            (project / stale).parent.mkdir(parents=True, exist_ok=True)
            (project / stale).touch()
        make_environment(folder / "env", build_wheel(project, folder / "dist"))

    return made_once(tmp_path_factory, "wheel", make)


@pytest.fixture(scope="session")
def wheel(shared):
    """The built file."""
    (file,) = (shared / "dist").glob("*.whl")
    return file


@pytest.fixture(scope="session")
def bin(shared):
    """The folder of the installed commands."""
    return shared / "env/bin"
