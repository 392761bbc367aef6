"""Weights go from one sender to every receiver, of any dtype and shape, update after update."""

import asyncio

import pytest
import torch
from verl.checkpoint_engine.base import CheckpointEngineRegistry

from verl_patches.cpu import checkpoint_engine

RECEIVERS = 2
WEIGHTS = [
    ("embed", torch.randn(7, 3)),
    ("norm", torch.randn(5).to(torch.bfloat16)),
    ("transposed", torch.arange(6.0).view(2, 3).T),
    ("scalar", torch.tensor(2.5, dtype=torch.float64)),
]


def engines():
    make = CheckpointEngineRegistry.get("zmq")
    return make(bucket_size=1, is_master=True), make(bucket_size=1), [make(bucket_size=1) for _ in range(RECEIVERS)]


def connect(master, other, receivers):
    metadata = [engine.prepare() for engine in (master, other, *receivers)]
    senders, receiving = type(master).build_topology(2, RECEIVERS, metadata)
    for i, engine in enumerate((master, other)):
        engine.init_process_group(**{key: value[i] for key, value in senders.items()})
    for i, engine in enumerate(receivers):
        engine.init_process_group(**{key: value[i] for key, value in receiving.items()})


def update(master, other, receivers, weights):
    made = []

    async def received(engine):
        return [(name, weight.clone()) async for name, weight in engine.receive_weights()]

    async def everybody():
        others = other.send_weights((made.append(name) or (name, weight)) for name, weight in weights)
        return await asyncio.gather(master.send_weights(iter(weights)), others, *map(received, receivers))

    _, _, *found = asyncio.run(everybody())
    for engine in (master, other, *receivers):
        engine.finalize()
    return found, made


def test_every_receiver_gets_all_weights_and_every_rank_makes_them():
    group = engines()
    for scale in (1, 3):  # two updates with the same engines
        weights = [(name, weight * scale) for name, weight in WEIGHTS]
        connect(*group)
        found, made = update(*group, weights)
        assert made == [name for name, _ in WEIGHTS]
        assert len(found) == RECEIVERS
        for received in found:
            assert [name for name, _ in received] == [name for name, _ in weights]
            for (_, weight), (_, sent) in zip(received, weights, strict=True):
                assert weight.dtype == sent.dtype
                assert torch.equal(weight, sent)


def test_a_receiver_that_never_asks_is_said(monkeypatch):
    monkeypatch.setattr(checkpoint_engine, "TIMEOUT_S", 0.05)
    master, other, receivers = engines()
    connect(master, other, receivers)
    with pytest.raises(TimeoutError, match=r"no rollout worker asked for a weight for 0\.05 s"):
        asyncio.run(master.send_weights(iter(WEIGHTS)))
    for engine in (master, *receivers):
        engine.finalize()
