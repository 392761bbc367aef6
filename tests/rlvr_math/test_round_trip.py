"""From a raw file to a table: prepare, train, evaluate before and after, report; each by its command, on CPU."""

import csv
import json
import os
import subprocess
import sys

import pytest

from tests import ROOT
from tests.training import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

# The tiny model writes bare numbers; its verdict is the shipped reward's all the same.
REWARD = """
from recipe.rlvr_math.reward.score import compute_score as math_score

def compute_score(data_source, solution_str, ground_truth, extra_info=None, **others):
    return math_score(data_source, f"Answer: {solution_str}", ground_truth, extra_info, **others)
"""


def run(module, *arguments):
    environment = os.environ | {"RAY_ADDRESS": "local"}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_from_a_raw_file_to_a_table(demo_inputs, tmp_path):
    problems = [{"problem": f"{a}+{b}=?", "answer": str(a + b), "unique_id": f"{a}/{b}"} for a in range(10) for b in range(10)]
    for name, rows in (("train", problems[::2] * 3), ("test", problems[1:21:2])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        source = ("--dataset", "math-500", "--source", tmp_path / f"{name}.jsonl", "--template", "plain")
        run("recipe.rlvr_math.data.prepare", *source, "--out", tmp_path / name)
    files = {name: next((tmp_path / name).glob("*.parquet")) for name in ("train", "test")}
    (tmp_path / "reward.py").write_text(REWARD)
    reward = f"reward.custom_reward_function.path={tmp_path}/reward.py"

    training = Run(
        demo_inputs,
        tmp_path / "run",
        f"data.train_files={files['train']}",
        f"data.val_files={files['test']}",
        reward,
        "trainer.total_training_steps=2",
        "trainer.save_freq=2",
    )
    steps = training.start().finish()
    assert sorted(steps) == [1, 2]
    assert steps[2]["actor/grad_norm"] > 0

    evaluations = {"start": demo_inputs / "model", "trained": tmp_path / "run/checkpoints"}
    for name, model in evaluations.items():
        lengths = ("max_prompt_tokens=48", "max_response_tokens=8", "n=4")
        out = f"out={tmp_path}/evaluation/{name}"
        run(
            "recipe.rlvr_math.evaluation.evaluate",
            "+platform=cpu",
            f"model={model}",
            f"benchmarks=[{files['test']}]",
            *lengths,
            reward,
            out,
        )
    run("recipe.rlvr_math.report", *(tmp_path / "evaluation" / name for name in evaluations), "--out", tmp_path / "report")

    with (tmp_path / "report/report.csv").open() as file:
        rows = list(csv.DictReader(file))
    passed = {(row["run"], int(row["k"])): float(row["value"]) for row in rows if row["metric"] == "pass@k"}
    assert set(passed) == {(name, k) for name in evaluations for k in (1, 2, 4)}
    for name in evaluations:
        assert 0 < passed[name, 1] <= passed[name, 4] <= 1
        lines = (tmp_path / f"evaluation/{name}").glob("*.jsonl")
        samples = [json.loads(line) for file in lines for line in file.read_text().splitlines()]
        right = sum(sample["acc"] for sample in samples) / len(samples)
        assert len(samples) == 10 * 4
        assert passed[name, 1] == pytest.approx(right)
        assert all(sample["acc"] == float(sample["pred"] == sample["ground_truth"]) for sample in samples)
    assert "not comparable" not in (tmp_path / "report/report.md").read_text()
    assert (tmp_path / "report/pass_at_k.svg").exists()
