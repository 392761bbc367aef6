"""The launcher's own checks as rows."""

import pytest

from recipe.runs.preflight import launcher
from tests.runs.preflight.support import METHODS, check


def row(run, name):
    return launcher.launcher_checks(run)[name](run)


@pytest.mark.parametrize("recipe", METHODS)
def test_what_the_launcher_accepts_passes(run, recipe):
    demo = run(recipe=recipe)
    for name, finding in (
        ("config", f"{recipe} accepts it: estimator {recipe}, loss {recipe}, trainer mode sync, fsdp2"),
        ("environment", "can be used"),
        ("model path", "model is a folder with a config.json"),
        ("objective", "no checkpoint here says that it was trained with another"),
        ("resume", "starts at step 0"),
        ("plugin", f"recipe.{recipe}.plugin"),
        ("reward", r"an empty answer to a row of each data source gets \S+: score 0.0, acc 0.0"),
        ("verl", "verl's own checks"),
    ):
        check(row(demo, name), "pass", finding)
    rows = "every row can be used; 4,096 training rows, 128 steps an epoch; 100 validation rows"
    check(row(demo, "data"), "warn", f"{rows}; 100 of 100 validation prompts are in the training files as well")


def test_data_that_is_too_small_fails_and_data_that_cannot_be_counted_is_skipped(run, inputs):
    for override, rows in (("data.train_batch_size=5000", "4,096"), ("data.train_max_samples=31", "31")):
        with pytest.raises(ValueError, match=f"{rows} training rows are fewer than one batch .*; lower .* or add data"):
            row(run(override), "data")
    twice = f"data.train_files=[{inputs}/data/train.parquet,{inputs}/data/val.parquet]"
    check(
        row(run(twice), "data"),
        "warn",
        r"4,196 training rows.*; \d+ of \d+ validation prompts are in the training files as well",
    )
    check(row(run("data.custom_cls.path=mine.py"), "data"), "skip", "can be looked at")


def test_where_a_run_resumes_is_said(run, tmp_path):
    (tmp_path / "checkpoints/global_step_6").mkdir(parents=True)
    (tmp_path / "checkpoints/latest_checkpointed_iteration.txt").write_text("6")
    check(row(run(), "resume"), "pass", "continues from .*global_step_6$")
    (tmp_path / "checkpoints/global_step_6/actor").mkdir()
    (tmp_path / "checkpoints/global_step_6/actor/fsdp_config.json").write_text('{"FSDP_version": 2, "world_size": 4}')
    check(row(run(), "resume"), "pass", "continues from .*global_step_6, number of ranks: 4 saved it, 1 load it")
    (tmp_path / "checkpoints/global_step_7").mkdir()
    check(row(run(), "resume"), "warn", "continues from .*global_step_6, .*because .*global_step_7 was not finished")
    check(row(run("trainer.resume_mode=disable"), "resume"), "pass", "starts at step 0")
    by_path = ("trainer.resume_mode=resume_path", f"trainer.resume_from_path={tmp_path}/global_step_3")
    with pytest.raises(ValueError, match=r"global_step_3, which is not a folder; .*resume_mode=auto"):
        row(run(*by_path), "resume")
    (tmp_path / "global_step_3").mkdir()
    check(row(run(*by_path), "resume"), "pass", "global_step_3")


def test_a_reward_that_an_empty_answer_earns_and_one_that_cannot_be_tried_warn(run, tmp_path):
    (tmp_path / "reward.py").write_text(
        "def right(**_):\n    return {'score': 1.0, 'acc': 1.0}\n\ndef judge(*, reward_router_address, **_):\n    return 1.0\n"
    )

    def of(name):
        path = f"reward.custom_reward_function.path={tmp_path}/reward.py"
        return row(run(path, f"reward.custom_reward_function.name={name}"), "reward")

    check(of("right"), "warn", "score 1.0, acc 1.0; it counts as right for ", "ground_truth")
    check(of("judge"), "warn", "could not be tried: it needs reward_router_address of a reward worker")
