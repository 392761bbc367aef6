"""The files that a config names: data, checkpoints, reward function."""

from types import SimpleNamespace

import pandas as pd
import pytest

from recipe.hapo.method import HAPO
from recipe.htpo.method import HTPO
from recipe.runs.input_checks import check_files, check_progress, check_reward, first_training_row, refuse_finished
from tests.runs.config.given import GIVEN


def write_data(path, **columns):
    row = {"data_source": "sum", "prompt": [{"role": "user", "content": "1+1=?"}], "reward_model": {"ground_truth": "2"}}
    row |= columns
    pd.DataFrame([{key: value for key, value in row.items() if value is not None}]).to_parquet(path)
    return path


def test_missing_files_and_columns_are_named(compose, tmp_path):
    good = write_data(tmp_path / "good.parquet")
    no_truth = write_data(tmp_path / "no_truth.parquet", reward_model={"style": "rule"})
    no_prompt = write_data(tmp_path / "no_prompt.parquet", prompt=None)
    no_source = write_data(tmp_path / "no_source.parquet", data_source=None)
    flat = write_data(tmp_path / "flat.parquet", reward_model="2")
    (tmp_path / "broken.parquet").write_text("not parquet")

    def check(*overrides, model="org/model", train=good):
        files = (f"data.train_files={train}", f"data.val_files={good}")
        check_files(compose(f"actor_rollout_ref.model.path={model}", *files, *overrides))

    check()
    check(train="hdfs://somewhere/train.parquet")
    check(train=f"[{good},{good}]")
    check("data.custom_cls.path=mine.py", train=no_prompt)  # a data set class of one's own reads what it likes
    for arguments, message in (
        ({"model": tmp_path / "nowhere"}, r"model.path is .*nowhere.*no config.json"),
        ({"model": "./nowhere"}, r"model.path is ./nowhere, where there is no config.json"),
        ({"model": "'~/nowhere'"}, r"model.path is /.*nowhere, where there is no config.json"),
        ({"train": f"[{good},{tmp_path}/second.parquet]"}, r"data.train_files names .*second.parquet, which does not exist"),
        ({"train": no_source}, r"no column 'data_source'; its columns are prompt"),
        ({"train": flat}, r"flat.parquet has no 'ground_truth'"),
        ({"train": tmp_path / "nowhere.parquet"}, r"data.train_files names .*nowhere.parquet, which does not exist"),
        ({"train": tmp_path / "broken.parquet"}, r"not a readable parquet file"),
        ({"train": no_truth}, r"no_truth.parquet has no 'ground_truth'"),
        ({"train": no_prompt}, r"no column 'prompt'; its columns are data_source"),
    ):
        with pytest.raises(ValueError, match=message):
            check(**arguments)


def test_a_finished_run_is_refused_before_the_start(compose, tmp_path):
    (tmp_path / "latest_checkpointed_iteration.txt").write_text("10")
    (tmp_path / "global_step_10").mkdir()

    def check(steps, *overrides):
        folder = f"trainer.default_local_dir={tmp_path}"
        check_progress(compose(*GIVEN, folder, f"trainer.total_training_steps={steps}", *overrides))

    check(11)
    check("null")
    check(10, "trainer.resume_mode=disable")
    check(10, "trainer.val_only=True")
    with pytest.raises(ValueError, match=r"nothing to train: .* is at step 10 and training ends at step 10; raise"):
        check(10)
    (tmp_path / "global_step_10").rmdir()
    with pytest.raises(ValueError, match=r"no checkpoint in .* is complete \(global_step_10 is gone\)"):
        check(11)


@pytest.mark.parametrize(
    ("step", "steps", "steps_per_epoch", "message"),
    [
        (7, 7, 100, r"at step 7 and training ends at step 7"),
        (200, 300, 100, r"at step 200 and training ends at step 200.*trainer.total_epochs"),
        (0, 0, 0, r"fewer prompts than one batch \(data.train_batch_size=128\)"),
    ],
)
def test_the_trainer_refuses_what_verl_would_end_without_a_step(compose, step, steps, steps_per_epoch, message):

    from recipe.runs.trainer import RunTrainer

    config = compose(*GIVEN, "trainer.total_epochs=2")
    trainer = SimpleNamespace(config=config, global_steps=step, total_training_steps=steps, steps_per_epoch=steps_per_epoch)
    with pytest.raises(ValueError, match=message):
        RunTrainer.fit(trainer, None)


def test_the_trainer_goes_on_with_what_is_left(compose):
    config = compose(*GIVEN, "trainer.total_epochs=2")
    refuse_finished(config, 199, 300, steps_per_epoch=100)
    refuse_finished(config, 6, 7, steps_per_epoch=100)


REWARDS = """
def good(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": 0.0, "acc": 0.0}

def number(data_source, solution_str, ground_truth, extra_info=None):
    return 0.0

def no_acc(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": 0.0}

async def no_acc_async(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": 0.0}

def reads_extra_info(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": extra_info["num_turns"], "acc": 0.0}

def reads_the_rows_extra_info(data_source, solution_str, ground_truth, extra_info=None):
    return {"score": extra_info["index"], "acc": float(solution_str == ground_truth == data_source)}

def needs_a_judge(data_source, solution_str, ground_truth, extra_info=None, *, reward_router_address):
    return {"score": 0.0, "acc": 0.0}
"""


def test_a_reward_function_without_a_verdict_is_named_before_the_start(compose, tmp_path):
    data = write_data(tmp_path / "data.parquet")
    (tmp_path / "reward.py").write_text(REWARDS)

    def check(name, *overrides, path=tmp_path / "reward.py", method=HTPO):
        function = (f"reward.custom_reward_function.path={path}", f"reward.custom_reward_function.name={name}")
        given = (GIVEN[0], f"data.train_files={data}", f"data.val_files={data}", *function, *overrides)
        check_reward(compose(*given, recipe=method.name), method)

    for name in ("good", "number", "reads_extra_info"):
        check(name)
    for name in ("no_acc", "no_acc_async"):
        with pytest.raises(ValueError, match=r"returns score but no 'acc'.*which htpo reads: return a dict"):
            check(name)
        check(name, method=HAPO)
        with pytest.raises(ValueError, match=r"which algorithm.filter_groups reads: return a dict"):
            check(name, "algorithm.filter_groups.enable=True", method=HAPO)
        check(name, "algorithm.filter_groups.enable=True", "algorithm.filter_groups.metric=score", method=HAPO)
    with pytest.warns(UserWarning, match="could not be tried"):
        check("needs_a_judge")
    with pytest.raises(ValueError, match=r"cannot be loaded"):
        check("good", path=tmp_path / "nowhere.py")
    with pytest.raises(ValueError, match=r"cannot be loaded"):
        check("misspelt")
    with pytest.raises(ValueError, match=r"no reward function for data_source 'sum'"):
        check("compute_score", path="null")
    # may be scored elsewhere
    check("compute_score", "actor_rollout_ref.rollout.agent.agent_loop_config_path=mine.yaml", path="null")
    check("compute_score", "reward.reward_model.enable=True", path="null")
    check("compute_score", "reward.reward_manager.source=importlib", path="null")


def test_an_empty_answer_is_scored_with_what_the_row_has(compose, tmp_path):
    data = write_data(tmp_path / "data.parquet", extra_info={"index": 7}, reward_model={"ground_truth": ""}, data_source="")
    (tmp_path / "reward.py").write_text(REWARDS)
    function = (f"reward.custom_reward_function.path={tmp_path}/reward.py", "reward.custom_reward_function.name=")
    given = (GIVEN[0], f"data.train_files={data}", f"data.val_files={data}", function[0])
    config = compose(*given, f"{function[1]}reads_the_rows_extra_info")
    assert check_reward(config, HTPO) == {"score": 7, "acc": 1.0}
    assert check_reward(compose(*given, f"{function[1]}number"), HTPO) == 0.0


def test_the_first_row_is_read_where_verls_own_data_set_reads_it(compose, tmp_path):
    data = write_data(tmp_path / "data.parquet")
    given = (GIVEN[0], "data.val_files=val.parquet")
    assert first_training_row(compose(*given, f"data.train_files={data}"))["reward_model"] == {"ground_truth": "2"}
    assert first_training_row(compose(*given, f"data.train_files=[{data},other.parquet]"))["data_source"] == "sum"
    assert first_training_row(compose(*given, f"data.train_files={data}", "data.custom_cls.path=mine.py")) is None
    for elsewhere in ("hdfs://somewhere/train.parquet", tmp_path / "data.json"):
        assert first_training_row(compose(*given, f"data.train_files={elsewhere}")) is None
