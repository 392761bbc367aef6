"""`make test-presets`: each shipped preset trains two steps and resumes for a third on the CPU, only its sizes overridden.

The platform `cpu` and the demo's task bring keys of their own; whatever the preset sets otherwise is set back to the preset's
value, except for the keys in NOT_ON_CPU. The table says which these were, for each preset.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from omegaconf import OmegaConf

from launch.demo.inputs import make_inputs
from tests import ROOT, processes
from tests.composing import compose, flat
from tests.training import DEMO

PRESETS = [
    (recipe, path.stem)
    for recipe in ("htpo", "hapo")
    for path in sorted((ROOT / f"recipe/{recipe}/config/experiment").glob("*.yaml"))
]
NOT_RUN = {"qwen3_8b_base_megatron": "Megatron-Core has no CPU build"}

# Small enough for two ranks on a laptop; everything else stays the preset's.
SIZES = {
    "data.train_batch_size": 8,
    "data.max_prompt_length": 48,
    "data.max_response_length": 8,
    "reward.reward_kwargs.overlong_buffer_cfg.len": 4,
    "actor_rollout_ref.actor.ppo_max_token_len_per_gpu": 512,
    "actor_rollout_ref.rollout.n": 4,
    "actor_rollout_ref.rollout.max_model_len": 64,
    "actor_rollout_ref.rollout.max_num_batched_tokens": 512,
    "actor_rollout_ref.rollout.max_num_seqs": 64,
    "actor_rollout_ref.rollout.gpu_memory_utilization": 0.1,
    "actor_rollout_ref.rollout.val_kwargs.n": 1,
    "trainer.nnodes": 1,
    "trainer.total_training_steps": 2,
    "trainer.save_freq": 2,
    "trainer.test_freq": 2,
    "trainer.token_dump.every": 1,
}
# At most so many of these; 1 stays 1, and -1, all, stays.
AT_MOST = {
    "trainer.n_gpus_per_node": 2,
    "actor_rollout_ref.actor.ulysses_sequence_parallel_size": 2,
    "actor_rollout_ref.actor.fsdp_config.fsdp_size": 2,
    "actor_rollout_ref.rollout.tensor_model_parallel_size": 2,
}
# Of the rollouts' own ranks, which separate_async alone has.
SEPARATE = {"actor_rollout_ref.rollout.nnodes": 1, "actor_rollout_ref.rollout.n_gpus_per_node": 1}
BACKEND = "actor_rollout_ref.rollout.checkpoint_engine.backend"
NOT_ON_CPU = {
    "trainer.device": "the device",
    "actor_rollout_ref.rollout.enforce_eager": "CUDA graphs",
    "actor_rollout_ref.rollout.free_cache_engine": "vLLM's sleep mode is CUDA's",
    "actor_rollout_ref.rollout.enable_sleep_mode": "vLLM's sleep mode is CUDA's",
    BACKEND: "NCCL is CUDA's; zmq stands in",
    "actor_rollout_ref.actor.use_torch_compile": "needs a C++ compiler and minutes",
    "actor_rollout_ref.actor.fsdp_config.use_torch_compile": "needs a C++ compiler and minutes",
    "actor_rollout_ref.ref.use_torch_compile": "needs a C++ compiler and minutes",
}
# What the platform adds and no preset has an opinion about, and the sizes above.
IGNORED = (
    *("ray_kwargs.", "transfer_queue.", "data.dataloader_num_workers", "reward.num_workers", "trainer.hang_timeout_s"),
    *("actor_rollout_ref.rollout.agent.num_workers", "actor_rollout_ref.rollout.engine_kwargs.", "trainer.v1.sampler."),
    *("actor_rollout_ref.rollout.checkpoint_engine.update", "actor_rollout_ref.rollout.checkpoint_engine.custom"),
    *(f"actor_rollout_ref.{role}.log_prob_max_token_len_per_gpu" for role in ("ref", "rollout")),  # the actor's
    "distillation.",
)


def values(recipe: str, *overrides: str) -> dict:
    """{key: value} of the recipe's config."""
    return flat(OmegaConf.to_container(compose(recipe, *overrides), resolve=True))


@dataclass
class Plan:
    """Overrides of a preset's run on the CPU, and which of its own values were not kept, with the reason."""

    overrides: list[str]
    lost: dict[str, str]


def plan(recipe: str, name: str) -> Plan:
    """What the run of a preset is started with beyond paths."""
    preset = values(recipe, f"+experiment={name}")
    sizes = SIZES | {key: min(preset[key], most) for key, most in AT_MOST.items() if preset.get(key, -1) > 0}
    updates = preset["data.train_batch_size"] // preset["actor_rollout_ref.actor.ppo_mini_batch_size"]
    sizes["actor_rollout_ref.actor.ppo_mini_batch_size"] = SIZES["data.train_batch_size"] // min(updates, 4)
    ranks = sizes["trainer.n_gpus_per_node"]
    sizes["actor_rollout_ref.rollout.n_gpus_per_node"] = ranks
    separate = preset["trainer.v1.trainer_mode"] == "separate_async"
    if separate:
        sizes |= SEPARATE
        sizes["trainer.v1.separate_async.parameter_sync_step"] = min(updates, 4)
    on_cpu = values(recipe, "+platform=cpu", f"+experiment={name}")
    back, lost = {}, {}
    for key in sorted(preset.keys() | on_cpu.keys()):
        if preset.get(key) == on_cpu.get(key) or key in sizes or key.startswith(IGNORED):
            continue
        if key in NOT_ON_CPU:
            lost[key] = NOT_ON_CPU[key]
        elif key in preset:
            back[key] = preset[key]
        else:
            back[f"~{key}"] = None  # the platform's alone
    given = sizes | back
    if separate:
        lost[BACKEND] = NOT_ON_CPU[BACKEND]
        given[BACKEND] = "zmq"
    overrides = [key if key.startswith("~") else f"++{key}={json.dumps(value)}" for key, value in given.items()]
    return Plan([*overrides, f"ray_kwargs.ray_init.num_gpus={ranks + separate}"], lost)


def attempt(command: list[str], log: Path) -> str | None:
    """What went wrong, or None."""
    process = processes.start(command, log, HF_HUB_OFFLINE="1", VERL_FILE_LOGGER_PATH=str(log.with_suffix(".jsonl")))
    if (status := process.wait(timeout=1500)) == 0:
        return None
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return f"status {status}: {lines[-1][:300]}"


def train(recipe: str, name: str, inputs: Path, folder: Path) -> str:
    """Two steps, then a third from their checkpoint; `passed`, or what went wrong."""
    command = [
        *(sys.executable, "-m", f"recipe.{recipe}.main", "+platform=cpu", f"+experiment={name}", *plan(recipe, name).overrides),
        f"actor_rollout_ref.model.path={inputs}/model",
        *(f"data.{key}_files={inputs}/data/{key}.parquet" for key in ("train", "val")),
        f"reward.custom_reward_function.path={DEMO}/reward.py",
        *(f"trainer.default_local_dir={folder}/checkpoints", f"hydra.run.dir={folder}/hydra"),
    ]
    for steps in (2, 3):
        if fault := attempt([*command, f"trainer.total_training_steps={steps}"], folder / f"log-{steps}.txt"):
            return fault
    logged = map(json.loads, (folder / "log-3.jsonl").read_text().splitlines())
    trained = [entry["step"] for entry in logged if "actor/grad_norm" in entry["data"]]  # others validated
    return "passed" if trained == [3] else f"the resumed run trained the steps {trained}"


def exercised(recipe: str, name: str) -> str:
    """What of a cluster's settings the preset has."""
    preset = values(recipe, f"+experiment={name}")
    actor, names = "actor_rollout_ref.actor", []
    if preset["actor_rollout_ref.model.use_remove_padding"]:
        names.append("unpadded")
    if preset["actor_rollout_ref.model.enable_gradient_checkpointing"]:
        names.append("gradient checkpointing")
    if (size := preset.get(f"{actor}.ulysses_sequence_parallel_size", 1)) > 1:  # Megatron has none
        names.append(f"Ulysses {size}")
    if preset.get(f"{actor}.fsdp_config.param_offload"):
        names.append("offload")
    if (size := preset["actor_rollout_ref.rollout.tensor_model_parallel_size"]) > 1:
        names.append(f"TP {size}")
    return ", ".join([preset["trainer.v1.trainer_mode"], *names])


def main() -> None:
    """Run all, or the named ones; print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="recipe/preset; all if none is given")
    parser.add_argument("--keep", type=Path, help="folder for logs and checkpoints")
    arguments = parser.parse_args()
    chosen = [tuple(name.split("/")) for name in arguments.names] or PRESETS
    root = arguments.keep or Path(tempfile.mkdtemp())
    inputs = make_inputs(root / "inputs", say=False)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    print(f"Run on {date.today()}, commit {commit}, CPU.\n")
    print("| preset | settings | not as on a GPU | result | minutes |\n|---|---|---|---|---|")
    failed = 0
    for recipe, name in chosen:
        start, lost = time.monotonic(), ""
        if name in NOT_RUN:
            result = f"not run: {NOT_RUN[name]}"
        else:
            folder = root / recipe / name
            folder.mkdir(parents=True, exist_ok=True)
            lost = ", ".join(dict.fromkeys(key.rpartition(".")[2] for key in plan(recipe, name).lost))
            result = train(recipe, name, inputs, folder)
            failed += result != "passed"
        minutes = (time.monotonic() - start) / 60
        print(f"| {recipe}/{name} | {exercised(recipe, name)} | {lost} | {result} | {minutes:.1f} |", flush=True)
    print("\nNot as on a GPU, and why:\n")
    for key, reason in NOT_ON_CPU.items():
        print(f"- `{key}`: {reason}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
