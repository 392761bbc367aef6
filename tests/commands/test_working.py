"""`token-rl-launch`: a folder that to the launchers is what a checkout is, without what others have in `recipe`."""

import os
import subprocess
import sys

import pytest

from recipe.commands.working import write_working_folder
from tests import ROOT
from tests.commands.installing import run
from tests.commands.test_wheel import OF_THE_CHECKOUT, tracked

TRAVELS = {".rayignore", "requirements.txt", "requirements.lock", "requirements-cpu.txt"}


@pytest.fixture(scope="module")
def work(bin, tmp_path_factory):
    """Written where somebody else's `recipe.dapo` is installed, too."""
    place = tmp_path_factory.mktemp("launch")
    (site,) = (bin.parent / "lib").glob("*/site-packages")
    (site / "recipe/dapo").mkdir(exist_ok=True)
    (site / "recipe/dapo/main_dapo.py").touch()
    done = run([bin / "token-rl-launch", "deep/work"], place)
    assert done.stdout.startswith("deep/work: launch/ ")
    return place / "deep/work"


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_has_the_launchers_and_what_travels_with_a_job(work):
    assert files(work) == (tracked("launch", "recipe", "verl_patches") - OF_THE_CHECKOUT) | TRAVELS
    assert [name for name in files(work) if (work / name).read_bytes() != (ROOT / name).read_bytes()] == []
    assert os.access(work / "launch/submit.sh", os.X_OK)


@pytest.mark.parametrize("recipe", ["htpo", "hapo"])
def test_a_job_is_sent_from_there(work, bin, recipe):
    options = ["launch/submit.sh", "--address", "http://head:8265", "--recipe", recipe, "--dry-run"]
    done = run([*options, "--", "+experiment=qwen3_8b_base"], work, PYTHON=str(bin / "python"))
    assert f"python -m recipe.{recipe}.preflight +experiment=qwen3_8b_base && python -m recipe.{recipe}.main" in done.stdout
    assert f"working dir  {work}: " in done.stdout
    assert "patterns of .rayignore" in done.stdout


def test_the_slurm_script_finds_its_method_there(work):
    script = ". launch/slurm/job.sh; trap - EXIT; PROJECT_DIR=$PWD; module_is_found recipe.hapo.main"
    assert (
        subprocess.run(["bash", "-uc", script], cwd=work, env={"PATH": os.environ["PATH"], "SLURM_JOB_ID": "7"}).returncode == 0
    )


def test_the_demo_starts_from_there(work, bin, tmp_path):
    """As far as its first refusal; what a start of the stack shows is in test_training.py."""
    command = [bin / "python", "launch/demo/run.py", "--run-dir", tmp_path, "trainer.total_training_steps=null"]
    assert "the demo needs a number" in run(command, work, status=2).stderr


def test_what_is_there_is_left_alone(work, bin):
    before = files(work)
    done = run([bin / "token-rl-launch", work], work.parent, status=2)
    assert done.stderr == f"error: {work} is there already; name another folder, or remove it\n"
    assert files(work) == before


def test_a_folder_that_cannot_be_written_is_one_sentence(bin, tmp_path):
    (tmp_path / "file").touch()
    done = run([bin / "token-rl-launch", "file/work"], tmp_path, status=2)
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_a_checkout_has_its_launchers(tmp_path):
    with pytest.raises(ValueError, match=f"{ROOT}/launch: this is a checkout"):
        write_working_folder(tmp_path / "work")
    assert subprocess.run([sys.executable, "-m", "recipe.commands.working", tmp_path / "work"], cwd=ROOT).returncode == 2
