"""verl's own actor update with the registered loss, FSDP2 over gloo: 1 and 2 ranks give the same loss, gradient and metrics.

Real here: verl's TrainingWorker and FSDP engine (mini-batches, micro-batches, normalisation by the tokens of all ranks,
gradients, clipping, gathering of metrics), TokenFieldsLoss and the registered losses. Left out is what takes a Ray cluster:
the dispatch to the ranks, which hands each its rows; the test does that.
"""

import os
import socket
import subprocess
import sys

import pytest
import torch

from tests import ROOT
from tests.pure_support import random_batch

ROWS, WIDTH = 8, 32
INPUTS = ("entropy", "response_mask", "hard", "correct")
OVERRIDES = ("+platform=cpu", "+experiment=demo", "data.train_files=none", "data.val_files=none")


def token_fields(name, batch):
    """What the method's estimator makes of the whole batch on the driver."""
    if name == "htpo":
        from recipe.htpo import HTPOConfig, partition_tokens

        return {"token_groups": partition_tokens(*(batch[key] for key in INPUTS), HTPOConfig())}

    from recipe.hapo import HAPOConfig, entropy_score, entropy_statistics

    statistics = entropy_statistics(batch["entropy"], batch["response_mask"], HAPOConfig())
    return {"entropy_score": entropy_score(batch["entropy"], statistics)}


def update_batch(name, vocabulary):
    """A batch as verl's trainer sends it to `update_actor`: nested, one row a response with its prompt."""
    from tensordict import TensorDict

    generator = torch.Generator().manual_seed(1)
    batch = random_batch(rows=ROWS, width=WIDTH)
    fields = token_fields(name, batch)
    lengths = batch["response_mask"].sum(1).tolist()
    prompts = [torch.randint(vocabulary, (3 + row % 3,), generator=generator) for row in range(ROWS)]
    responses = [torch.randint(vocabulary, (length,), generator=generator) for length in lengths]
    sequences = [torch.cat(pair) for pair in zip(prompts, responses, strict=True)]

    def nested(rows):
        return torch.nested.as_nested_tensor(list(rows), layout=torch.jagged)

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


def training_worker(name, model):
    """verl's worker, configured by the recipe's own config for CPU, in float64; and the actor's config."""
    from hydra import compose, initialize_config_dir
    from verl.utils.config import omega_conf_to_dataclass
    from verl.utils.torch_dtypes import PrecisionType
    from verl.workers.config import TrainingWorkerConfig
    from verl.workers.engine_workers import TrainingWorker

    from recipe.runs import search_path

    search_path.register()
    with initialize_config_dir(config_dir=str(ROOT / f"recipe/{name}/config"), version_base=None):
        config = compose(f"{name}_trainer", overrides=[*OVERRIDES, f"actor_rollout_ref.model.path={model}"])
    actor = omega_conf_to_dataclass(config.actor_rollout_ref.actor)
    # verl knows no float64, in which 1 and 2 ranks can be told from rounding.
    PrecisionType.to_dtype = staticmethod(lambda precision: torch.float64)
    worker = TrainingWorker(
        TrainingWorkerConfig(
            model_type="language_model",
            model_config=omega_conf_to_dataclass(config.actor_rollout_ref.model),
            engine_config=actor.engine,
            optimizer_config=actor.optim,
            checkpoint_config=actor.checkpoint,
        )
    )
    worker.reset()
    worker.engine._autocast_dtype = torch.float32  # verl's word for: no autocast
    return worker, actor


def work(name, model, rank, world_size, port, out):
    from verl.utils import tensordict_utils as tu

    from recipe.hapo.method import HAPO
    from recipe.htpo.method import HTPO
    from recipe.token_level.loss import SUMS, TokenFieldsLoss

    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port), RANK=str(rank), WORLD_SIZE=str(world_size))
    os.environ.update(LOCAL_RANK=str(rank), LOCAL_WORLD_SIZE=str(world_size))
    method = {"htpo": HTPO, "hapo": HAPO}[name]
    worker, actor = training_worker(name, model)
    engine = worker.engine
    settings = method.settings({}, actor)
    worker.set_loss_fn(TokenFieldsLoss(actor, method.plugin, method.token_fields, settings, method.reads_entropy(settings)))

    data = update_batch(name, engine.module.config.vocab_size)
    data = tu.index_select_tensor_dict(data, list(range(rank, ROWS, world_size)))
    common = {"temperature": 1.0, "global_batch_size": ROWS, "use_dynamic_bsz": False, "micro_batch_size_per_gpu": 1}
    # Old log-probs around the model's own, so that some ratios are outside the clip range.
    with engine.eval_mode():
        tu.assign_non_tensor(data, **common, use_remove_padding=False, calculate_entropy=False)
        output = engine.forward_backward_batch(data.copy(), loss_function=None, forward_only=True)
    log_probs = output["model_output"]["log_probs"]
    noise = 0.5 * torch.randn(ROWS, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    old = []
    for row, values in enumerate(log_probs.unbind()):
        length = len(data["responses"][row])
        old.append(values[-length - 1 : -1] + noise[rank + row * world_size, :length])
    data["old_log_probs"] = torch.nested.as_nested_tensor(old, layout=torch.jagged)

    tu.assign_non_tensor(data, mini_batch_size=ROWS, epochs=1, seed=1, dataloader_kwargs={"shuffle": False})
    gradients = []  # as the optimizer gets them
    engine.optimizer.register_step_pre_hook(
        lambda *_: gradients.extend(p.grad.full_tensor().flatten() for p in engine.module.parameters())
    )
    output = worker.train_mini_batch(data)
    if rank == 0:
        metrics = tu.get(output, "metrics")
        sums = {key.removeprefix(SUMS): values[0] for key, values in metrics.items() if key.startswith(SUMS)}
        found = {"loss": metrics["loss"][0], "grad_norm": metrics["grad_norm"][0], "gradient": torch.cat(gradients)}
        torch.save(found | {"ratios": method.ratios(sums)}, out)
    torch.distributed.destroy_process_group()


def run(name, model, world_size, out):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    ranks = [
        subprocess.Popen(
            [sys.executable, __file__, name, model, str(rank), str(world_size), str(port), out], cwd=ROOT, env=environment
        )
        for rank in range(world_size)
    ]
    assert [rank.wait(timeout=240) for rank in ranks] == [0] * world_size
    return torch.load(out, weights_only=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", ["htpo", "hapo"])
def test_one_and_two_ranks_agree(name, demo_inputs, tmp_path):
    one, two = (run(name, str(demo_inputs / "model"), n, str(tmp_path / f"{n}.json")) for n in (1, 2))
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-6)  # verl adds the micro-batches' losses up in float32
    assert two["grad_norm"] == pytest.approx(one["grad_norm"], rel=1e-9)
    torch.testing.assert_close(two["gradient"], one["gradient"], rtol=1e-9, atol=1e-13)
    assert one["gradient"].dtype == torch.float64
    assert one["gradient"].abs().max() > 1e-3
    assert two["ratios"] == pytest.approx(one["ratios"], rel=1e-5)


if __name__ == "__main__":
    name, model, *numbers, out = sys.argv[1:]
    work(name, model, *map(int, numbers), out)
