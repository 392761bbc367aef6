"""A run's metrics over its attempts: each step is the last attempt's that reached it."""

import json
import math

import pytest

from recipe.files.metrics import read_metrics

TRAINED = "timing_s/step"


def attempt(folder, name, *entries, end=""):
    (folder / name).write_text("".join(json.dumps({"step": step, "data": data}) + "\n" for step, data in entries) + end)


def trained(step, **data):
    return step, {TRAINED: float(step)} | data


def test_no_file_is_no_step(tmp_path):
    assert read_metrics(tmp_path) == {}
    (tmp_path / "metrics-000.jsonl").touch()
    assert read_metrics(tmp_path) == {}


def test_a_step_that_was_trained_again_is_the_later_attempts_alone(tmp_path):
    attempt(tmp_path, "metrics-000.jsonl", trained(1), trained(2, only_here=0.5), end='{"step": 3, "da')
    attempt(tmp_path, "metrics-001.jsonl", (1, {"val-core/x": 0.3}), trained(2, other=7.0))
    assert read_metrics(tmp_path) == {1: {TRAINED: 1.0, "val-core/x": 0.3}, 2: {TRAINED: 2.0, "other": 7.0}}


def test_what_a_dead_attempt_had_trained_beyond_is_not_shown(tmp_path):
    attempt(tmp_path, "metrics-000.jsonl", *[trained(step) for step in range(1, 16)])
    attempt(tmp_path, "metrics-001.jsonl", end='{"st')  # it died before its first step
    assert list(read_metrics(tmp_path)) == list(range(1, 16))
    attempt(tmp_path, "metrics-002.jsonl", trained(11), trained(12))
    assert list(read_metrics(tmp_path)) == list(range(1, 13))
    attempt(tmp_path, "metrics-003.jsonl", (10, {"val-core/x": 0.3}))  # a validation of the step that it resumed from
    assert list(read_metrics(tmp_path)) == list(range(1, 11))
    attempt(tmp_path, "metrics-004.jsonl", (0, {"val-core/x": 0.1}))  # anew
    assert read_metrics(tmp_path) == {0: {"val-core/x": 0.1}}


def test_attempts_are_in_the_order_of_their_numbers(tmp_path):
    for name, value in (("metrics-10.jsonl", 10.0), ("metrics-9.jsonl", 9.0)):
        attempt(tmp_path, name, trained(1, score=value))
    assert read_metrics(tmp_path, lambda name: name == "score") == {1: {"score": 10.0}}


def test_what_is_not_finite_is_nan_and_what_is_no_number_is_not_there(tmp_path):
    attempt(tmp_path, "metrics.jsonl", trained(1, a=None, b=math.inf, c=math.nan, d="x", e=True, f=[1], g=2))
    data = read_metrics(tmp_path)[1]
    assert list(data) == [TRAINED, "a", "b", "c", "g"]
    assert all(math.isnan(data[name]) for name in "abc")
    assert data["g"] == 2.0


@pytest.mark.parametrize(
    "line", ["{", "[]", "7", '{"step":"1","data":{}}', '{"step":1}', '{"step":1,"data":[1]}', '{"step":-1,"data":{}}']
)
def test_a_broken_line_is_named_unless_it_is_the_last_and_cut(tmp_path, line):
    attempt(tmp_path, "metrics.jsonl", trained(1), end=line)
    assert list(read_metrics(tmp_path)) == [1]
    attempt(tmp_path, "metrics.jsonl", trained(1), end=line + "\n")
    with pytest.raises(ValueError, match=r"metrics.jsonl, line 2 is not a step of verl's file logger"):
        read_metrics(tmp_path)
