"""Combinations in which responses of the same prompt are sampled from the same random numbers.

A group then holds fewer different responses than it has, down to one: equal rewards, no advantages, and with group filtering a
step that never fills. vLLM draws from the engine's own generator, seeded once at its start, or from a request's, if it has a
seed. verl makes one request of each response.
"""

from __future__ import annotations

from recipe.runs.combinations.requests import count_requests
from recipe.runs.combinations.rule import REFUSED, ROLLOUT, WARNED, Rule, get


def _seed_of_requests(config):
    rollout = config.actor_rollout_ref.rollout
    if get(config, f"{ROLLOUT}.full_determinism", False) and rollout.n > 1:
        return (
            f"{ROLLOUT}.full_determinism=True gives each of the {rollout.n} responses to a prompt the same random numbers, so "
            "that all of them from the same replica are one and the same; leave it at False, "
            f"{ROLLOUT}.seed seeds the replicas"
        )


def _seed_of_engines(config):
    seed = get(config, f"{ROLLOUT}.engine_kwargs.vllm.seed")
    if seed is not None and (replicas := count_requests(config).replicas) > 1:
        return (
            f"{ROLLOUT}.engine_kwargs.vllm.seed={seed} is the seed of all {replicas} replicas, which then sample alike; "
            f"leave it out, and set {ROLLOUT}.seed, to which verl adds the replica's number"
        )


def _one_seed_for_all_ranks(config):
    rollout = config.actor_rollout_ref.rollout
    if rollout.data_parallel_size > 1 and rollout.n > 1:
        return (
            f"{ROLLOUT}.data_parallel_size={rollout.data_parallel_size}: the engines of a replica have one seed, so that "
            "responses to a prompt that get to several of them at once may be the same; with 1 there are more replicas "
            "instead, each with its own seed"
        )


RULES = (
    Rule(
        combination="`rollout.full_determinism=True`",
        stock="Each request of a replica has the same seed: the responses to a prompt are copies of one another.",
        ours=REFUSED,
        example=("actor_rollout_ref.rollout.full_determinism=True",),
        find=_seed_of_requests,
        verl="<=0.9.1",
        seen=(
            (
                "workers/rollout/vllm_rollout/vllm_async_server.py",
                'sampling_params.setdefault("seed", self.replica_rank + self.config.seed)',
            ),
        ),
        reports=("verl-project/verl#6572", "areal-project/AReaL#1625"),
    ),
    Rule(
        combination="`rollout.engine_kwargs.vllm.seed` with several replicas",
        stock="It takes the place of verl's seed, which is another one for each replica: they sample alike.",
        ours=REFUSED,
        example=("+actor_rollout_ref.rollout.engine_kwargs.vllm.seed=1", "trainer.n_gpus_per_node=8"),
        find=_seed_of_engines,
        seen=(
            ("workers/rollout/vllm_rollout/vllm_async_server.py", '"seed": self.replica_rank + self.config.seed,'),
            ("workers/rollout/vllm_rollout/vllm_async_server.py", "**engine_kwargs,\n        }"),
        ),
        reports=("modelscope/ms-swift#7219",),
    ),
    Rule(
        combination="`rollout.data_parallel_size` above 1",
        stock="The engines of a replica have one seed; responses to a prompt that go to several of them in step may be the "
        "same.",
        ours=WARNED,
        example=("actor_rollout_ref.rollout.data_parallel_size=2",),
        find=_one_seed_for_all_ranks,
        seen=(("workers/rollout/vllm_rollout/vllm_async_server.py", '"data_parallel_size": self.config.data_parallel_size,'),),
        reports=("modelscope/ms-swift#7219",),
    ),
)
