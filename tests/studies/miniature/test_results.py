"""Results: what is kept of a run, and what may be compared."""

import json

import numpy as np
import pytest

from recipe.rlvr_math.evaluation.samples import Sample
from studies.miniature import results

ARMS = {"dapo": {"title": "DAPO", "recipe": "htpo", "seeds": 5, "overrides": ["objectives=dapo"]}}


def made_by(**changes):
    arm = {"recipe": "htpo", "overrides": ["objectives=dapo"]}
    inputs, versions = {"model": "a"}, {"torch": "2.13.0"}
    return {"made_by": {"inputs": inputs, "arm": arm, "versions": versions, "hardware": "CPU x86_64, 2 cores"} | changes}


def sample(problem, number, acc):
    return Sample(problem, number, acc, acc, None, "1,2,3=4", "", 10, False)


def test_verdicts_survive_in_their_order(tmp_path):
    rng = np.random.default_rng(0)
    right = rng.random((3, 256)) < 0.3
    samples = [sample(str(p), s, float(right[p, s])) for p in range(3) for s in range(256)]
    rng.shuffle(samples)
    difficulties = {"0": "easy", "1": "hard", "2": "easy"}
    result = {"test": results.test_to_keep(samples, difficulties, 256), **made_by()}
    results.write(result, results.path_of("dapo", 3, tmp_path))
    read = results.read_all(ARMS, tmp_path)["dapo"][3]
    assert read["test"]["tokens"] == 10
    assert np.array_equal(results.right_answers(read), right)
    assert np.array_equal(results.right_answers(read, "easy"), right[[0, 2]])


def test_a_missing_response_is_no_wrong_one():
    with pytest.raises(ValueError, match="255 responses instead of 256 to each of 1 problems"):
        results.test_to_keep([sample("0", s, 0.0) for s in range(255)], {"0": "easy"}, 256)


def test_metrics_are_kept_by_step_with_holes():
    metrics = {
        2: {"critic/score/mean": 0.123456, "htpo/correct_share": 0.5, "perf/mfu/actor": 1.0},
        1: {"critic/score/mean": 0.1, "actor/entropy": float("nan")},
        0: {"val-core/x": 1.0},
    }
    kept = results.steps_to_keep(metrics)
    assert kept == {"actor/entropy": [None, None], "critic/score/mean": [0.1, 0.1235], "htpo/correct_share": [None, 0.5]}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"inputs": {"model": "b"}}, r"seed-2\.json was made with inputs {'model': 'b'}, .*seed-1\.json with {'model': 'a'}"),
        ({"hardware": "NVIDIA H200"}, r"seed-2\.json was made with hardware GPU, .*seed-1\.json with CPU"),
        ({"versions": {"torch": "2.14.1"}}, r"seed-2\.json was made with torch 2\.14\.1, .*seed-1\.json with 2\.13\.0"),
        ({"arm": {"recipe": "htpo", "overrides": []}}, r"seed-2\.json was made with other settings than arms\.yaml has"),
    ],
)
def test_results_of_different_runs_are_not_mixed(tmp_path, changes, says):
    results.write(made_by(), results.path_of("dapo", 1, tmp_path))
    alike = made_by(hardware="CPU x86_64, 64 cores", versions={"torch": "2.13.0", "vllm": "0.24.0"})
    results.write(alike, results.path_of("dapo", 2, tmp_path))
    assert list(results.read_all(ARMS, tmp_path)["dapo"]) == [1, 2]
    results.write(made_by(**changes), results.path_of("dapo", 2, tmp_path))
    with pytest.raises(ValueError, match=says):
        results.read_all(ARMS, tmp_path)


@pytest.mark.parametrize(("arm", "seed", "says"), [("dapo", 6, "a seed that"), ("mine", 1, "other settings than arms")])
def test_what_is_not_planned_is_not_counted(tmp_path, arm, seed, says):
    results.write(made_by(), results.path_of(arm, seed, tmp_path))
    with pytest.raises(ValueError, match=says):
        results.read_all(ARMS, tmp_path)


def test_a_half_written_result_is_none(tmp_path):
    path = results.path_of("dapo", 1, tmp_path)
    results.write(made_by(), path)
    path.with_name(f"{path.name}.1.part").write_text("{")
    assert list(results.read_all(ARMS, tmp_path)["dapo"]) == [1]
    assert json.loads(path.read_text()) == made_by()
