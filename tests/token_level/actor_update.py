"""verl's own actor update on fixed rollouts, under any setting, on 1 to 4 ranks; without Ray and vLLM. Over gloo on the CPU; on
GPUs with HTPO_TEST_DEVICE=cuda.

Real here: the recipe's composed config, verl's ActorRolloutRefWorker and FSDP engine (mini-batches, micro-batches,
normalisation by the tokens of all ranks, gradients, clipping, the optimizer, gathering of metrics), TokenFieldsLoss and the
registered losses.
Left out is what takes a Ray cluster: the dispatch to the ranks, which hands each its rows; `rows_of` does that.
"""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from tests import ROOT
from tests.composing import compose
from tests.pure_support import DEVICE, random_batch
from tests.token_level.masked import kept_tokens

ROWS, WIDTH = 8, 32
INPUTS = ("entropy", "response_mask", "hard", "correct")
PLATFORM = {
    "cpu": ("+platform=cpu",),
    # What the platform cpu says of the model and of numbers, on a GPU.
    "cuda": (
        *("actor_rollout_ref.actor.strategy=fsdp2", "actor_rollout_ref.model.use_remove_padding=False"),
        "actor_rollout_ref.model.enable_gradient_checkpointing=False",
        "+actor_rollout_ref.model.override_config.attn_implementation=sdpa",
        "actor_rollout_ref.actor.fsdp_config.model_dtype=fp32",
        "+actor_rollout_ref.actor.fsdp_config.mixed_precision={param_dtype:fp32,reduce_dtype:fp32,buffer_dtype:fp32}",
        *("actor_rollout_ref.actor.use_torch_compile=False", "actor_rollout_ref.actor.fsdp_config.use_torch_compile=False"),
    ),
}
OVERRIDES = (
    *PLATFORM[DEVICE],
    *("+experiment=demo", "data.train_files=none", "data.val_files=none"),
    "actor_rollout_ref.actor.use_dynamic_bsz=False",
    "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=1",
    *(f"actor_rollout_ref.{role}.log_prob_micro_batch_size_per_gpu=1" for role in ("rollout", "ref")),
)


@dataclass
class Update:
    """One setting to run: the method, overrides of its config, and the number of updates.

    dtype: of weights and computation; in float64 two settings can be told from rounding. masked: with responses that are
    filtered or rejected, in whole and in part.
    """

    method: str = "htpo"
    overrides: tuple[str, ...] = ()
    dtype: torch.dtype = torch.float64
    updates: int = 1
    masked: bool = False


@dataclass
class Result:
    """What rank 0 found: one entry an update; the gradient of the first one, as the optimizer gets it, in full."""

    loss: list[float] = field(default_factory=list)
    grad_norm: list[float] = field(default_factory=list)
    metrics: list[dict[str, float]] = field(default_factory=list)
    gradient: torch.Tensor | None = None

    def add(self, metrics: dict[str, Any], method, prefix: str) -> None:
        """One update's: verl's own, and the method's ratios of the sums."""
        self.loss.append(metrics["loss"][0])
        self.grad_norm.append(metrics["grad_norm"][0])
        sums = {key.removeprefix(prefix): values[0] for key, values in metrics.items() if key.startswith(prefix)}
        means = {key: float(metrics[key][0]) for key in ("kl_loss",) if key in metrics}
        self.metrics.append({key: float(value) for key, value in method.ratios(sums).items()} | means)


def run(model: Path, world_size: int, updates: Sequence[Update], folder: Path) -> list[Result]:
    """Start the ranks, make all the updates one after the other in them, each on a model of its own; in their order."""
    jobs, out = folder / f"jobs-{world_size}.pkl", folder / f"results-{world_size}.pkl"
    jobs.write_bytes(pickle.dumps((str(model), list(updates))))
    run_ranks("tests.token_level.actor_update", world_size, jobs, out)
    return pickle.loads(out.read_bytes())


def run_ranks(module: str, world_size: int, *arguments: Any) -> None:
    """`python -m module arguments` as each rank of a process group on this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cpu = {"VERL_PLATFORM": "cpu", "VERL_USE_EXTERNAL_MODULES": "verl_patches.cpu"} if DEVICE == "cpu" else {}
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(world_size)}
    # without entry points, as where the project is not installed, which a GPU machine need not do
    group |= {"LOCAL_WORLD_SIZE": str(world_size), "OMP_NUM_THREADS": "1", "VERL_USE_EXTERNAL_PLUGINS": "none"}
    command = [sys.executable, "-W", "ignore", "-m", module, *map(str, arguments)]
    ranks = [
        subprocess.Popen(command, cwd=ROOT, env=os.environ | cpu | group | {"RANK": str(rank), "LOCAL_RANK": str(rank)})
        for rank in range(world_size)
    ]
    assert [rank.wait(timeout=600) for rank in ranks] == [0] * world_size


def token_fields(name: str, batch: dict[str, torch.Tensor], settings) -> dict[str, torch.Tensor]:
    """What the method's estimator makes of the whole batch on the driver."""
    if name == "htpo":
        from recipe.htpo import partition_tokens

        return {"token_groups": partition_tokens(*(batch[key] for key in INPUTS), settings)}

    from recipe.hapo import entropy_score, entropy_statistics

    statistics = entropy_statistics(batch["entropy"], batch["response_mask"], settings)
    return {"entropy_score": entropy_score(batch["entropy"], statistics)}


def nested(rows):
    return torch.nested.as_nested_tensor(list(rows), layout=torch.jagged)


def rollouts(name: str, vocabulary: int, settings, masked: bool):
    """A batch as verl's trainer sends it to `update_actor`: nested, one row a response with its prompt."""
    from tensordict import TensorDict

    generator = torch.Generator().manual_seed(1)
    batch = {key: values.cpu() for key, values in random_batch(rows=ROWS, width=WIDTH).items()}  # where the trainer has it
    lengths = batch["response_mask"].sum(1).tolist()
    if masked:
        batch["response_mask"] = kept_tokens(batch["response_mask"])
        batch["advantages"] = batch["advantages"] * batch["response_mask"]
    fields = token_fields(name, batch, settings)
    prompts = [torch.randint(vocabulary, (3 + row % 3,), generator=generator) for row in range(ROWS)]
    responses = [torch.randint(vocabulary, (length,), generator=generator) for length in lengths]
    sequences = [torch.cat(pair) for pair in zip(prompts, responses, strict=True)]

    def of_responses(values):
        return nested(values[row, :length] for row, length in enumerate(lengths))

    return TensorDict(
        {
            "prompts": nested(prompts),
            "responses": nested(responses),
            "input_ids": nested(sequences),
            "position_ids": nested(torch.arange(len(sequence)) for sequence in sequences),
            "response_mask": of_responses(batch["response_mask"].long()),
            "loss_mask": of_responses(batch["response_mask"].long()),
            "advantages": of_responses(batch["advantages"]),
            **{key: of_responses(values) for key, values in fields.items()},
        },
        batch_size=ROWS,
    )


def composed(model: str, update: Update):
    """The recipe's own config, resolved."""
    from omegaconf import OmegaConf

    config = compose(update.method, *OVERRIDES, f"actor_rollout_ref.model.path={model}", *update.overrides)
    OmegaConf.resolve(config)
    return config


@contextmanager
def computing_in(dtype: torch.dtype):
    """float64, which verl has no name for, wherever it looks one up."""
    from verl.utils.torch_dtypes import PrecisionType

    with mock.patch.object(PrecisionType, "to_dtype", staticmethod(PrecisionType.to_dtype)):
        if dtype != torch.float64:
            yield
            return
        PrecisionType.to_dtype = staticmethod(lambda precision: dtype)
        # flash-attn's cross entropy, which verl takes on CUDA, has no float64
        with mock.patch.dict(os.environ, {"VERL_DISABLE_FLASH_ATTN_CE": "1"}):
            yield


def make_worker(config, role: str, dtype: torch.dtype):
    """verl's worker of an actor or of a reference model."""
    from verl.workers.engine_workers import ActorRolloutRefWorker

    torch.manual_seed(0)  # LoRA's weights
    worker = ActorRolloutRefWorker(config=config.actor_rollout_ref, role=role)
    worker.init_model()
    if dtype == torch.float64:
        getattr(worker, role).engine._autocast_dtype = torch.float32  # verl's word for: no autocast
    return worker


def rows_of(engine) -> list[int]:
    """The rows of this rank: those of its data-parallel rank, as verl's dispatch hands them out."""
    return list(range(engine.get_data_parallel_rank(), ROWS, engine.get_data_parallel_size()))


def log_probs(engine, data) -> list[torch.Tensor]:
    """The model's own of each response, without a gradient."""
    from verl.utils import tensordict_utils as tu

    with engine.eval_mode():
        inference = data.copy()
        tu.assign_non_tensor(inference, calculate_entropy=False, use_dynamic_bsz=False, micro_batch_size_per_gpu=1)
        output = engine.forward_backward_batch(inference, loss_function=None, forward_only=True)
    lengths = data["responses"].offsets().diff().tolist()
    sequences = output["model_output"]["log_probs"].unbind()
    return [values[-length - 1 : -1] for length, values in zip(lengths, sequences, strict=True)]


def around(own: list[torch.Tensor], rows: list[int], seed: int):
    """Noise on the log-probs, so that some ratios are outside the clip range; nested `[B, j]`."""
    noise = 0.5 * torch.randn(ROWS, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return nested(values.cpu() + noise[row, : len(values)] for row, values in zip(rows, own, strict=True))


def prepared(model: str, update: Update):
    """A worker with the method's loss, its rows of the rollouts, and the method; within `computing_in`."""
    from omegaconf import OmegaConf
    from verl.utils import tensordict_utils as tu
    from verl.utils.config import omega_conf_to_dataclass

    from recipe.hapo.method import HAPO
    from recipe.htpo.method import HTPO
    from recipe.token_level.loss import TokenFieldsLoss
    from recipe.token_level.method import require_registered

    method, config = {"htpo": HTPO, "hapo": HAPO}[update.method], composed(model, update)
    require_registered(method)  # imports its plug-in, too
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    settings = method.settings(OmegaConf.to_container(config[update.method]), actor)
    worker = make_worker(config, "actor", update.dtype)
    engine, rows = worker.actor.engine, rows_of(worker.actor.engine)
    data = tu.index_select_tensor_dict(rollouts(update.method, engine.module.config.vocab_size, settings, update.masked), rows)
    unpadded = worker.actor.model_config.use_remove_padding
    tu.assign_non_tensor(data, temperature=1.0, global_batch_size=ROWS, use_remove_padding=unpadded, calculate_entropy=True)
    data["old_log_probs"] = around(log_probs(engine, data), rows, seed=2)
    if actor.use_kl_loss:
        reference = make_worker(config, "ref", update.dtype).ref.engine
        data["ref_log_prob"] = around(log_probs(reference, data), rows, seed=3)
    tu.assign_non_tensor(data, mini_batch_size=ROWS, epochs=1, seed=1, dataloader_kwargs={"shuffle": False})
    worker.set_loss_fn(TokenFieldsLoss(actor, method.plugin, method.token_fields, settings, method.reads_entropy(settings)))
    return worker, data, method


def make(model: str, update: Update) -> Result:
    """All updates of one setting on this rank."""
    from verl.utils import tensordict_utils as tu

    from recipe.token_level.loss import SUMS

    with computing_in(update.dtype):
        worker, data, method = prepared(model, update)
        engine = worker.actor.engine
        gradients = []  # as the optimizer gets them
        parameters = [p for p in engine.module.parameters() if p.requires_grad]
        hook = engine.optimizer.register_step_pre_hook(
            lambda *_: gradients.extend(p.grad.full_tensor().flatten() for p in parameters)
        )
        result = Result()
        for _ in range(update.updates):
            output = worker.update_actor(data.copy())
            hook.remove()
            if output is not None:  # of the first rank of a sequence-parallel group
                result.add(tu.get(output, "metrics"), method, SUMS)
    result.gradient = torch.cat(gradients).cpu()
    return result


def main() -> None:
    jobs, out = map(Path, sys.argv[1:])
    model, updates = pickle.loads(jobs.read_bytes())
    results = [make(model, update) for update in updates]
    if os.environ["RANK"] == "0":
        out.write_bytes(pickle.dumps(results))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    from tests.token_level import actor_update  # whose classes pickle knows by this name

    actor_update.main()
