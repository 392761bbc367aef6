"""The signs as a logger: what stands on stderr, over the attempts of a run, and whatever the metrics are."""

import importlib
import json
import random
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from recipe.files.warned import read_warnings
from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.runs import health
from recipe.runs.health import SIGNS, HealthLog
from recipe.runs.health.log import measured_before
from tests.runs.health.watching import ALL


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def test_a_sound_run_and_every_metric_missing_say_nothing(capsys):
    log = HealthLog(HTPO.signs)
    sound = {sign.metric: 0.1 for sign in (*SIGNS, *HTPO.signs)}
    sound |= {"htpo/hard_prompt_share": 0.5, "response_length/mean": 900.0, "rollouts/failed_share": 0.0}
    sound |= {"training/rollout_probs_diff_mean": 0.004, "training/rollout_actor_probs_pearson_corr": 0.998}
    for step in range(1, 60):
        log.log(sound, step)
        log.log({}, step)
    assert capsys.readouterr() == ("", "")


def test_the_log_warns_on_stderr_with_the_step(capsys):
    log = HealthLog(HAPO.signs)
    for step in range(1, 20):
        log.log({"hapo/high_entropy/outside_clip_share": 0.6 if step < 6 else 0.0}, step)
    first, second = lines(capsys)
    metric = "hapo/high_entropy/outside_clip_share"
    assert first.startswith(f"warning: step 5: {metric} is 60.0% (mean of 5 steps; sound is less than 30.0%): the updates move")
    assert second == f"note: step 12: {metric} is 0.0% (mean of 5 steps): the warning of step 5 is over"


def test_what_was_said_is_kept_over_all_attempts(tmp_path, capsys):
    def metrics(step):
        return {"hapo/high_entropy/outside_clip_share": 0.0 if 6 <= step < 20 else 0.6}

    log = HealthLog(HAPO.signs, folder=tmp_path)
    assert read_warnings(tmp_path) == []
    for step in range(1, 30):
        log.log(metrics(step), step)
    first, second = read_warnings(tmp_path)
    assert (first.began, first.over, second.began, second.over) == (5, 12, 22, None)
    said = lines(capsys)
    assert said[0] == f"warning: step 5: {first.text}"
    assert said[2] == f"warning: step 22: {second.text}"

    def kept(until):
        HealthLog(HAPO.signs, {step: metrics(step) for step in range(1, until + 1)}, tmp_path)
        return [(one.began, one.over) for one in read_warnings(tmp_path)]

    assert kept(25) == [(5, 12), (22, None)]  # a start that goes on from step 25
    assert kept(8) == [(5, None)]  # from step 8: what came after it is thrown away
    assert kept(0) == []


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path, capsys):
    (tmp_path / "file").touch()
    log = HealthLog(HAPO.signs, folder=tmp_path / "file/run")
    for step in range(1, 6):
        log.log({"hapo/high_entropy/outside_clip_share": 0.6}, step)
    first, second = lines(capsys)
    assert first.startswith(f"note: the warnings are not kept in {tmp_path}/file/run: ")
    assert second.startswith("warning: step 5: ")


def test_what_was_once_fed_to_it_in_silence_is_said(capsys):
    """Entropy from 0.3 to 28 nats, all tokens clipped, probabilities 0.59 apart, gradients of NaN."""
    log = HealthLog(())
    for step in range(1, 31):
        log.log(
            {
                "actor/entropy": 0.3 if step <= 5 else min(28.0, 0.3 + (step - 5) * 28 / 20),
                "actor/pg_clipfrac": min(1.0, step / 20),
                "training/rollout_probs_diff_mean": 0.001 if step <= 5 else 0.59,
                "training/rollout_actor_probs_pearson_corr": 0.999 if step <= 5 else 0.2,
                "actor/grad_norm": 0.3 if step <= 5 else float("nan"),
            },
            step,
        )
    found = [line.split(" (")[0] for line in lines(capsys)]
    assert found == [
        "warning: step 6: actor/entropy is 0.58 nats",
        "warning: step 6: training/rollout_probs_diff_mean is 0.119",
        "warning: step 6: training/rollout_actor_probs_pearson_corr is 0.839",
        "warning: step 7: actor/entropy is 1.14 nats",
        "warning: step 7: actor/grad_norm is 2 steps without a finite value",
        "warning: step 8: actor/pg_clipfrac is 30.0%",
    ]


@pytest.fixture
def trainer():
    """One that has made its Tracking, as `fit` does, at a step of a run in a folder."""
    from verl.trainer.ppo.v1 import get_trainer_cls
    from verl.utils.tracking import Tracking

    importlib.import_module("recipe.htpo.trainer")

    def build(folder, step):
        trainer = object.__new__(get_trainer_cls("htpo_sync"))
        trainer.total_training_steps, trainer.global_steps = 300, step
        trainer.config = SimpleNamespace(trainer=SimpleNamespace(default_local_dir=str(folder / "checkpoints")))
        trainer.logger = Tracking("project", "run", [])
        return trainer

    return build


def test_a_run_is_watched_for_the_signs_of_all_and_of_its_method(trainer, tmp_path, capsys):
    running = trainer(tmp_path, 0)
    for step in range(1, 6):
        running.logger.log(data={"actor/entropy": 0.01, "htpo/hard_prompt_share": 1.0}, step=step)
    first, second = lines(capsys)
    assert first.startswith("warning: step 5: actor/entropy is 0.01 nats")
    assert second.startswith("warning: step 5: htpo/hard_prompt_share is 100.0%")


def write(path, steps):
    path.write_text("".join(json.dumps({"step": step, "data": data}) + "\n" for step, data in steps.items()))


def test_a_resumed_run_is_judged_as_one_that_was_never_interrupted(trainer, tmp_path, capsys):
    curve = {step: {"actor/entropy": 0.3 if step <= 8 else 2.0, "timing_s/step": 1.0} for step in range(1, 40)}
    curve |= {step: curve[step] | {"rollouts/all_wrong_share": 1.0 if step < 20 else 0.3} for step in curve}
    unbroken = trainer(tmp_path / "other", 0)
    for step, metrics in curve.items():
        unbroken.logger.log(data=metrics, step=step)
    expected = lines(capsys)
    assert [line.split(": ")[1] for line in expected] == ["step 5", "step 9", "step 11", "step 25", "step 36"]

    write(tmp_path / "metrics-000.jsonl", {step: curve[step] for step in range(1, 16)})
    (tmp_path / "metrics-001.jsonl").touch()  # this attempt's own
    resumed = trainer(tmp_path, 12)  # three steps were trained and thrown away
    for step in range(13, 40):
        resumed.logger.log(data=curve[step], step=step)
    again = [line.removesuffix(" (said before this start, and not over)") for line in lines(capsys)]
    assert again == [expected[2], expected[1], expected[0], *expected[3:]]


def test_a_run_that_begins_anew_does_not_read_what_lies_there(trainer, tmp_path, capsys):
    write(tmp_path / "metrics-000.jsonl", {step: {"actor/entropy": 0.001} for step in range(1, 16)})
    trainer(tmp_path, 0)
    assert not lines(capsys)


def test_metrics_that_cannot_be_read_do_not_end_a_run(tmp_path, capsys):
    assert measured_before(tmp_path / "nowhere", 5) == {}
    assert not lines(capsys)
    (tmp_path / "metrics-000.jsonl").write_text("broken\n" * 3)
    assert measured_before(tmp_path, 5) == {}
    (note,) = lines(capsys)
    assert note.startswith("note: the warnings begin anew, without the steps before 5: ")


ODD = [None, "much", float("nan"), float("inf"), -float("inf"), 0, 0.0, -1.0, 1e308, 10**400, True, 1j, [1], {}, Decimal(1)]
ODD += [np.float32(0.5), np.float64("nan"), np.int64(3), np.zeros(2), torch.tensor(1.0)]


def test_no_metrics_bring_it_down(capsys):
    chance = random.Random(0)
    names = [sign.metric.replace("*", "x") for sign in ALL] + ["critic/score/mean", "val-core/y/acc/mean@1"]
    log = HealthLog((*HTPO.signs, *HAPO.signs), {0: {}, 1: {"actor/entropy": float("nan")}})
    for step in range(1, 400):
        log.log({name: chance.choice(ODD) for name in names if chance.random() < 0.8} | {7: 1.0}, step)
    assert all(": step " in line for line in lines(capsys))


def test_shared_code_knows_no_method():
    for file in Path(health.__file__).parent.glob("*.py"):
        text = file.read_text().lower()
        assert not any(word in text for word in ("htpo", "hapo", "hard_")), file
