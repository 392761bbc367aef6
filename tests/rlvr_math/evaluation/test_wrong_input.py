"""Wrong input ends in one clear sentence before anything is started."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from recipe.rlvr_math.evaluation.evaluate import prepare
from tests import ROOT
from tests.rlvr_math.evaluation.conftest import problems


def without(row, key):
    return {name: value for name, value in row.items() if name != key}


@pytest.mark.parametrize("column", ["data_source", "prompt", "reward_model", "extra_info"])
def test_a_missing_column(evaluation, benchmark_file, column):
    benchmark_file([without(row, column) for row in problems()])
    with pytest.raises(ValueError, match=f"sums.parquet has no column '{column}'; its columns are "):
        prepare(evaluation())


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"prompt": [{"role": "user", "content": " \n"}]}, "the prompt in row 0 of .*sums.parquet is empty"),
        ({"prompt": [{"role": "system", "content": "add"}]}, "the prompt in row 0 of .* is empty"),
        ({"prompt": []}, "the prompt in row 0 of .* is empty"),
        ({"prompt": "1+1=?"}, "the prompt in row 0 of .* is no list of messages"),
        (
            {"prompt": [{"role": "user", "content": "1" * 100}]},
            "has 119 tokens, more than max_prompt_tokens=48",
        ),
        ({"reward_model": {"style": "rule", "ground_truth": " "}}, "no reward_model.ground_truth in row 0"),
        ({"reward_model": {"style": "rule"}}, "no reward_model.ground_truth in row 0"),
        ({"extra_info": {"split": "test"}}, "no extra_info.index in row 0"),
        ({"extra_info": {"index": 7}}, "3 rows with extra_info.index 7; repeated problems would be counted again"),
    ],
)
def test_a_wrong_row(evaluation, benchmark_file, changed, message):
    benchmark_file(problems(**changed))
    with pytest.raises(ValueError, match=message):
        prepare(evaluation())


def test_no_rows_no_file_no_parquet_two_of_one_name(evaluation, benchmark_file, tmp_path):
    benchmark_file(pd.DataFrame(problems()).iloc[:0], "empty")
    for given, message in [
        ("[]", "there are no benchmarks"),
        (f"[{tmp_path}/none.parquet]", "none.parquet, which does not exist"),
        (f"[{tmp_path}/empty.parquet]", "empty.parquet has no rows"),
        (f"[{ROOT}/pyproject.toml]", "is not a readable parquet file"),
        (f"[{tmp_path}/sums.parquet,{tmp_path}/sums.parquet]", "2 benchmarks are named sums.parquet"),
    ]:
        with pytest.raises(ValueError, match=message):
            prepare(evaluation(f"benchmarks={given}"))


def write_manifest(file, **changed):
    import hashlib

    content = {"template": "boxed", "sha256": hashlib.sha256(file.read_bytes()).hexdigest()} | changed
    file.with_suffix(".manifest.json").write_text(json.dumps(content))


def test_the_manifest_names_the_template_and_guards_the_file(evaluation, benchmark_file):
    file = benchmark_file()
    write_manifest(file)
    assert prepare(evaluation()).settings["template"] == "boxed"
    write_manifest(file, sha256="0")
    with pytest.raises(ValueError, match=r"was changed after sums.manifest.json was written"):
        prepare(evaluation())
    file.with_suffix(".manifest.json").write_text("{}")
    with pytest.raises(ValueError, match="is no manifest"):
        prepare(evaluation())


def reward_function(folder, body):
    path = folder / "own_reward.py"
    path.write_text(f"def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):\n    {body}\n")
    return f"reward.custom_reward_function.path={path}"


def test_mixed_data_sources_of_which_one_has_no_reward(evaluation, benchmark_file):
    rows = problems()
    rows[0]["data_source"] = "math_dapo"
    benchmark_file(rows)
    with pytest.raises(ValueError, match=r"no reward function for data_source 'single_digit_sum' .*math_dapo, single_"):
        prepare(evaluation("reward.custom_reward_function.path=null"))


def test_verls_own_reward_scores_what_it_knows(evaluation, benchmark_file):
    benchmark_file(problems(data_source="math_dapo"))
    plan = prepare(evaluation("reward.custom_reward_function.path=null"))
    assert plan.settings["verifier"] == "verl.utils.reward_score.default_compute_score 0.9.1"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return {'score': 1.0}", "fails for problem 0 .*returns score, but no 'acc'"),
        ("return {'score': 1.0, 'acc': 0.5}", "acc 0.5; it must be 1 .right. or 0 .wrong."),
        ("return {'score': float('nan'), 'acc': 0}", "the score nan; it must be a finite number"),
        (
            "int(ground_truth) != 2 or 1 / 0; return float(solution_str == ground_truth)",
            "fails for problem 1 of .*sums.parquet, ground truth '2': .*division by zero",
        ),
        (
            "return float(solution_str == ground_truth and ground_truth != '3')",
            "the ground truth of 1 of 3 problems of .*sums.parquet cannot be parsed: .* for problems 2; mend or remove",
        ),
    ],
)
def test_a_reward_function_without_a_verdict_or_a_ground_truth_that_it_cannot_read(evaluation, tmp_path, body, message):
    with pytest.raises(ValueError, match=message):
        prepare(evaluation(reward_function(tmp_path, body)))


def test_a_reward_function_that_wants_a_form_of_its_own_is_accepted(evaluation, tmp_path):
    prepare(evaluation(reward_function(tmp_path, "return float(solution_str == 'so ' + ground_truth)")))


def test_a_reward_function_that_cannot_be_loaded(evaluation):
    with pytest.raises(ValueError, match=r"reward.custom_reward_function cannot be loaded"):
        prepare(evaluation("reward.custom_reward_function.path=nowhere.py"))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model=null", "model is not set"),
        ("out=null", "out is not set"),
        ("+temprature=0.5", r"nothing reads temprature; did you mean temperature\?"),
        ("+actor_rollout_ref.rollout.max_num_seq=5", r"did you mean actor_rollout_ref.rollout.max_num_seqs\?"),
        ("n=0", "n is 0; it must be a positive integer"),
        ("top_p=1.5", "top_p is 1.5"),
        ("actor_rollout_ref.rollout.max_model_len=50", "max_model_len is 50, less than the"),
        ("temperature=-1", "temperature is -1"),
        ("max_response_tokens=40000", "the model has 32,768 positions, fewer than the 40,048 tokens"),
        ("temperature=0", "temperature=0 gives the same response n=4 times"),
        ("actor_rollout_ref.rollout.tensor_model_parallel_size=2", "a server takes 2 GPUs .* does not divide 1 x 1 GPUs"),
    ],
)
def test_a_setting_out_of_range(evaluation, override, message):
    with pytest.raises(ValueError, match=message):
        prepare(evaluation(override))


def test_the_command_ends_with_status_2_and_one_sentence(tmp_path):
    command = [
        sys.executable,
        "-m",
        "recipe.rlvr_math.evaluation.evaluate",
        f"model={tmp_path}",
        "benchmarks=[none.parquet]",
        "out=x",
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr.strip().splitlines() == [f"error: benchmarks names {ROOT}/none.parquet, which does not exist"]
    assert not (ROOT / "x").exists()
