"""Every way into a run meets the checks, also with a config file of the user's own."""

import os
import shlex
import subprocess
import sys

import pytest
from verl.trainer.ppo.v1.trainer_base import PPOTrainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync

from launch.submission.plan import make_plan
from recipe.htpo.method import HTPO
from recipe.runs.trainer import RunTrainer
from tests import ROOT
from tests.runs.config.given import GIVEN

REFUSAL = "actor_rollout_ref.actor.checkpoint.async_save=True is implemented by verl for Megatron only"
OWN = """
defaults: [htpo_trainer, _self_]
actor_rollout_ref:
  model: {path: org/model}
  actor: {checkpoint: {async_save: True}}
data: {train_files: train.parquet, val_files: val.parquet}
"""


@pytest.fixture
def arguments(tmp_path):
    """Of a run with a config of one's own, which has one of the combinations that are refused."""
    (tmp_path / "own.yaml").write_text(OWN)
    return [
        f"--config-dir={tmp_path}",
        "--config-name=own",
        f"hydra.run.dir={tmp_path}",
        f"trainer.default_local_dir={tmp_path}/run",
    ]


def shell(command, **environment):
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT), "RAY_ADDRESS": "local"} | environment
    return subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180)


def refused_by_main(result):
    return result.returncode == 2 and result.stderr.strip().splitlines()[-1].startswith(f"error: {REFUSAL}")


def refused_by_preflight(result):
    words = " ".join(result.stdout.split())
    return result.returncode == 2 and f"fail config {REFUSAL}" in words and "error: " not in result.stderr


def test_what_submit_sends_is_the_preflight_and_main(arguments):
    plan = make_plan("htpo", arguments, True, ROOT / "launch/runtime_env.yaml", ROOT, max_mib=1000)
    commands = [f"python -m recipe.htpo.{name} {shlex.join(arguments)}" for name in ("preflight", "main")]
    assert plan.entrypoint == " && ".join(commands)
    plan = make_plan("htpo", arguments, False, ROOT / "launch/runtime_env.yaml", ROOT, max_mib=1000)
    assert plan.entrypoint == commands[1]


@pytest.mark.parametrize(("preflight", "refused"), [("true", refused_by_preflight), ("false", refused_by_main)])
def test_what_the_slurm_job_runs_is_the_preflight_and_main_which_refuse(arguments, preflight, refused):
    """Its own lines, on this machine in place of the nodes."""
    text = (ROOT / "launch/slurm/train.sbatch").read_text()
    lines = text[text.index("# ---- Training.") : text.index("ends=''")]
    stand_ins = """
        set -uo pipefail
        say() { echo "$@" >&2; }
        start_up() { "$@"; }
        on_node() { shift 2; "$@"; }  # the node, --unbuffered
        module_is_found() { true; }
        nodes=(here) head=here gpus= PYTHON=python package=recipe.htpo GRACE_S=600
    """
    command = f"{stand_ins}\nset -- {shlex.join(arguments)}\n{lines}\nwait $driver"
    result = shell(command, PREFLIGHT=preflight)
    result.stderr = result.stderr.replace("error: the preflight checks failed", "")
    assert refused(result)


def trainer(config):
    return type("htpo_sync", (RunTrainer, PPOTrainerSync), {"method": HTPO, "base_mode": "sync"})(config)


def test_the_trainer_for_those_who_come_by_verls_own_main(compose):
    with pytest.raises(ValueError, match=f"^{REFUSAL}"):
        trainer(compose(*GIVEN, "actor_rollout_ref.actor.checkpoint.async_save=True"))


def test_the_trainer_sets_right_before_it_builds_workers(compose, monkeypatch):
    class Built(Exception):
        pass

    def build(self, config):
        assert config.actor_rollout_ref.actor.optim.use_checkpoint_opt_param_scheduler is True
        assert config.trainer.max_actor_ckpt_to_keep == 2
        raise Built

    monkeypatch.setattr(PPOTrainer, "__init__", build)
    with pytest.raises(Built):
        trainer(compose(*GIVEN, "model_engine=megatron", "trainer.max_actor_ckpt_to_keep=1"))
