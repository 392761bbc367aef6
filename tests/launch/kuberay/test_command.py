"""launch/submit.sh --backend kuberay as a user starts it, with a stand-in for kubectl."""

import os
import shutil
import subprocess
import sys

import pytest
import yaml

from tests import ROOT
from tests.launch.kuberay.conftest import FOLDER

KUBECTL = """#!/bin/sh
echo "$@" >{folder}/arguments
cat >{folder}/applied
echo "rayjob.ray.io/a-run created"
exit {status}
"""
TOKEN = "0123-the-token-of-the-cluster"


@pytest.fixture
def submit(settings_file, project, tmp_path):
    def command(*overrides, options=(), status=0, kubectl=True, **settings):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        (tmp_path / "bin").mkdir(exist_ok=True)
        if kubectl:
            (tmp_path / "bin/kubectl").write_text(KUBECTL.format(folder=tmp_path, status=status))
            (tmp_path / "bin/kubectl").chmod(0o755)
        more = {"PYTHON": sys.executable, "RAY_AUTH_TOKEN": TOKEN, "HOME": str(tmp_path)}
        for tool in ("bash", "dirname", "sh", "cat"):
            if not (tmp_path / "bin" / tool).exists():
                (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
        more["PATH"] = f"{tmp_path}/bin"
        file = settings_file(**settings)
        arguments = ["--backend", "kuberay", "--kuberay", file, "--working-dir", project, "--submission-id", "a-run"]
        run = ["bash", ROOT / "launch/submit.sh", *arguments, *options, "--", *overrides]
        return subprocess.run(run, env=kept | more, capture_output=True, text=True, timeout=120)

    return command


def test_a_dry_run_prints_what_would_be_applied_and_nothing_else_on_stdout(submit, tmp_path):
    arguments = ("+experiment=qwen3_8b_base", FOLDER)
    dry = submit(*arguments, options=["--dry-run", "--recipe", "hapo"])
    assert (dry.returncode, dry.stderr) == (0, "dry run: nothing was applied\n")
    assert not (tmp_path / "applied").exists()
    job = yaml.safe_load(dry.stdout)
    assert (job["kind"], job["metadata"]["name"]) == ("RayJob", "a-run")
    assert "python -m recipe.hapo.preflight +experiment=qwen3_8b_base" in job["spec"]["entrypoint"]
    assert submit(*arguments, options=["--recipe", "hapo"]).returncode == 0
    assert (tmp_path / "applied").read_text() == dry.stdout
    assert TOKEN not in dry.stdout


def test_it_is_applied_and_said_how_to_follow(submit, tmp_path):
    done = submit("+experiment=qwen3_8b_base", FOLDER, namespace="research")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "arguments").read_text() == "--namespace research apply -f -\n"
    assert "kubectl --namespace research logs --follow job/a-run\n" in done.stderr
    assert "kubectl --namespace research delete rayjob a-run " in done.stderr


def test_what_kubernetes_refuses_has_status_1(submit):
    done = submit("+experiment=qwen3_8b_base", FOLDER, status=3)
    assert done.returncode == 1
    assert done.stderr == "error: kubectl has refused the RayJob, see above; nothing was started\n"


@pytest.mark.parametrize(
    ("overrides", "options", "says"),
    [
        ([], [], "the pods' own disks go with them: add trainer.default_local_dir=/shared/NAME"),
        (["trainer.default_local_dir=/scratch/1"], [], "trainer.default_local_dir=/scratch/1 does not lie on the claim runs"),
        (["trainer.default_local_dir=/shared"], [], "does not lie on the claim"),
        (["trainer.default_local_dir=/shared/../etc"], [], "does not lie on the claim"),
        (["trainer.default_local_dir=/sharedish/1"], [], "does not lie on the claim"),
        (["trainer.default_local_dir=/shared/${oc.env:X}"], [], "does not lie on the claim"),
        ([FOLDER], [], "neither a preset nor an override says trainer.nnodes"),
        ([FOLDER, "a.api_key=0123456789abcdef"], [], "the override of a.api_key carries a secret"),
        ([FOLDER], ["--recipe", "grpo"], "has no recipe/grpo/main.py"),
        ([FOLDER], ["--follow", "x"], "--follow is for --backend ray"),
        ([FOLDER], ["--no-wait"], "--no-wait is for --backend ray"),
        ([FOLDER], ["--address", "http://head"], "--address is for --backend ray"),
        ([FOLDER], ["--retries", "2"], "--retries is for --backend ray"),
        ([FOLDER], ["--submission-id", "x" * 48], "is no name for a RayJob"),
        ([FOLDER], ["--submission-id", "1st"], "is no name for a RayJob"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_applied(submit, tmp_path, overrides, options, says):
    done = submit(*overrides, options=options)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "applied").exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("py_modules: [recipe]", "py_modules of the runtime environment would be uploaded"),
        ("env_vars: {A: '$HOME'}", "the runtime environment has a $ or a `"),
        ("env_vars: {HF_TOKEN: hunter22}", "carries a secret"),
    ],
)
def test_a_runtime_environment_that_cannot_go_along_is_one_sentence(submit, tmp_path, text, says):
    (tmp_path / "env.yaml").write_text(text)
    done = submit("+experiment=qwen3_8b_base", FOLDER, options=["--runtime-env", tmp_path / "env.yaml"])
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_without_kubectl_it_says_what_to_do(submit):
    done = submit("+experiment=qwen3_8b_base", FOLDER, kubectl=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: kubectl is not installed here; --dry-run prints the RayJob")


def test_settings_without_their_backend_are_refused(settings_file):
    command = [ROOT / "launch/submit.sh", "--kuberay", settings_file(), "--", "a=b"]
    done = subprocess.run(command, env=os.environ | {"PYTHON": sys.executable}, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--kuberay FILE is for --backend kuberay" in done.stderr


def test_the_backend_without_settings_says_where_to_begin():
    command = [ROOT / "launch/submit.sh", "--backend", "kuberay", "--", "a=b"]
    done = subprocess.run(command, env=os.environ | {"PYTHON": sys.executable}, capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "begin with a copy of launch/kuberay/settings.yaml.example" in done.stderr
