"""From a raw file to a table: prepare, train, evaluate before and after, report; each by its command, on CPU.

The evaluation of the trained checkpoint is stopped by a signal, killed, and continued to its end.
"""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pandas as pd
import pytest

from recipe.rlvr_math.evaluation.samples import open_samples, read_samples
from recipe.runs.stopping import RUN_AGAIN
from tests import ROOT, processes
from tests.training import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

PROBLEMS, N = 10, 4
# The tiny model writes bare numbers; its verdict is the shipped reward's all the same.
REWARD = """
from recipe.rlvr_math.reward.score import compute_score as math_score

def compute_score(data_source, solution_str, ground_truth, extra_info=None, **others):
    return math_score(data_source, f"Answer: {solution_str}", ground_truth, extra_info, **others)
"""
# Slow enough to be stopped on the way; signals, as verifiers use them for time limits, work in a main thread only.
SLOW_REWARD = """
import signal, time
from recipe.rlvr_math.reward.score import compute_score as math_score

def compute_score(data_source, solution_str, ground_truth, extra_info=None, **others):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    time.sleep(0.25)
    return math_score(data_source, f"Answer: {solution_str}", ground_truth, extra_info, **others)
"""


class Evaluation:
    """One evaluation in its own process; `start` may be called again to continue it."""

    def __init__(self, folder, name, model, problems):
        self.folder, self.name, self.out = folder, name, folder / "evaluation" / name
        self.samples_file = self.out / f"{problems.stem}.jsonl"
        self.command = [
            *(sys.executable, "-m", "recipe.rlvr_math.evaluation.evaluate", "+platform=cpu"),
            *(f"model={model}", f"out={self.out}", f"benchmarks=[{problems}]"),
            *(f"n={N}", "max_prompt_tokens=48", "max_response_tokens=8"),
            f"reward.custom_reward_function.path={folder}/slow_reward.py",
        ]

    def start(self, attempt):
        self.log = self.folder / f"{self.name}-{attempt}.txt"
        self.process = processes.start(self.command, self.log, HF_HUB_OFFLINE="1")
        return self

    def end(self, status=0):
        assert self.process.wait(timeout=600) == status, self.text()[-6000:]

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, number):
        """Until so many samples are there."""
        while not self.samples_file.exists() or self.samples_file.read_bytes().count(b"\n") < number:
            assert self.process.poll() is None, self.text()[-6000:]
            time.sleep(0.05)
        return self

    def samples(self):
        open_samples(self.samples_file).close()  # cuts a cut line away
        return list(read_samples(self.samples_file))


def expected_accuracy(model, file, top_p=0.7):
    """Probability of the right answers, averaged over the problems, by transformers alone."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    rows, total = pd.read_parquet(file).to_dict("records"), 0.0
    for row in rows:
        text = tokenizer.apply_chat_template(list(row["prompt"]), add_generation_prompt=True, tokenize=False)
        prompt = tokenizer(text)["input_ids"]
        answer = [*tokenizer(row["reward_model"]["ground_truth"])["input_ids"], tokenizer.eos_token_id]
        with torch.no_grad():
            logits = network(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
        probability = 1.0
        for token, distribution in zip(answer, logits.softmax(-1), strict=True):
            ordered, tokens = distribution.sort(descending=True)
            nucleus = ordered.cumsum(0) - ordered < top_p
            chosen = ordered[nucleus & (tokens == token)]
            probability *= (chosen.sum() / ordered[nucleus].sum()).item()
        total += probability
    return total / len(rows)


def run(module, *arguments):
    environment = os.environ | {"RAY_ADDRESS": "local"}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.fixture(scope="module")
def trained(demo_inputs, tmp_path_factory):
    """A folder with prepared problems, the rewards, and a run of two steps."""
    folder = tmp_path_factory.mktemp("round-trip")
    problems = [{"problem": f"{a}+{b}=?", "answer": str(a + b), "unique_id": f"{a}/{b}"} for a in range(10) for b in range(10)]
    for name, rows in (("train", problems[::2] * 3), ("test", problems[1 : 2 * PROBLEMS + 1 : 2])):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        source = ("--dataset", "math-500", "--source", folder / f"{name}.jsonl", "--template", "plain")
        run("recipe.rlvr_math.data.prepare", *source, "--out", folder / name)
    (folder / "reward.py").write_text(REWARD)
    (folder / "slow_reward.py").write_text(SLOW_REWARD)
    steps = (
        Run(
            demo_inputs,
            folder / "run",
            f"data.train_files={next((folder / 'train').glob('*.parquet'))}",
            f"data.val_files={held_out(folder)}",
            f"reward.custom_reward_function.path={folder}/reward.py",
            "trainer.total_training_steps=2",
            "actor_rollout_ref.actor.optim.lr=5e-5",  # two steps at the demo's rate may cost half of the accuracy
            "trainer.save_freq=2",
        )
        .start()
        .finish()
    )
    assert sorted(steps) == [1, 2]
    assert steps[2]["actor/grad_norm"] > 0
    return folder


def held_out(folder):
    return next((folder / "test").glob("*.parquet"))


def test_a_checkpoint_is_evaluated_exactly_once_whatever_stops_it_on_the_way(demo_inputs, trained):
    problems = held_out(trained)
    evaluation = Evaluation(trained, "trained", trained / "run/checkpoints", problems)

    evaluation.start(1).wait_for(5).process.send_signal(signal.SIGTERM)
    evaluation.end(RUN_AGAIN)
    stopped = evaluation.samples()
    assert 5 <= len(stopped) < PROBLEMS * N
    assert f"stopped: {len(stopped)} of 40 samples are in {evaluation.out}; the same command continues" in evaluation.text()

    evaluation.start(2).wait_for(len(stopped) + 5).process.kill()
    evaluation.process.wait()
    killed = evaluation.samples()
    assert len(stopped) + 5 <= len(killed) < PROBLEMS * N
    assert killed[: len(stopped)] == stopped
    processes.assert_nothing_left_of(evaluation.log)

    evaluation.start(3).end()
    samples = evaluation.samples()
    assert samples[: len(killed)] == killed
    wanted = [(str(problem), sample) for problem in range(PROBLEMS) for sample in range(N)]
    assert Counter((s.problem, s.sample) for s in samples) == Counter(wanted)
    accuracy = sum(s.acc for s in samples) / len(samples)
    expected = expected_accuracy(trained / "run/checkpoints/global_step_2/actor/merged", problems)
    assert expected > 0.25  # else a model that never answers would pass the next line
    assert accuracy == pytest.approx(expected, abs=0.25)  # three standard deviations of 40 samples, at most
    assert expected_accuracy(demo_inputs / "model", problems) != expected  # it is the trained model
    assert all(s.acc == (s.output == s.ground_truth) and not s.cut_off for s in samples)
    numbers = [s for s in samples if s.output.isdigit()]
    assert len(numbers) > len(samples) / 2
    assert all(s.tokens == len(s.output) + 1 and s.pred == s.output for s in numbers)  # one token a character, and the end

    settings = json.loads((evaluation.out / "settings.json").read_text())
    assert settings["model"] == f"{trained}/run/checkpoints/global_step_2/actor"
    assert settings["request_seeds"] is False
    assert settings["hardware"].startswith("CPU")
    logs = [(trained / f"trained-{attempt}.txt").read_text(errors="replace") for attempt in (1, 2, 3)]
    assert ["merging the shards" in log for log in logs] == [True, False, False]
    assert f"{accuracy:.3f}" in logs[2].rpartition("mean@4")[2]


def test_from_a_raw_file_to_a_table(demo_inputs, trained):
    models = {"start": demo_inputs / "model", "trained": trained / "run/checkpoints"}
    for name, model in models.items():
        if not (trained / "evaluation" / name).exists():  # the test before has evaluated the trained one
            Evaluation(trained, name, model, held_out(trained)).start(1).end()
    run("recipe.rlvr_math.report", *(trained / "evaluation" / name for name in models), "--out", trained / "report")

    with (trained / "report/report.csv").open() as file:
        rows = list(csv.DictReader(file))
    passed = {(row["run"], int(row["k"])): float(row["value"]) for row in rows if row["metric"] == "pass@k"}
    assert set(passed) == {(name, k) for name in models for k in (1, 2, 4)}
    for name in models:
        assert 0 < passed[name, 1] <= passed[name, 4] <= 1
        lines = (trained / f"evaluation/{name}").glob("*.jsonl")
        samples = [json.loads(line) for file in lines for line in file.read_text().splitlines()]
        right = sum(sample["acc"] for sample in samples) / len(samples)
        assert len(samples) == PROBLEMS * N
        assert passed[name, 1] == pytest.approx(right)
        assert all(sample["acc"] == float(sample["pred"] == sample["ground_truth"]) for sample in samples)
    assert "not comparable" not in (trained / "report/report.md").read_text()
    assert (trained / "report/pass_at_k.svg").exists()
