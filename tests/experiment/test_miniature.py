"""The whole chain with stand-ins for what needs a model: from one command to the table, killed twice on the way."""

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests import ROOT

PROBLEMS = [{"problem": f"What is {i}+{i}?", "answer": str(2 * i)} for i in range(1, 6)]
STEPS = 10
LABELS = ["base/1", "base/2", "better/1", "better/2"]


def wait_for(what, process):
    deadline = time.monotonic() + 60
    while not what():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)


def steps(out, label):
    file = out / "runs" / label / "steps.log"
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def whole(experiment_file, tmp_path):
    """With a data set that is prepared from a file."""
    source = tmp_path / "aime.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in PROBLEMS))
    data = {"train": f"{tmp_path}/train.parquet", "benchmarks": [f"{tmp_path}/sums.parquet", "aime-2024"]}
    return experiment_file(steps=STEPS, data=data | {"sources": {"aime-2024": str(source)}})


def test_from_one_command_to_the_table_killed_twice_on_the_way(whole, command, run, tmp_path):
    out = tmp_path / "out"
    started = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}

    first = subprocess.Popen(command(whole), **started)  # killed in a training
    wait_for(lambda: len(steps(out, "base/2")) >= 2, first)
    first.kill()
    first.communicate()
    time.sleep(2)
    assert len(steps(out, "base/2")) < STEPS  # nobody goes on with it
    prepared = (out / "data/aime-2024.parquet").stat().st_mtime_ns

    second = subprocess.Popen(command(whole), **started)  # asked to end in an evaluation
    answers = out / "runs/better/1/eval/sums.jsonl"
    wait_for(lambda: answers.exists() and answers.read_text().count("\n") >= 5, second)
    second.send_signal(signal.SIGTERM)
    _, words = second.communicate(timeout=60)
    assert second.returncode == 85, words
    assert "error: evaluate-better-1 has not ended well (status 85); the same command goes on from there" in words
    assert "better, seed 1  train: done   evaluate: begun, " in words

    status = run(whole, "--status")
    assert "6 of 10 stages are done" in status.stdout
    third = run(whole)
    assert third.returncode == 0, third.stderr
    assert [steps(out, label) for label in LABELS] == [list(range(1, STEPS + 1))] * 4  # each once
    assert (out / "data/aime-2024.parquet").stat().st_mtime_ns == prepared

    text = (out / "report/table.md").read_text()
    assert "| base | 2 | 25.00 ± 0.00 | 25.00 ± 0.00 | 25.00 ± 0.00 (20.00) | +5.00 |" in text
    assert "| better | 2 | 75.00 ± 0.00 | 75.00 ± 0.00 | 75.00 ± 0.00 | not published |" in text
    assert "| better | base | +50.00 (+40.00) | +50.00 | +50.00 |" in text
    assert "- Nothing in it is real." in text
    assert "- disk: 12 GB a checkpoint, 2 kept and one being written, and 2 GB of the last one merged: 38 GB a run" in text
    hours = 2 * STEPS * 90 * 8 / 3600
    timed = f"{2 * STEPS} steps timed, median 90.0 s on 8 GPUs"
    assert f"- GPU-hours of base: {hours:.2f} so far ({timed}), {hours:.2f} for 2 x {STEPS}" in text
    with (out / "report/table.csv").open() as file:
        table = list(csv.DictReader(file))
    assert {(row["arm"], row["published"]) for row in table if row["benchmark"] == "average"} == {
        ("base", "20.0"),
        ("better", ""),
    }
    assert {path.name for path in (out / "report").iterdir()} >= {"report.md", "report.csv", "pass_at_k.png", "table.md"}

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and path.parent.name != "report"}
    again = run(whole)
    assert (again.returncode, again.stderr) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in before} == before  # nothing is done twice


def test_what_has_changed_is_one_sentence_and_nothing_is_run(experiment_file, run, tmp_path):
    file = experiment_file(seeds=[1])
    assert run(file, "--steps", 2).returncode == 0
    before = sorted(tmp_path.rglob("*"))
    for options, said in [
        (
            ["--steps", 3],
            "trainer.total_training_steps=2 trainer.total_epochs=2 before, trainer.total_training_steps=3 trainer",
        ),
        (["--steps", 2, "--evaluate", "n=9"], "evaluate-base-1 was begun with other inputs (nothing before, n=9 now)"),
    ]:
        done = run(file, *options)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert said in done.stderr
        assert "give another --folder, or, to make it again, remove " in done.stderr
    # Where it runs is no input.
    assert run(file, "--steps", 2, "--train", "trainer.nnodes=4").returncode == 0
    more = experiment_file(seeds=[1, 2])
    assert "4 of 9 stages are done" in run(more, "--steps", 2, "--status").stdout  # not the report, which is of fewer
    assert before == sorted(tmp_path.rglob("*"))

    os.utime(tmp_path / "sums.parquet")  # another time is no other content
    assert run(experiment_file(seeds=[1]), "--steps", 2).returncode == 0
    Path(tmp_path / "sums.parquet").write_bytes((tmp_path / "train.parquet").read_bytes())
    done = run(file, "--steps", 2)
    assert done.returncode == 2
    assert f"train-base-1 was begun with other inputs ({tmp_path}/sums.parquet has another content)" in done.stderr


def test_a_stage_that_fails_ends_all_with_its_status_and_its_last_lines(experiment_file, run, tmp_path):
    (tmp_path / "out/runs/base/1").mkdir(parents=True)
    (tmp_path / "out/runs/base/1/checkpoints").write_text("in the way")
    done = run(experiment_file())
    assert done.returncode == 1
    assert "FileExistsError" in done.stderr
    assert "error: train-base-1 has not ended well (status 1)" in done.stderr
    assert "base, seed 1    train: begun   evaluate: missing" in done.stderr
    assert not (tmp_path / "out/runs/base/2").exists()
