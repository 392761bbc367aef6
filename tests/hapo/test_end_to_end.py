"""HAPO on the real stack on CPU: which requests carry statistics, resuming, two ranks in asynchronous mode."""

import json

import pytest

from recipe.adaptive_temperature.rollout_config import PROCESSOR
from tests.carried import RECORDED, ROWS, VALIDATION, carried_by, check_carried
from tests.recording import read_requests
from tests.training import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

# Tokens by a seed of their own, one update a step so that the order of the rows decides nothing, and a tau that shows.
COMPARABLE = (
    *VALIDATION,
    f"+actor_rollout_ref.rollout.engine_kwargs.vllm.logits_processors=[{PROCESSOR},tests.recording:RequestRecorder]",
    "+actor_rollout_ref.rollout.agent.agent_loop_manager_class=tests.recording.SeedingManager",
    "actor_rollout_ref.actor.ppo_mini_batch_size=8",
    "trainer.total_training_steps=3",
    "adaptive_temperature.tau=0.9",
)


def check_step(data):
    """What every step must have logged."""
    assert (
        data["adaptive_temperature/log_entropy_min"]
        <= data["adaptive_temperature/log_entropy_center"]
        <= data["adaptive_temperature/log_entropy_max"]
    )
    assert data["hapo/low_entropy/token_share"] + data["hapo/high_entropy/token_share"] == pytest.approx(1)
    assert 0 <= data["hapo/grpo_fallback_share"] <= 1
    assert data["actor/grad_norm"] > 0
    assert not any("token_level_sums" in key for key in data)


def rollouts(folder, step):
    """Prompts and responses that verl dumped, in an order of their own."""
    lines = (folder / f"rollouts/{step}.jsonl").read_text().splitlines()
    return sorted((row["input"], row["output"]) for row in map(json.loads, lines))


def test_requests_carry_the_last_steps_statistics_and_a_resumed_run_goes_on_as_an_unbroken_one(demo_inputs, tmp_path):
    def run(name, *overrides):
        folder = tmp_path / name
        dump = f"trainer.rollout_data_dir={folder}/rollouts"
        return Run(demo_inputs, folder, *COMPARABLE, dump, *overrides, recipe="hapo").start()

    unbroken = run(
        "unbroken",
        "trainer.save_freq=2",
        "trainer.max_actor_ckpt_to_keep=2",
        "trainer.test_freq=1",
        "trainer.val_before_train=True",
    )
    steps = unbroken.finish()
    assert sorted(steps) == [0, 1, 2, 3]
    for step in (1, 2, 3):
        check_step(steps[step])
    first, second, third = carried_by(read_requests(unbroken.folder))
    assert first == [None] * ROWS
    check_carried(second, steps[1], tau=0.9)
    check_carried(third, steps[2], tau=0.9)
    assert second[0] != third[0]

    checkpoint = unbroken.folder / "checkpoints/global_step_2"
    resume = ("trainer.resume_mode=resume_path", "trainer.save_freq=-1")
    resumed = run("resumed", *resume, f"trainer.resume_from_path={checkpoint}")
    again = resumed.finish()
    assert sorted(again) == [3]
    for name in ("actor/pg_loss", "actor/grad_norm", "actor/entropy", "critic/advantages/max"):
        assert again[3][name] == pytest.approx(steps[3][name], rel=1e-4, abs=1e-7), name
    assert again[3]["actor/grad_norm"] > 0
    assert carried_by(read_requests(resumed.folder)) == [third]  # not [None] * ROWS, as after a start without statistics
    assert rollouts(resumed.folder, 3) == rollouts(unbroken.folder, 3)


def test_colocated_async_on_two_ranks(demo_inputs, tmp_path):
    overrides = (
        *RECORDED,
        "trainer.v1.trainer_mode=colocate_async",
        "trainer.n_gpus_per_node=2",
        "trainer.total_training_steps=3",
        "trainer.save_freq=-1",
    )
    steps = Run(demo_inputs, tmp_path / "run", *overrides, recipe="hapo").start().finish()
    assert sorted(steps) == [1, 2, 3]
    for data in steps.values():
        check_step(data)
    carried = [r["carried"] for r in read_requests(tmp_path / "run") if r["temperature"] == 1.0]
    centers = {c["center"] for c in carried if c}
    known = [steps[step]["adaptive_temperature/log_entropy_center"] for step in (1, 2, 3)]
    assert centers
    assert all(any(center == pytest.approx(x, abs=1e-9) for x in known) for center in centers)
