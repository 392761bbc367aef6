"""How many requests wait at a vLLM server at once, against how many calls its Ray actor takes at a time.

In the asynchronous modes unfinished requests stay in the actor while weights are synced: an aborted one comes back after a
second and waits inside for the end of the sync. Where more are outstanding than the actor takes, the calls that abort, sync
and resume wait among them, in an order that Ray does not guarantee; runs are reported to stand still there
(verl-project/verl#7990). With B prompts of n responses a step, w warm-up batches and R replicas there are

    (floor(w B / g) g + B) n / R    requests at each, g = `data.gen_batch_size`, by default B

before the first step is sampled; the actor takes max(1000, `max_num_seqs` + 16), and the calls that control it need places,
too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from recipe.runs.combinations.rule import REFUSED, ROLLOUT, Rule, mode_of

CONTROL = (
    16  # places that verl keeps for calls that control a server, `CONTROL_METHOD_CONCURRENCY` in workers/rollout/replica.py
)
_LEAST = 1000  # that an actor takes at a time, in RolloutReplica.max_concurrency of the same file


@dataclass(frozen=True)
class Requests:
    """Requests at each of so many replicas, and how many calls an actor takes at a time."""

    each: int
    replicas: int
    taken: int

    @property
    def fit(self) -> bool:
        """Whether there is always a place for a call that controls the server."""
        return self.each + CONTROL <= self.taken


def count_requests(config) -> Requests:
    """The arithmetic above; in the mode `sync` w is 0, or one batch fewer than dynamic sampling may have in flight."""
    rollout, trainer, batch = config.actor_rollout_ref.rollout, config.trainer, config.data.train_batch_size
    mode, chunk = mode_of(config), config.data.get("gen_batch_size") or batch
    if mode == "sync":
        filters = config.algorithm.filter_groups
        prompts = batch * (filters.get("max_inflight_gen_batches", 1) if filters.get("enable") else 1)
    else:
        prompts = batch + math.floor(trainer.v1[mode].num_warmup_batches * batch / chunk) * chunk
    place = rollout if mode == "separate_async" else trainer
    size = rollout.tensor_model_parallel_size * rollout.data_parallel_size * rollout.pipeline_model_parallel_size
    replicas = max(place.nnodes * place.n_gpus_per_node // size, 1)
    return Requests(math.ceil(prompts * rollout.n / replicas), replicas, max(_LEAST, rollout.max_num_seqs + CONTROL))


def _too_many(config):
    mode = mode_of(config)
    if mode == "sync" or (found := count_requests(config)).fit:
        return None
    return (
        f"{mode} puts {found.each:,} requests on each of {found.replicas} rollout replicas, whose actor takes "
        f"{found.taken:,} calls at a time: they leave no place for the call that ends a weight sync, and the run stands "
        f"still; set {ROLLOUT}.max_num_seqs={found.each} (the actor takes {CONTROL} more than that), use more replicas, or "
        f"lower data.train_batch_size or trainer.v1.{mode}.num_warmup_batches"
    )


RULES = (
    Rule(
        combination="`colocate_async` or `separate_async` with more requests on a replica than its actor takes at once: the "
        "larger of 1,000 and `rollout.max_num_seqs` + 16",
        stock="The calls of a weight sync wait for a place in the actor, as reported for ever.",
        ours=REFUSED,
        example=(
            "trainer.v1.trainer_mode=colocate_async",
            "data.train_batch_size=512",
            "actor_rollout_ref.rollout.tensor_model_parallel_size=8",
            "algorithm.rollout_correction.rollout_is=token",
        ),
        find=_too_many,
        verl="<=0.9.1",
        seen=(
            ("workers/rollout/replica.py", "return max(1000, self.config.max_num_seqs + CONTROL_METHOD_CONCURRENCY)"),
            ("workers/rollout/replica.py", "CONTROL_METHOD_CONCURRENCY = 16"),
            ("workers/rollout/vllm_rollout/vllm_async_server.py", "await self._resume_event.wait()"),
        ),
        reports=("verl-project/verl#7990", "verl-project/verl#7587"),
    ),
)
