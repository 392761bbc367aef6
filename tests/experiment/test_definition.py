"""What an experiment file may say, and the sentence for what it may not."""

import pytest

from recipe.experiment.definition import find_file, read_experiment
from recipe.experiment.stages import Layout, stages


def test_a_file_of_few_lines_is_enough(tmp_path):
    file = tmp_path / "few.yaml"
    file.write_text("data: {train: dapo-math-17k, benchmarks: [aime-2024]}\narms: {a: {method: htpo}}\n")
    experiment = read_experiment(file)
    assert (experiment.name, experiment.seeds, experiment.steps, experiment.disk) == ("few", (1,), None, None)
    names = [stage.name for stage in stages(experiment, Layout(tmp_path))]
    assert names == ["data-dapo-math-17k", "data-aime-2024", "train-a-1", "evaluate-a-1", "report"]


def test_overrides_come_from_all_the_method_and_the_arm_and_an_arms_preset_wins(experiment_file):
    arms = {"a": {"method": "htpo", "overrides": ["c=3"]}, "b": {"method": "htpo", "preset": "two"}, "h": {"method": "hapo"}}
    methods = {"htpo": {"preset": "one", "overrides": ["b=2"]}, "hapo": {}}
    found = read_experiment(experiment_file(arms=arms, methods=methods, overrides=["a=1"])).arms
    assert [arm.overrides for arm in found] == [
        ("+experiment=one", "a=1", "b=2", "c=3"),
        ("+experiment=two", "a=1", "b=2"),
        ("a=1",),
    ]


def test_parts_and_cards_are_stages_of_their_own(experiment_file, tmp_path):
    changed = {"seeds": [1], "export": True, "evaluation": {"protocol": "htpo_paper", "shards": 2}}
    found = {stage.name: stage for stage in stages(read_experiment(experiment_file(**changed)), Layout(tmp_path))}
    parts = ("evaluate-base-1-1of2", "evaluate-base-1-2of2")
    assert found["export-base-1"].after == parts
    assert found["report"].after == (*parts, "evaluate-better-1-1of2", "evaluate-better-1-2of2")
    assert found[parts[1]].arguments[0] == "+protocol=htpo_paper"
    assert "shard=2/2" in found[parts[1]].arguments
    assert found[parts[1]].product == tmp_path / "runs/base/1/eval/shard-2-of-2/settings.json"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"arm": {}}, "has arm, which is none of its keys"),
        ({"arms": {}}, "lacks arms"),
        ({"arms": {"a/b": {}}}, "a name has letters, digits"),
        ({"arms": {"a": {"method": "htpo", "over": "b"}}}, "over of arms.a of .* is b; it must be another arm"),
        ({"arms": {"a": {"method": "x"}}, "methods": {"htpo": {}}}, "method of arms.a of .* is x; methods of .* has htpo"),
        ({"arms": {"a": {"method": "htpo", "published": {"average": "much"}}}}, "published.average of .*must be a number"),
        ({"arms": {"a": {"method": "htpo", "overrides": [{"a": 1}]}}}, "must be a list of texts"),
        ({"arms": {"a": 3}}, "arms.a of .* is 3; it must be a mapping with method"),
        ({"seeds": [1, 1]}, "must be different whole numbers from 0 on"),
        ({"seeds": []}, "must be different whole numbers from 0 on"),
        ({"seeds": [-1]}, "must be different whole numbers from 0 on"),
        ({"steps": 0}, "steps of .* is 0; it must be a whole number of at least 1"),
        ({"data": {"train": "a.parquet"}}, "lacks benchmarks"),
        ({"data": {"benchmarks": ["a"]}}, "data of .* lacks train, a text"),
        ({"export": "yes"}, "must be true or false"),
        ({"disk": {"checkpoint_gb": 0}}, "must be above 0"),
        ({"evaluation": {"shards": 0}}, "must be a whole number of at least 1"),
        ({"slurm": {"gpus": []}}, "has gpus, which is none of its keys: train, evaluate"),
    ],
)
def test_what_is_wrong_is_one_sentence(experiment_file, changed, says):
    with pytest.raises(ValueError, match=says) as error:
        read_experiment(experiment_file(**changed))
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_names_the_papers(tmp_path):
    with pytest.raises(ValueError, match="there is no experiment file nope; the papers' are hapo_qwen2_5_math_1_5b, "):
        find_file("nope")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--train", "trainer.wandb_api_key=0123456789abcdef"], "carries a secret"),
        (["--steps", "0"], "--steps is 0"),
    ],
)
def test_what_is_wrong_on_the_command_line_is_one_sentence(experiment_file, run, options, says):
    done = run(experiment_file(), *options)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert says in done.stderr


def test_a_folder_that_would_need_quotes_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has characters beside letters"):
        Layout(tmp_path / "a b")


def test_a_broken_record_is_one_sentence(experiment_file, run, tmp_path):
    (tmp_path / "out/stages").mkdir(parents=True)
    (tmp_path / "out/stages/train-base-1.json").write_text("{")
    done = run(experiment_file(), "--status")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "train-base-1.json is no record of a stage; remove it" in done.stderr
