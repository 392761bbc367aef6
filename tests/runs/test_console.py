"""The console's line of a step: readable, aligned, with what there is."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.htpo.objectives import GROUPS
from recipe.runs.console import StepLine, lines

STEP = {
    "critic/score/mean": 0.64,
    "rollouts/acc": np.float64(0.71),
    "actor/entropy": 0.31,
    "response_length/mean": 812.4,
    "actor/pg_clipfrac": 0.004,
    "perf/throughput": 412.2,
    "timing_s/step": 61.0,
    "timing_s/gen": 38.2,
    "timing_s/update_actor": 17.4,
    "critic/returns/max": 3.0,
    "htpo/hard_prompt_share": 0.43,
    "htpo/active_share": 0.018,
} | {
    f"htpo/{name}/token_share": share
    for name, share in zip(GROUPS, (0.05, 0.04, 0.09, 0.08, 0.34, 0.22, 0.1, 0.08), strict=True)
}


def test_one_line_with_the_numbers_of_the_step():
    assert lines(STEP, 12, 300, HTPO.console) == [
        "step  12/300  reward  0.64  acc 0.71  entropy 0.310  length   812  clip  0.4%  hard  43%  "
        "active  1.8%  groups  5/ 4/ 9/ 8/34/22/10/ 8 %    412 tok/s/GPU     61 s (rollout 38, update 17)"
    ]


def test_steps_are_aligned():
    other = STEP | {
        "critic/score/mean": -0.5,
        "response_length/mean": 20480,
        "actor/pg_clipfrac": 0.123,
        "timing_s/step": 1234.5,
    }
    first, second = lines(STEP, 1, 1000, HTPO.console)[0], lines(other, 1000, 1000, HTPO.console)[0]
    for word in ("reward", "acc", "entropy", "length", "clip", "groups", "tok/s/GPU", " s ("):
        assert first.index(word) == second.index(word)


def test_a_validation_has_a_line_of_its_own():
    core = {"val-core/aime/acc/mean@32": 0.3125, "val-core/gsm8k/acc/mean@1": 0.9, "val-aux/aime/reward/mean@32": 0.1}
    expected = "step   0/300  validation  aime/acc/mean@32 0.312  gsm8k/acc/mean@1 0.900"
    assert lines(core, 0, 300, HTPO.console) == [expected]
    both = lines(STEP | core | {"timing_s/testing": 2.42}, 20, 300, HTPO.console)
    assert len(both) == 2
    assert both[0] == lines(STEP, 20, 300, HTPO.console)[0]
    assert both[1].endswith("acc/mean@1 0.900  2.4 s")
    assert both[1].startswith("step  20/300  validation  aime")


@pytest.mark.parametrize("missing", STEP)
def test_what_is_missing_is_left_out(missing):
    whole = lines(STEP, 12, 300, HTPO.console)[0]
    (line,) = lines({name: x for name, x in STEP.items() if name != missing}, 12, 300, HTPO.console)
    assert len(line) < len(whole) or missing == "critic/returns/max"
    (odd,) = lines(STEP | {missing: float("nan")}, 12, 300, HTPO.console)
    assert odd == line


def test_nothing_known_is_no_line():
    assert lines({"timing_s/testing": 2.4}, 1, 9, HAPO.console) == []
    assert lines({"training/epoch": 1, "note": "text"}, 1, 9, HAPO.console) == []


def test_hapos_sides():
    metrics = {
        "hapo/high_entropy/token_share": 0.2,
        "hapo/low_entropy/outside_clip_share": 0.003,
        "hapo/high_entropy/outside_clip_share": 0.012,
    }
    assert HAPO.console(metrics) == ["uncertain  20%", "outside low/high 0.3%/1.2%"]
    assert HAPO.console({}) == []


def test_it_takes_the_place_of_verls_console(capsys, tmp_path):
    """`fit` assigns the Tracking it has made to `logger`; other backends see everything."""
    from verl.trainer.ppo.v1 import get_trainer_cls
    from verl.utils.tracking import Tracking

    importlib.import_module("recipe.htpo.trainer")
    trainer = object.__new__(get_trainer_cls("htpo_sync"))
    trainer.total_training_steps, trainer.global_steps = 300, 0
    trainer.config = SimpleNamespace(trainer=SimpleNamespace(default_local_dir=str(tmp_path)))
    trainer.logger = Tracking("project", "run", ["console"])
    assert isinstance(trainer.logger.logger["console"], StepLine)
    seen = {}
    file = SimpleNamespace(log=lambda data, step: seen.update(data), finish=lambda: None)
    trainer.logger.logger["file"] = file
    trainer.logger.log(data=STEP, step=12)
    out = capsys.readouterr().out
    assert out.startswith("step  12/300  reward")
    assert out.count("\n") == 1
    assert seen == STEP

    trainer.logger = Tracking("project", "run", [])
    trainer.logger.log(data=STEP, step=12)
    assert capsys.readouterr().out == ""
