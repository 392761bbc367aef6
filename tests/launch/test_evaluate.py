"""The launchers run evaluations as they run training."""

import os
import shlex
import shutil
import subprocess

import pytest

from launch import submit
from launch.kuberay.command import build
from launch.kuberay.settings import read_settings
from tests import ROOT
from tests.launch.kuberay.conftest import REQUIRED
from tests.launch.submission.given import plan

ARGUMENTS = ["model=/shared/runs/1/checkpoints", "benchmarks=[/shared/data/aime-2024.parquet]", "trainer.nnodes=2"]
OUT = "out=/shared/runs/1/eval"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """What of the checkout is looked at."""
    folder = tmp_path_factory.mktemp("project")
    for file in ("recipe/rlvr_math/evaluation/main.py", "recipe/htpo/main.py"):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, folder / file)
    return folder


def test_on_ray_it_is_one_command_without_a_preflight(project):
    made = plan(project, *ARGUMENTS, OUT, recipe="evaluate")
    assert shlex.split(made.entrypoint) == ["python", "-m", "recipe.rlvr_math.evaluation.main", *ARGUMENTS, OUT]
    assert made.notes == ()
    (note,) = plan(project, *ARGUMENTS, recipe="evaluate").notes
    assert "out=/a/shared/folder keeps them" in note


def kuberay(project, tmp_path, *overrides):
    file = tmp_path / "settings.yaml"
    file.write_text("".join(f"{name}: {value}\n" for name, value in REQUIRED.items()))
    arguments = ["--backend=kuberay", "--recipe=evaluate", "--submission-id=a-run", f"--working-dir={project}"]
    return build(submit.parse([*arguments, "--", *ARGUMENTS, "trainer.n_gpus_per_node=4", *overrides]), read_settings(file))


def test_on_kubernetes_its_results_lie_on_the_claim_and_a_pod_asks_it_to_end_there(project, tmp_path):
    spec = kuberay(project, tmp_path, OUT)["spec"]
    assert "python -m recipe.rlvr_math.evaluation.main model=/shared/runs/1/checkpoints" in spec["entrypoint"]
    assert "hydra.run.dir" not in spec["entrypoint"]
    (workers,) = spec["rayClusterSpec"]["workerGroupSpecs"]
    assert (workers["replicas"], workers["rayStartParams"]["num-gpus"]) == (2, "4")
    (container,) = workers["template"]["spec"]["containers"]
    hook = container["lifecycle"]["preStop"]["exec"]["command"]
    assert hook[:4] == ["python", "-m", "recipe.runs.ask_to_end", "/shared/runs/1/eval"]
    with pytest.raises(ValueError, match="add out=/shared/NAME"):
        kuberay(project, tmp_path)


def test_on_slurm_it_is_found_and_has_no_preflight():
    script = (ROOT / "launch/slurm/train.sbatch").read_text()
    choice = next(line for line in script.splitlines() if line.startswith("case $RECIPE in"))

    def package(recipe):
        done = subprocess.run(
            ["bash", "-c", f"{choice}; echo $package"], env={"RECIPE": recipe}, capture_output=True, text=True
        )
        return done.stdout.strip()

    assert package("evaluate") == "recipe.rlvr_math.evaluation"
    assert package("hapo") == "recipe.hapo"
    assert package("examples.own") == "examples.own"

    def found(module):
        check = f". {ROOT}/launch/slurm/job.sh; trap - EXIT; PROJECT_DIR={ROOT}; module_is_found {module}"
        return subprocess.run(["bash", "-uc", check], env={"PATH": os.environ["PATH"], "SLURM_JOB_ID": "7"}).returncode == 0

    assert found("recipe.rlvr_math.evaluation.main")
    assert not found("recipe.rlvr_math.evaluation.preflight")
    assert found("recipe.hapo.preflight")
