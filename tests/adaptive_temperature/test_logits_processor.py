"""The logits processor without an engine: rows keep their own request's parameters while vLLM's persistent batch changes."""

import math
import random
import shutil
from types import SimpleNamespace

import pytest
import torch
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessors, MoveDirectionality
from vllm.v1.worker.gpu_input_batch import CachedRequestState, InputBatch

from recipe.adaptive_temperature.logits_processor import AdaptiveTemperature
from recipe.adaptive_temperature.temperature import REQUEST_KEY, adapt_temperature, request_parameters
from recipe.hapo import EntropyStatistics

SLOTS, VOCABULARY = 9, 53
CPU = torch.device("cpu")
OFF = (0.0, 0.0, 0.0, 0.0)


def make_processor(slots=SLOTS, enforce_eager=True):
    scheduler, model = SimpleNamespace(max_num_seqs=slots), SimpleNamespace(enforce_eager=enforce_eager)
    return AdaptiveTemperature(SimpleNamespace(scheduler_config=scheduler, model_config=model), CPU, False)


def make_params(tau=None, temperature=1.0, **statistics):
    extra_args = None if tau is None else {REQUEST_KEY: request_parameters(EntropyStatistics(**statistics), tau)}
    return SamplingParams(temperature=temperature, extra_args=extra_args)


def random_request(rng):
    """Sampling parameters, and what their row of logits needs."""
    plain = (SamplingParams(), SamplingParams(extra_args={"other": 1}), SamplingParams(temperature=0), make_params(tau=0))
    if rng.random() < 0.4:
        return rng.choice(plain), OFF
    center, std, variant = rng.uniform(-2, 1), rng.uniform(0.5, 2), rng.choice(["paper", "released"])
    if rng.random() < 0.2:
        return make_params(0.9, temperature=0, center=center, std=1, max=1, min=-1), OFF
    tau, temperature = rng.choice([1e-3, 0.05, 0.5, 0.95]), rng.choice([0.5, 1.0])
    params = make_params(tau, temperature, center=center, std=std, max=2.0, min=-3.0, variant=variant)
    return params, (tau, center, 1 / (std * 2), (-1 if variant == "released" else 1) / (std * 3))


def random_logits(rows, seed=0, width=VOCABULARY):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(rows, width, generator=g) * torch.empty(rows, 1).uniform_(0.1, 6, generator=g)


def check_rows(processor, needed, seed):
    logits = random_logits(len(needed), seed)
    before = logits.clone()
    found = processor.apply(logits)
    active = [tau > 0 for tau, *_ in needed]
    assert torch.equal(found, adapt_temperature(before.clone(), torch.tensor(needed).T) if needed else before)
    assert [not torch.equal(a, b) for a, b in zip(found, before, strict=True)] == active
    assert torch.equal(found.argmax(-1), before.argmax(-1))
    assert any(active) or processor.apply(None) is None  # no work at all


def add(index, params):
    return (index, params, [1, 2], [])


@pytest.mark.parametrize("seed", range(8))
def test_rows_keep_their_parameters_in_vllms_batch(seed):
    """InputBatch is what vLLM's model runner keeps; the steps are those of its `_update_states`."""
    rng = random.Random(seed)
    processor, needed, states, waiting = make_processor(), {}, {}, []
    batch = InputBatch(
        max_num_reqs=SLOTS,
        max_model_len=8,
        max_num_batched_tokens=16,
        device=CPU,
        vocab_size=VOCABULARY,
        block_sizes=[16],
        kernel_block_sizes=[16],
        max_num_blocks_per_req=[1],
        logitsprocs=LogitsProcessors([processor]),
    )
    seen = set()
    for step in range(60):
        leaving = rng.choice([0.0, 0.2, 0.6, 1.0])
        for name in [name for name in batch.req_ids if rng.random() < leaving]:
            batch.remove_request(name)
            if rng.random() < 0.3:
                waiting.append(name)  # preempted: it comes back in another slot
        for _ in range(rng.randint(0, SLOTS - batch.num_reqs)):
            if waiting and rng.random() < 0.5:
                name = waiting.pop(0)
            else:
                name = f"{step}-{len(states)}"
                params, needed[name] = random_request(rng)
                states[name] = CachedRequestState(name, [1, 2], [], params, None, ([0],), 0, [])
            batch.add_request(states[name])
        batch.condense()
        for _ in range(rng.choice([0, 0, 1, 3]) if batch.num_reqs > 1 else 0):
            batch.swap_states(*rng.sample(range(batch.num_reqs), 2))
        seen |= {move[2] for move in batch.batch_update_builder.moved}
        batch.refresh_metadata()
        check_rows(processor, [needed[name] for name in batch.req_ids], seed=step)
    assert seen == set(MoveDirectionality)


@pytest.mark.parametrize("seed", range(8))
def test_rows_keep_their_parameters_under_any_update(seed):
    """BatchUpdate allows more than InputBatch does: requests added or moved over others."""
    rng = random.Random(seed)
    processor, slots = make_processor(), [None] * SLOTS
    for step in range(100):
        removed = [i for i, slot in enumerate(slots) if slot and rng.random() < 0.2]
        for i in removed:
            slots[i] = None
        added, moved = [], []
        for i in rng.sample(range(SLOTS), rng.randint(0, 4)):
            params, slots[i] = random_request(rng)
            added.append(add(i, params))
        taken = [i for i, slot in enumerate(slots) if slot]
        for _ in range(rng.randint(0, 4) if taken else 0):
            a, b = rng.choice(taken), rng.randrange(SLOTS)
            swap = a != b and slots[a] and slots[b] and rng.random() < 0.5
            if swap:
                slots[a], slots[b] = slots[b], slots[a]
            elif a != b and slots[a]:
                slots[b], slots[a] = slots[a], None
            else:
                continue
            moved.append((a, b, MoveDirectionality.SWAP if swap else MoveDirectionality.UNIDIRECTIONAL))
        # no gaps when it is sampled
        while None in slots[: (last := max((i for i, slot in enumerate(slots) if slot), default=-1)) + 1]:
            gap = slots.index(None)
            slots[gap], slots[last] = slots[last], None
            moved.append((last, gap, MoveDirectionality.UNIDIRECTIONAL))
        needed = [slot for slot in slots if slot]
        processor.update_state(BatchUpdate(batch_size=len(needed), removed=removed, added=added, moved=moved))
        check_rows(processor, needed, seed=step)
        processor.update_state(None)
        check_rows(processor, needed, seed=step + 1)


def test_a_batch_in_which_nothing_is_asked_for_is_not_touched():
    processor, untouchable = make_processor(), object()
    high = {"center": -9.0, "std": 1.0, "max": 1.0, "min": -1.0}
    assert processor.apply(untouchable) is untouchable
    plain = [make_params(), make_params(tau=0.0, **high), make_params(tau=0.9, temperature=0.0, **high)]
    processor.update_state(BatchUpdate(3, removed=[], added=list(map(add, range(3), plain)), moved=[]))
    assert processor.apply(untouchable) is untouchable
    # one that asks comes, moves over another and leaves
    processor.update_state(BatchUpdate(4, removed=[], added=[add(3, make_params(tau=0.9, **high))], moved=[]))
    check_rows(processor, [OFF, OFF, OFF, (0.9, -9.0, 1.0, 1.0)], seed=0)
    processor.update_state(BatchUpdate(3, removed=[], added=[], moved=[(3, 1, MoveDirectionality.UNIDIRECTIONAL)]))
    check_rows(processor, [OFF, (0.9, -9.0, 1.0, 1.0), OFF], seed=1)
    processor.update_state(BatchUpdate(2, removed=[1], added=[], moved=[(2, 1, MoveDirectionality.UNIDIRECTIONAL)]))
    assert processor.apply(untouchable) is untouchable


def test_the_processor_runs_after_the_temperature():
    """vLLM groups processors by this; in the other group they run before the temperature, and for greedy rows too."""
    processor = make_processor()
    assert processor.is_argmax_invariant()
    assert LogitsProcessors([processor]).argmax_invariant == [processor]


def test_malformed_requests_are_refused():
    good = request_parameters(EntropyStatistics(), 0.05)
    for given in (None, good, good | {"tau": 0}):
        AdaptiveTemperature.validate_params(SamplingParams(extra_args=given and {REQUEST_KEY: given}))
    malformed = ("on", [0.05], 0.05, {}, good | {"tau": 1.0}, good | {"tau": math.nan}, good | {"h": 1.0}, good | {"std": None})
    for given in malformed:
        for temperature in (1.0, 0.0):
            with pytest.raises(ValueError, match=REQUEST_KEY):
                AdaptiveTemperature.validate_params(SamplingParams(temperature=temperature, extra_args={REQUEST_KEY: given}))


@pytest.mark.parametrize("asking", [[4], [1, 7], [0, 2, 3, 8], [0, 1, 2, 3, 4]])
def test_where_few_rows_ask_for_it_only_these_are_looked_at(asking, monkeypatch):
    processor, seen = make_processor(), []
    monkeypatch.setattr(processor, "_adapt", lambda logits, rows: seen.append(len(logits)) or adapt_temperature(logits, rows))
    row = (0.5, 0.3, 0.5, 0.5)
    params = make_params(0.5, center=0.3, std=1.0, max=2.0, min=-2.0)
    added = [add(i, params if i in asking else make_params()) for i in range(SLOTS)]
    processor.update_state(BatchUpdate(SLOTS, removed=[], added=added, moved=[]))
    check_rows(processor, [row if i in asking else OFF for i in range(SLOTS)], seed=3)
    assert seen == [len(asking) if 2 * len(asking) < SLOTS else SLOTS]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile on CPU needs a C++ compiler")
def test_the_compiled_processor_equals_the_eager_one():
    from torch._dynamo.utils import counters

    counters.clear()
    with torch._dynamo.config.patch(disable=False):  # TORCH_COMPILE_DISABLE=1 may be set
        processors = make_processor(64), make_processor(64, enforce_eager=False)
        for size in (7, 1, 33, 2, 1, 7):
            asks = [i % 3 != 1 for i in range(size)]
            params = [make_params(0.5 if ask else None, center=0.5, std=1.0, max=2.0, min=-3.0) for ask in asks]
            for processor in processors:
                processor.update_state(BatchUpdate(size, removed=range(64), added=list(map(add, range(64), params)), moved=[]))
            logits = random_logits(size, seed=size, width=4099)
            logits[:, ::5] = -math.inf
            eager, compiled = (processor.apply(logits.clone()) for processor in processors)
            torch.testing.assert_close(compiled, eager, rtol=1e-5, atol=0.0)
            assert [not torch.equal(a, b) for a, b in zip(compiled, logits, strict=True)] == asks
    # a batch of one and all others
    assert counters["stats"]["unique_graphs"] == 2, counters["stats"]
