"""What the verdicts say of a step's prompts, and that the trainer asks for it and for the dump."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest
from tensordict import NonTensorData, NonTensorStack
from verl.trainer.ppo.v1 import get_trainer_cls
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from recipe.runs.token_dump.dump_settings import DumpSettings
from recipe.token_level.verdicts import verdict_metrics, verdicts


def metrics(acc, dropped=(), padding=0, per_prompt=2):
    acc = np.array([*acc, *[np.nan] * padding], dtype=float)
    real = len(acc) - padding
    keys = [f"p{i // per_prompt}_{i % per_prompt}_0" for i in range(real)] + [f"pad_{i}_0" for i in range(padding)]
    return verdict_metrics(keys, acc, np.arange(len(acc)) >= real, dict(dropped))


def shares(acc, right, wrong):
    return {"rollouts/acc": acc, "rollouts/all_right_share": right, "rollouts/all_wrong_share": wrong}


def test_of_the_prompts_of_a_batch():
    assert metrics([1, 1, 0, 0, 1, 0, 0, 0]) == shares(0.375, 0.25, 0.5)
    assert metrics([1, 1, 0, 0], padding=3) == shares(0.5, 0.5, 0.5)


def test_prompts_that_filtering_dropped_count():
    assert metrics([1, 0, 1, 0], dropped={1.0: 5, 0.0: 1}) == shares(pytest.approx(6 / 8), 5 / 8, 1 / 8)


def test_without_a_verdict_nothing_is_said():
    assert metrics([1, np.nan]) == {}
    assert metrics([], padding=2) == {}


def test_what_is_no_number_is_no_verdict():
    given = [{"reward_extra_info": {"acc": x}} for x in (1, 0.0, True, "yes", None)] + [{}, None]
    assert np.array_equal(verdicts(given), [1, 0, 1, *[np.nan] * 4], equal_nan=True)


def test_verdicts_are_found_in_every_form_that_a_batch_hands_out():
    given = [{"reward_extra_info": {"acc": x}} for x in (1.0, 0.0)]
    assert verdicts(NonTensorStack(*given)).tolist() == [1, 0]
    assert verdicts([NonTensorData(x) for x in given]).tolist() == [1, 0]


@pytest.mark.parametrize("mode", ["sync", "colocate_async", "separate_async"])
def test_the_trainer_dumps_after_the_updates_of_the_steps_that_are_due(monkeypatch, mode):
    importlib.import_module("recipe.htpo.trainer")
    trainer = object.__new__(get_trainer_cls(f"htpo_{mode}"))
    done = []
    monkeypatch.setattr(PPOTrainer, "step", lambda self, metrics, timing: done.append("updates") or "batch")
    dump = SimpleNamespace(
        settings=DumpSettings(every=3), write=lambda trainer, batch: done.append((trainer.global_steps, batch))
    )
    trainer.token_dump, trainer.trainer_mode = dump, mode
    trainer.verdict_dump = SimpleNamespace(write=lambda trainer, batch: done.append(f"verdicts {trainer.global_steps}"))
    for trainer.global_steps in range(1, 7):
        timing = {}
        assert trainer.step({}, timing) == "batch"
        assert list(timing) == (["token_dump"] if trainer.global_steps in (1, 3, 6) else [])
    due = [[(step, "batch"), f"verdicts {step}"] for step in (1, 3, 6)]
    assert done == ["updates", *due[0], "updates", "updates", *due[1], *["updates"] * 3, *due[2]]
