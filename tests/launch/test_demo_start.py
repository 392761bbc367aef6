"""What the demo refuses, each with one sentence and status 2, and when it says that all is trained."""

import subprocess
import sys

import pytest
from filelock import FileLock
from omegaconf import OmegaConf

from launch.demo import run
from recipe.hapo.method import HAPO
from recipe.runs.trained_with import keep_settings
from tests import ROOT


@pytest.fixture
def demo(monkeypatch, tmp_path, capsys):
    """Run the demo in `tmp_path/run` with a stand-in for training; returns (status, what it said)."""

    def train(command, folder, total):
        print("training")
        return 85

    monkeypatch.setattr(run, "train", train)
    monkeypatch.setattr(run, "make_inputs", lambda folder: None)

    def demo(*arguments, folder=tmp_path / "run"):
        monkeypatch.setattr(sys, "argv", ["run.py", "--recipe", "hapo", "--run-dir", str(folder), *arguments])
        status = run.main()
        said = capsys.readouterr()
        return status, said.out + said.err

    return demo


@pytest.fixture
def trained(tmp_path):
    """What a training of twelve steps leaves."""
    folder = tmp_path / "run"
    (folder / "checkpoints/global_step_12").mkdir(parents=True)
    (folder / "checkpoints/latest_checkpointed_iteration.txt").write_text("12")
    (folder / "metrics-000.jsonl").write_text(
        "".join(
            f'{{"step": {step}, "data": {{"timing_s/step": 1.0, "critic/score/mean": 0.5, "{run.ACCURACY}": {accuracy}}}}}\n'
            for step, accuracy in ((1, 0.2), (12, 0.9))
        )
    )
    config = run.checked_config(HAPO, folder, [])
    keep_settings(config, HAPO)
    (folder / "hydra/.hydra").mkdir(parents=True)
    OmegaConf.save(config, folder / "hydra/.hydra/config.yaml")
    return folder


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ["trainer.total_training_steps=abc"],
            "trainer.total_training_steps is 'abc'; it must be a whole number of at least 1",
        ),
        (["trainer.total_training_steps=0"], "trainer.total_training_steps is 0; it must be"),
        (["trainer.total_training_steps=null"], "trainer.total_training_steps is null; the demo needs a number"),
        (["trainer.totl_epochs=3"], "the config has no trainer.totl_epochs; did you mean trainer.total_epochs?"),
        (["nonsense"], "the command line cannot be understood"),
        (["trainer.default_local_dir=/elsewhere"], "give --run-dir"),
        (["--recipe", "nobody.has.it"], "--recipe nobody.has.it: nobody.has.it.method cannot be imported (ModuleNotFoundError"),
        (["--recipe", "json"], "--recipe json: "),
        (["--recipe", ".x"], "--recipe .x: "),
    ],
)
def test_what_is_wrong_is_one_sentence(demo, arguments, sentence):
    status, said = demo(*arguments)
    assert status == 2
    assert sentence in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1


def test_a_folder_that_cannot_be_made_and_one_that_is_in_use(demo, tmp_path):
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file/run", "/proc/demo"):
        status, said = demo(folder=folder)
        assert status == 2
        assert said.startswith("error: --run-dir cannot be used: ")
        assert said.count("\n") == 1
    (tmp_path / "run").mkdir()
    with FileLock(tmp_path / "run/lock"):
        assert demo() == (2, f"error: another demo trains in {tmp_path}/run; wait for it, or give another --run-dir\n")
    assert demo() == (85, "training\n")


def test_a_trained_folder_is_shown_and_a_longer_run_goes_on(demo, trained):
    status, said = demo()
    assert status == 0
    assert said.startswith(f"{trained} is trained already; remove it to start anew.")
    assert demo("trainer.total_training_steps=6")[0] == 0
    assert demo("trainer.total_training_steps=20") == (85, "training\n")
    assert demo("trainer.resume_mode=disable") == (85, "training\n")


def test_another_objective_is_neither_trained_already_nor_resumed(demo, trained):
    for more in ([], ["trainer.total_training_steps=20"]):
        status, said = demo("hapo.adaptive_clip=False", *more)
        assert status == 2
        assert "were trained with other settings" in said
        assert "hapo.adaptive_clip True -> False; start anew with another --run-dir, or remove that file to go on" in said


def test_any_other_setting_is_not_trained_already(demo, trained):
    status, said = demo("actor_rollout_ref.actor.optim.lr=1e-3")
    assert status == 2
    assert said == (
        f"error: {trained} is trained already, with other settings: actor_rollout_ref.actor.optim.lr 0.0003 -> 0.001; "
        "start anew with another --run-dir, or remove it\n"
    )
    assert demo("actor_rollout_ref.actor.optim.lr=1e-3", "trainer.total_training_steps=20") == (85, "training\n")


def test_a_recipe_of_another_checkout_that_hides_ours_is_named(tmp_path):
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe/__init__.py").touch()
    for script in ("launch/demo/run.py", "launch/submit.py"):
        started = subprocess.run(
            [sys.executable, ROOT / script, "--help"], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
        )
        assert started.returncode == 2
        assert started.stderr == (
            f"error: {tmp_path}/recipe/__init__.py hides the folder recipe of this project; take {tmp_path} off PYTHONPATH, or "
            "remove that file\n"
        )
