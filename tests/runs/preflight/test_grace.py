"""The notice before a run's end against the time that its end takes."""

import json

from recipe.runs.preflight import grace
from tests.runs.preflight.support import check

GIVEN = "+preflight.grace_s=600"


def write(tmp_path, *steps):
    lines = [json.dumps({"step": i, "data": data}) for i, data in enumerate(steps, start=1)]
    (tmp_path / "metrics-000.jsonl").write_text("".join(line + "\n" for line in lines))


def test_without_a_number_there_is_nothing_to_compare(run):
    check(grace.check_grace(run()), "skip", r"\+preflight.grace_s")


def test_what_earlier_attempts_measured_counts(run, tmp_path):
    write(
        tmp_path,
        {"timing_s/step": 900.0, "timing_s/gen": 700.0},
        {"timing_s/step": 950.0, "timing_s/gen": 500.0, "timing_s/save_checkpoint": 300.0},
    )
    check(
        grace.check_grace(run(GIVEN)), "pass", r"600 s of notice for 200 s of a step's update and 300 s of a save \(the longest"
    )
    found = grace.check_grace(run("+preflight.grace_s=499"))
    mend = "--signal=B:USR1@600, with KubeRay a longer grace_s, or a smaller trainer.save_freq than 6"
    check(found, "warn", "goes back to its last checkpoint", mend)


def test_before_the_first_save_both_are_estimates(run, tmp_path, monkeypatch):
    write(tmp_path, {"timing_s/step": 900.0, "timing_s/gen": 100.0})
    check(grace.check_grace(run(GIVEN)), "pass", r"0 s of a step's update and 0 s of a save \(estimates: .* MB/s from here")
    assert [path.name for path in tmp_path.iterdir() if "preflight" in path.name] == []
    monkeypatch.setattr(grace, "_written_a_second", lambda folder: 1e6)
    monkeypatch.setattr(grace, "checkpoint_bytes", lambda run: 786e9)
    check(grace.check_grace(run(GIVEN)), "warn", "786,000 s of a save")
    one = run(GIVEN)
    update = grace.estimated(one)[0]
    longer = run(GIVEN, f"data.max_response_length={56 * 2 - 48}")  # twice the tokens of prompt and response
    assert grace.estimated(longer)[0] == 2 * update
