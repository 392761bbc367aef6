"""The real stack on CPU: a training checkpoint is evaluated, stopped by a signal, killed, and continued to the end."""

import json
import signal
import sys
import time
from collections import Counter

import pandas as pd
import pytest

from recipe.rlvr_math.evaluation.samples import open_samples, read_samples
from recipe.runs.stopping import RUN_AGAIN
from tests import processes
from tests.training import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PROBLEMS, N = 10, 4
# Slow enough to be stopped on the way; signals, as verifiers use them for time limits, work in a main thread only.
REWARD = """
import signal, time

def compute_score(data_source, solution_str, ground_truth, extra_info=None, **_):
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    time.sleep(0.25)
    acc = float(solution_str.strip() == ground_truth)
    return {"score": acc, "acc": acc, "pred": solution_str.strip()}
"""


class Evaluation:
    """One evaluation in its own process."""

    def __init__(self, folder, model):
        self.folder, self.out = folder, folder / "out"
        self.command = [
            *(
                sys.executable,
                "-m",
                "recipe.rlvr_math.evaluation.evaluate",
                "+platform=cpu",
                f"model={model}",
                f"out={self.out}",
            ),
            *(f"benchmarks=[{folder}/sums.parquet]", f"n={N}", "max_prompt_tokens=48", "max_response_tokens=8"),
            f"reward.custom_reward_function.path={folder}/reward.py",
        ]

    def start(self, attempt):
        self.log = self.folder / f"log-{attempt}.txt"
        self.process = processes.start(self.command, self.log, HF_HUB_OFFLINE="1")
        return self

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_for(self, number):
        """Until so many samples are there."""
        file = self.out / "sums.jsonl"
        while not file.exists() or file.read_bytes().count(b"\n") < number:
            assert self.process.poll() is None, self.text()[-6000:]
            time.sleep(0.05)
        return self

    def samples(self):
        open_samples(self.out / "sums.jsonl").close()  # cuts a cut line away
        return list(read_samples(self.out / "sums.jsonl"))


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


def test_a_checkpoint_is_evaluated_exactly_once_whatever_stops_it_on_the_way(demo_inputs, tmp_path):
    training = Run(demo_inputs, tmp_path / "run", "trainer.total_training_steps=2", "trainer.save_freq=2").start()
    training.finish()
    pd.read_parquet(demo_inputs / "data/val.parquet").iloc[40 : 40 + PROBLEMS].to_parquet(tmp_path / "sums.parquet")
    (tmp_path / "reward.py").write_text(REWARD)
    evaluation = Evaluation(tmp_path, tmp_path / "run/checkpoints")

    evaluation.start(1).wait_for(5).process.send_signal(signal.SIGTERM)
    assert evaluation.process.wait(timeout=120) == RUN_AGAIN, evaluation.text()[-6000:]
    stopped = evaluation.samples()
    assert 5 <= len(stopped) < PROBLEMS * N
    assert f"stopped: {len(stopped)} of 40 samples are in {evaluation.out}; the same command continues" in evaluation.text()

    evaluation.start(2).wait_for(len(stopped) + 5).process.kill()
    evaluation.process.wait()
    killed = evaluation.samples()
    assert len(stopped) + 5 <= len(killed) < PROBLEMS * N
    assert killed[: len(stopped)] == stopped
    processes.assert_nothing_left_of(evaluation.log)

    assert evaluation.start(3).process.wait(timeout=600) == 0, evaluation.text()[-6000:]
    samples = evaluation.samples()
    assert samples[: len(killed)] == killed
    wanted = [(str(problem), sample) for problem in range(40, 40 + PROBLEMS) for sample in range(N)]
    assert Counter((s.problem, s.sample) for s in samples) == Counter(wanted)
    accuracy = sum(s.acc for s in samples) / len(samples)
    expected = expected_accuracy(tmp_path / "run/checkpoints/global_step_2/actor/merged", tmp_path / "sums.parquet")
    assert expected > 0.25  # else a model that never answers would pass the next line
    assert accuracy == pytest.approx(expected, abs=0.25)  # three standard deviations of 40 samples, at most
    assert expected_accuracy(demo_inputs / "model", tmp_path / "sums.parquet") != expected  # it is the trained model
    assert all(s.acc == (s.output == s.ground_truth) and s.pred == s.output and not s.cut_off for s in samples)
    assert all(s.tokens == len(s.output) + 1 for s in samples if s.output.isdigit())  # one token a character, and the end

    settings = json.loads((evaluation.out / "settings.json").read_text())
    assert settings["model"] == f"{tmp_path}/run/checkpoints/global_step_2/actor"
    assert settings["request_seeds"] is False
    assert settings["hardware"].startswith("CPU")
    logs = [(tmp_path / f"log-{attempt}.txt").read_text(errors="replace") for attempt in (1, 2, 3)]
    assert ["merging the shards" in log for log in logs] == [True, False, False]
    assert f"{accuracy:.3f}" in logs[2].rpartition("mean@4")[2]
