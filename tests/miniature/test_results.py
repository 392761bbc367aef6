"""Results: what is kept of a run, and what may be compared."""

import json

import numpy as np
import pytest

from recipe.rlvr_math.samples import Sample
from studies.miniature import results


def sample(problem, number, acc):
    return Sample(problem, number, acc, acc, None, "1,2,3=4", "", 10, False)


def test_verdicts_survive_in_their_order(tmp_path):
    rng = np.random.default_rng(0)
    right = rng.random((3, 256)) < 0.3
    samples = [sample(str(p), s, float(right[p, s])) for p in range(3) for s in range(256)]
    rng.shuffle(samples)
    difficulties = {"0": "easy", "1": "hard", "2": "easy"}
    result = {"test": results.test_to_keep(samples, difficulties, 256), "made_by": {"inputs": {}}}
    results.write(result, results.path_of("dapo", 3, tmp_path))
    read = results.read_all(tmp_path)["dapo"][3]
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


def test_results_of_different_models_are_not_mixed(tmp_path):
    for seed, model in ((1, "a"), (2, "a"), (3, "b")):
        results.write({"made_by": {"inputs": {"model": model}}}, results.path_of("dapo", seed, tmp_path))
    with pytest.raises(ValueError, match=r"different models, problems or presets: .*seed-2\.json, .*seed-3\.json"):
        results.read_all(tmp_path)


def test_a_half_written_result_is_none(tmp_path):
    path = results.path_of("dapo", 1, tmp_path)
    results.write({"made_by": {"inputs": {}}}, path)
    path.with_suffix(".part").write_text("{")
    assert list(results.read_all(tmp_path)["dapo"]) == [1]
    assert json.loads(path.read_text()) == {"made_by": {"inputs": {}}}
