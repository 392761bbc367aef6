"""Adaptive temperatures in a real vLLM engine on CPU: what it samples and reports, against the Hugging Face model's logits."""

import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from recipe.adaptive_temperature.temperature import REQUEST_KEY, request_parameters
from recipe.hapo import EntropyStatistics, entropy_score
from tests import ROOT

SLOTS = 16
TOKENS_A_STEP = 64  # about two prompts: fewer requests enter than leave, so that vLLM moves rows
REPEATS = 600
LARGE_TAU = 0.3  # from here on plain temperature must not fit the first tokens' counts
WRONG = {"tau": 1.5, "center": 0.0}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


class Kind(NamedTuple):
    """A kind of request; without statistics it is an ordinary one."""

    question: str
    temperature: float
    tau: float = 0.0
    statistics: EntropyStatistics | None = None
    top_p: float = 1.0
    top_k: int = 0

    def sampling_params(self, max_tokens):
        params = {"temperature": self.temperature, "top_p": self.top_p, "top_k": self.top_k, "max_tokens": max_tokens}
        if self.statistics:
            params["extra_args"] = {REQUEST_KEY: request_parameters(self.statistics, self.tau)}
        return params

    def score(self, logits):
        """Of each position's entropy; 0 for a request that is not adapted."""
        if self.statistics is None or not self.temperature:
            return torch.zeros(logits.shape[:-1], dtype=torch.float64)
        p = (logits.double() / self.temperature).softmax(-1)
        return entropy_score(torch.special.entr(p).sum(-1), self.statistics)

    def log_probs(self, logits, adaptive=True):
        """What the next token's log-probs must be, `[..., V]`; without `adaptive`, what plain temperature makes them."""
        factor = 1 + self.tau * self.score(logits) * adaptive
        p = (logits.double() / (self.temperature or 1.0) / factor.unsqueeze(-1)).softmax(-1)
        p, order = p.sort(descending=True)
        p[..., self.top_k or p.shape[-1] :] = 0
        p /= p.sum(-1, keepdim=True)
        p[p.cumsum(-1) - p >= self.top_p] = 0
        return torch.empty_like(p).scatter(-1, order, p / p.sum(-1, keepdim=True)).log()


# Entropies of the first answered token at T = 1: 1.0, 0.9 and 0.06 nats.
OPEN, MIDDLE, SURE = "1+2=?", "4+5=?", "9+9=?"
PAPER = EntropyStatistics(center=-1.0, std=1.0, max=1.2, min=-2.0)
COOLING = EntropyStatistics(center=0.6, std=0.5, max=1.0, min=-2.0)
RELEASED = replace(PAPER, variant="released")  # heats the sure tokens too
KINDS = [
    Kind(OPEN, 1.0),
    Kind(OPEN, 1.0, 0.6, PAPER),
    Kind(OPEN, 0.7, 0.9, PAPER),
    Kind(OPEN, 1.0, 0.05, PAPER),
    Kind(OPEN, 1.0, 0.9, RELEASED, top_k=3),
    Kind(OPEN, 1.0, 0.9, PAPER, top_p=0.9),
    Kind(OPEN, 0.7, top_p=0.9),
    Kind(OPEN, 1.0, 0.6, PAPER, top_p=0.95, top_k=4),
    Kind(MIDDLE, 0.7),
    Kind(MIDDLE, 1.0, 0.9, COOLING),
    Kind(MIDDLE, 0.7, 0.6, COOLING),
    Kind(SURE, 1.0),
    Kind(SURE, 1.0, 0.9, RELEASED),
    Kind(SURE, 0.7, 0.6, RELEASED),
    Kind(SURE, 1.0, 0.3, RELEASED),
    Kind(OPEN, 0.0, 0.9, PAPER),
    Kind(MIDDLE, 0.0),
]
SAMPLED = [kind for kind in KINDS if kind.temperature]


def engine(model, questions, answers):
    """Answer the requests of a file with vLLM."""
    from vllm import LLM, SamplingParams

    llm = LLM(
        model=model,
        logits_processors=["recipe.adaptive_temperature.logits_processor:AdaptiveTemperature"],
        logprobs_mode="processed_logprobs",
        dtype="float32",
        enforce_eager=True,
        max_num_seqs=SLOTS,
        max_num_batched_tokens=TOKENS_A_STEP,
        max_model_len=64,
        kv_cache_memory_bytes=1 << 24,
        seed=0,
    )
    requests = json.loads(Path(questions).read_text())
    try:
        llm.generate(requests[0][0], SamplingParams(extra_args={REQUEST_KEY: WRONG}), use_tqdm=False)
        refusal = "none"
    except Exception as error:
        refusal = f"{type(error).__name__}: {error}"
    # All requests before the first step, so that batches, and with them the random numbers, are the same in every run.
    llm.sleep(level=0)
    params = [SamplingParams(**given, logprobs=0, ignore_eos=True) for _, given in requests]
    llm.enqueue([{"prompt_token_ids": prompt} for prompt, _ in requests], params, use_tqdm=False)
    llm.wake_up(tags=["scheduling"])
    outputs = [output.outputs[0] for output in llm.wait_for_completion(use_tqdm=False)]
    tokens = [list(output.token_ids) for output in outputs]
    log_probs = [[step[t].logprob for t, step in zip(output.token_ids, output.logprobs, strict=True)] for output in outputs]
    Path(answers).write_text(json.dumps({"refusal": refusal, "tokens": tokens, "log_probs": log_probs}))


class Answer(NamedTuple):
    """A request's kind, its tokens, vLLM's log-probs of them, and the model's logits before each."""

    kind: Kind
    tokens: list[int]
    log_probs: torch.Tensor
    logits: torch.Tensor


@pytest.fixture(scope="module")
def run(demo_inputs, tmp_path_factory):
    """What the engine answered to all requests, and how it refused a malformed one."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, folder = demo_inputs / "model", tmp_path_factory.mktemp("sampling")
    tokenizer = AutoTokenizer.from_pretrained(model)
    chats = {q: [{"role": "user", "content": q}] for q in (OPEN, MIDDLE, SURE)}
    prompts = {
        q: tokenizer(tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False))["input_ids"]
        for q, chat in chats.items()
    }
    rng = random.Random(0)
    kinds = KINDS * REPEATS
    rng.shuffle(kinds)
    requests = [(prompts[kind.question], kind.sampling_params(rng.randint(1, 6))) for kind in kinds]
    files = [folder / "requests.json", folder / "answers.json"]
    files[0].write_text(json.dumps(requests))
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "TORCH_COMPILE_DISABLE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
    }
    command = [sys.executable, __file__, model, *files]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    found = json.loads(files[1].read_text())

    reference = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    sequences = [(*prompt, *tokens[:-1]) for (prompt, _), tokens in zip(requests, found["tokens"], strict=True)]
    logits = _all_logits(reference, sequences)
    answers = []
    for kind, (prompt, params), tokens, log_probs, sequence in zip(
        kinds, requests, found["tokens"], found["log_probs"], sequences, strict=True
    ):
        assert len(tokens) == params["max_tokens"]
        answers.append(Answer(kind, tokens, torch.tensor(log_probs), logits[sequence][len(prompt) - 1 :]))
    return answers, found["refusal"]


@torch.no_grad()
def _all_logits(reference, sequences):
    """The logits at each position of each sequence; what is padded at the end does not reach back."""
    known = {}
    different = sorted(set(sequences))
    for part in (different[i : i + 256] for i in range(0, len(different), 256)):
        padded = torch.nn.utils.rnn.pad_sequence([torch.tensor(sequence) for sequence in part], batch_first=True)
        known |= {sequence: z[: len(sequence)] for sequence, z in zip(part, reference(padded).logits, strict=True)}
    return known


def fit(answers, kind, adaptive=True):
    """p-value of the chi-square test of the first tokens' counts against the kind's distribution."""
    mine = [answer for answer in answers if answer.kind == kind]
    expected, order = (kind.log_probs(mine[0].logits[0], adaptive).exp() * len(mine)).sort(descending=True)
    observed = torch.bincount(torch.tensor([answer.tokens[0] for answer in mine]), minlength=len(order))[order]
    if observed[expected == 0].any():
        return 0.0
    # Tokens of fewer than 5 expected counts make one cell, with the rarest of the others if that is still too few.
    single = int((expected >= 5).sum())
    if single > 1 and expected[single:].sum() < 5:
        single -= 1
    expected, observed = (torch.cat([x[:single], x[single:].sum(0, keepdim=True)]) for x in (expected, observed))
    statistic = ((observed - expected).square() / expected).sum()
    return torch.special.gammaincc(torch.tensor(single / 2, dtype=torch.float64), statistic / 2).item()


def test_tokens_are_drawn_at_the_adapted_temperature(run):
    answers, _ = run
    wrong = {kind: p for kind in SAMPLED if not (p := fit(answers, kind)) > 1e-3 / len(SAMPLED)}
    assert not wrong
    # and the same counts would show it if the temperature were plain
    unseen = {kind: p for kind in SAMPLED if kind.tau >= LARGE_TAU and not (p := fit(answers, kind, adaptive=False)) < 1e-4}
    assert not unseen


def test_returned_log_probs_are_those_of_the_adapted_temperature(run):
    answers, _ = run
    scores = []
    for kind, tokens, log_probs, logits in answers:
        if kind.top_p < 1:  # whether a token is just outside may be a matter of rounding
            continue
        expected = kind.log_probs(logits).gather(-1, torch.tensor(tokens).unsqueeze(-1)).squeeze(-1)
        assert (log_probs - expected).abs().max() < 2e-4, kind
        scores.append(kind.score(logits))
    scores = torch.cat(scores)
    assert (scores < -0.5).sum() > 100
    assert (scores > 0.5).sum() > 100


def test_greedy_requests_take_the_most_likely_token(run):
    answers, _ = run
    greedy = [answer for answer in answers if not answer.kind.temperature]
    assert len(greedy) == 2 * REPEATS
    for _, tokens, _, logits in greedy:
        assert (logits.amax(-1) - logits.gather(-1, torch.tensor(tokens).unsqueeze(-1)).squeeze(-1)).max() < 1e-4


def test_a_malformed_request_is_refused_and_the_engine_goes_on(run):
    _, refusal = run
    assert REQUEST_KEY in refusal
    assert "tau is 1.5" in refusal


if __name__ == "__main__":
    engine(*sys.argv[1:])
