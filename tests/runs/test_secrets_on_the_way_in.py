"""A secret is refused by every command that takes overrides, before anything of it is written down or printed."""

import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from launch import submit
from recipe.htpo.method import HTPO
from recipe.rlvr_math.evaluation import evaluate
from recipe.runs import commands
from recipe.runs.secret_checks import check_config, check_overrides
from recipe.runs.value_checks import leaves
from tests import ROOT

HF = "hf_" + "a1" * 17  # put together, so that no scanner takes it for a real one
COMMANDS = {
    "main": lambda: commands.training_command(HTPO)(),
    "preflight": lambda: commands.preflight_command(HTPO)(),
    "evaluate": lambda: evaluate.main(),
}
OVERRIDES = {
    "trainer.experiment_name=${oc.env:WANDB_API_KEY}": "WANDB_API_KEY",
    "+a.authorization=abcd": "authorization",
    "+a.api_keys=[abcd]": "api_keys",
    HF: "a Hugging Face token",
    "trainer.experiment_name=value-of-a-variable": "the value of MY_TOKEN",
}


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run a command that is to end with status 2; returns what it printed."""
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.setenv("MY_TOKEN", "value-of-a-variable")
    monkeypatch.chdir(tmp_path)

    def ended(command, *arguments):
        monkeypatch.setattr(sys, "argv", ["main", f"hydra.run.dir={tmp_path}/run", *arguments])
        with pytest.raises(SystemExit) as end:
            command()
        printed = "".join(capsys.readouterr())
        assert end.value.code == 2, printed
        assert not [secret for secret in ("abcd", "a1a1", "value-of-a-variable") if secret in printed]
        return printed

    return ended


@pytest.mark.parametrize("override", OVERRIDES)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_takes_it_and_nothing_is_written(run, tmp_path, command, override):
    printed = run(COMMANDS[command], override)
    assert f"carries a secret ({OVERRIDES[override]})" in printed
    assert list(tmp_path.iterdir()) == []


def test_what_the_demo_composes_is_looked_at_too():
    with pytest.raises(ValueError, match="carries a secret"):
        commands.compose(HTPO, [HF])


@pytest.mark.parametrize("override", OVERRIDES)
def test_submit_sends_none(monkeypatch, capsys, override):
    monkeypatch.setenv("MY_TOKEN", "value-of-a-variable")
    assert submit.main(["--address", "http://127.0.0.1:1", "--dry-run", "--", "a=b", override]) == 2
    printed = "".join(capsys.readouterr())
    assert f"carries a secret ({OVERRIDES[override]})" in printed
    assert not [secret for secret in ("abcd", "a1a1", "value-of-a-variable") if secret in printed]


@pytest.mark.parametrize(
    ("preset", "named"),
    [
        ("trainer: {judge_api_key: abcd}", "trainer.judge_api_key carries a secret"),
        ("trainer: {project_name: '${oc.env:MY_TOKEN}'}", "trainer.project_name carries a secret (MY_TOKEN)"),
        (
            "a: MY_TOKEN\ntrainer: {project_name: 'x-${oc.env:${a}}'}",
            "project_name carries a secret (the value of MY_TOKEN)",
        ),
        ("ray_kwargs: {ray_init: {runtime_env: {env_vars: {HF_TOKEN: abcd}}}}", "env_vars.HF_TOKEN carries a secret"),
    ],
)
def test_a_preset_of_ones_own_brings_none_and_hydras_record_of_it_is_removed(run, tmp_path, preset, named):
    (tmp_path / "own/mine").mkdir(parents=True)
    (tmp_path / "own/mine/preset.yaml").write_text(f"# @package _global_\n{preset}\n")
    printed = run(COMMANDS["main"], "--config-dir", str(tmp_path / "own"), "+mine=preset")
    assert named in printed
    left = subprocess.run(["grep", "-rlE", "abcd|value-of", tmp_path / "run"], capture_output=True, text=True)
    assert not left.stdout


def test_hydras_record_is_the_owners_alone(monkeypatch, tmp_path):
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.setattr(sys, "argv", ["main", f"hydra.run.dir={tmp_path}/run"])
    seen = []
    commands._command(HTPO, "main", lambda config, method: seen.append(config))()
    assert seen
    folder = tmp_path / "run/.hydra"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert (folder / "config.yaml").exists()


def test_a_run_from_outside_is_refused_in_a_sentence(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "recipe.htpo.main", HF],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr.strip().startswith("error: the override of *** carries a secret (a Hugging Face token)")
    assert "a1a1" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("recipe", ["htpo", "hapo"])
def test_no_default_tracker_sends_anything(compose, recipe):
    assert set(compose(recipe=recipe).trainer.logger) == {"console", "file", "tensorboard"}


@pytest.mark.parametrize("recipe", ["htpo", "hapo"])
def test_every_key_of_the_configs_can_be_overridden_and_no_shipped_value_is_taken_for_a_secret(compose, recipe):
    config = compose("actor_rollout_ref.model.path=m", "data.train_files=t", "data.val_files=v", recipe=recipe)
    tree = OmegaConf.to_container(config)
    check_config(leaves(tree))
    check_overrides(f"{key}=value" for key, _ in leaves(tree))
