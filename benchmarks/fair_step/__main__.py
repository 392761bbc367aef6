"""`python -m benchmarks.fair_step`: step times of HTPO and HAPO over DAPO's, real stack, the same replayed rollouts.

DAPO is verl's own: advantage estimator `grpo`, loss `vanilla`, through the same entry point. A round has a run of each method,
the next one in the opposite order; each run's first step is left out. What differs is the advantage step, the fields it sends,
and the update; nothing is generated, which makes the ratios larger than those of a real run. `--model smollm2` has the shape of
SmolLM2-135M with random weights, `--ranks 2` two FSDP ranks, `--platform cuda` a GPU for each, with longer responses.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.acceptance.training import ON_GPUS
from benchmarks.fair_step.replay import LENGTHS
from benchmarks.rows import measured
from launch.demo.inputs import make_inputs
from recipe.files.metrics import read_metrics

ROOT = Path(__file__).parents[2]
VERLS = ("algorithm.adv_estimator=grpo", "actor_rollout_ref.actor.policy_loss.loss_mode=vanilla")
METHODS = {"dapo": ("htpo", VERLS), "htpo": ("htpo", ()), "hapo": ("hapo", ())}
GOALS = {"htpo": 1.02, "hapo": 1.03}
PHASES = ("step", "old_log_prob", "adv", "update_actor")
# Prompts a step and tokens of a response, on a CPU and on GPUs; and the shape of the model.
BATCHES = {
    "cpu": {"demo": (32, "24,128"), "smollm2": (4, "24,64")},
    "cuda": {"demo": (64, "256,1900"), "smollm2": (32, "256,1900")},
}
SHAPES = {
    "demo": {},
    "smollm2": {"hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30, "num_attention_heads": 9}
    | {"num_key_value_heads": 3, "head_dim": 64, "vocab_size": 49_152, "max_position_embeddings": 2048},
}
PLATFORMS = {
    "cpu": ("+platform=cpu",),
    "cuda": (*ON_GPUS, "actor_rollout_ref.actor.ppo_max_token_len_per_gpu=65536"),
}


def inputs_with(folder: Path, shape: dict[str, int]) -> None:
    """The demo's model and data; with a shape, a model of that shape with random weights and the demo's tokenizer."""
    make_inputs(folder, say=False)
    if shape:
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM

        torch.manual_seed(0)
        config = AutoConfig.from_pretrained(folder / "model", **shape)
        config.layer_types = None
        AutoModelForCausalLM.from_config(type(config)(**{**config.to_dict(), "layer_types": None})).save_pretrained(
            folder / "model"
        )


def run(name: str, inputs: Path, folder: Path, given: argparse.Namespace) -> list[dict[str, float]]:
    """Train; the timings of the steps but the first."""
    recipe, overrides = METHODS[name]
    prompts, lengths = BATCHES[given.platform][given.model]
    most = int(lengths.split(",")[1])
    command = [
        *(sys.executable, "-m", f"recipe.{recipe}.main", *PLATFORMS[given.platform], "+experiment=demo"),
        f"actor_rollout_ref.model.path={inputs}/model",
        *(f"data.{kind}_files={inputs}/data/{kind}.parquet" for kind in ("train", "val")),
        f"reward.custom_reward_function.path={Path(__file__).parent}/reward.py",
        "+actor_rollout_ref.rollout.agent.agent_loop_manager_class=benchmarks.fair_step.replay.ReplayManager",
        *(f"data.train_batch_size={prompts}", f"actor_rollout_ref.actor.ppo_mini_batch_size={prompts // 2}"),
        *(f"data.max_response_length={most}", f"actor_rollout_ref.rollout.max_model_len={most + 48}"),
        *("algorithm.filter_groups.enable=False", f"trainer.n_gpus_per_node={given.ranks}"),
        *("trainer.val_before_train=False", "trainer.test_freq=-1", "trainer.save_freq=-1", "trainer.logger=[file]"),
        *(f"trainer.total_training_steps={given.steps}", f"trainer.default_local_dir={folder}/checkpoints"),
        f"hydra.run.dir={folder}/hydra",
        *overrides,
    ]
    folder.mkdir(parents=True)
    with (folder / "log.txt").open("w") as log:
        status = subprocess.run(command, cwd=ROOT, env=os.environ | {LENGTHS: lengths}, stdout=log, stderr=log).returncode
    if status:
        raise SystemExit(f"{name} ended with status {status}:\n{(folder / 'log.txt').read_text()[-3000:]}")
    taken = [data for data in read_metrics(folder).values() if "timing_s/step" in data]
    return [{phase: data[f"timing_s/{phase}"] for phase in PHASES} for data in taken[1:]]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fair_step", description=__doc__.splitlines()[0])
    parser.add_argument("--platform", choices=PLATFORMS, default="cpu")
    parser.add_argument("--model", choices=SHAPES, default="demo")
    parser.add_argument("--ranks", type=int, default=1)
    parser.add_argument("--steps", type=int, default=11, help="of a run; the first is left out")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in METHODS}
    with tempfile.TemporaryDirectory() as temporary:
        inputs = Path(temporary) / "inputs"
        inputs_with(inputs, SHAPES[given.model])
        for i in range(given.rounds):
            for name in METHODS if i % 2 == 0 else reversed(METHODS):
                folder = Path(temporary) / f"{name}-{i}"
                found[name] += run(name, inputs, folder, given)
    medians = {
        name: {phase: statistics.median(step[phase] for step in steps) for phase in PHASES} for name, steps in found.items()
    }
    what = f"{given.model}, {given.platform}, {given.ranks} rank{'s' * (given.ranks > 1)}"
    for name, steps in found.items():
        low, _, high = statistics.quantiles((step["step"] for step in steps), n=4)
        parts = ", ".join(f"{phase} {medians[name][phase]:.3f} s" for phase in PHASES)
        print(f"{name}: {len(steps)} steps, quartiles {low:.3f} and {high:.3f} s; medians: {parts}")
    for name, goal in GOALS.items():
        measured(f"{name.upper()}'s step over DAPO's, {what}", medians[name]["step"] / medians["dapo"]["step"], "x", goal)


if __name__ == "__main__":
    main()
