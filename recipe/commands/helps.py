"""The help of the commands that Hydra composes: what to give them first, by example, and where the rest stands."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

_TRAIN = """\
usage: {name} [+experiment=PRESET] [key=value ...] [options of Hydra]

Train with {title}. Every key of verl's ppo_trainer config and of `{method}` can be given; what is given wins over the preset.
Begun again with the same trainer.default_local_dir, a run resumes.

presets (+experiment=): {presets}
{more}
examples:
  # what would be trained, as YAML
  {name} --cfg job --resolve +experiment={preset} data.train_files=t data.val_files=v
  # one node or a running Ray cluster
  {name} +experiment={preset} data.train_files=/data/dapo-math-17k.parquet data.val_files=/data/aime-2024.parquet \\
    trainer.default_local_dir=/shared/runs/1
  # one thing changed
  {name} +experiment={preset} data.train_files=/data/dapo-math-17k.parquet data.val_files=/data/aime-2024.parquet {ablation}

Look before: token-rl-preflight {method}, with the same arguments. Ray from a laptop, and Slurm: token-rl-launch.
Hydra's options: {name} --hydra-help. Exit status: 0; 2, something given is wrong; 85, saved and ended as it was asked to;
75, hung, or ended before it had anything to save; 1, something failed on the way.
"""

_PREFLIGHT = """\
usage: token-rl-preflight METHOD [+experiment=PRESET] [key=value ...]

Look whether a run could train: config, environment, model, chat template, data, reward, batch sizes, nodes, disks, memory.
METHOD is htpo, hapo or the package of another method; the rest are the run's own arguments. Seconds, no GPU memory.

examples:
  token-rl-preflight htpo +experiment=qwen3_8b_base data.train_files=/data/dapo-math-17k.parquet \\
    data.val_files=/data/aime-2024.parquet trainer.default_local_dir=/shared/runs/1
  # from a machine without the GPUs, for some of 80 GB
  token-rl-preflight hapo +experiment=qwen3_8b_base data.train_files=t.parquet data.val_files=v.parquet \\
    +preflight.skip=[nodes] +preflight.gpu_gib=80

Exit status: 0, nothing stands in its way; 2, something does.
"""

_EVALUATE = """\
usage: token-rl-evaluate model=FOLDER benchmarks=[FILE.parquet,...] out=DIR [+protocol=NAME] [key=value ...]

Let vLLM answer every problem n times and score the answers with the training's reward. model: a Hugging Face folder, or a
training checkpoint, which is merged first. Begun again, it continues.

protocols (+protocol=): {protocols}

examples:
  token-rl-evaluate +protocol=htpo_paper model=/shared/runs/1/checkpoints benchmarks=[/data/aime-2024.parquet] \\
    out=/shared/runs/1/eval
  token-rl-evaluate model=/models/Qwen3-8B-Base benchmarks=[/data/aime-2024.parquet] out=base n=8 temperature=0.6
  # all keys
  token-rl-evaluate --cfg job

Then: token-rl-report. Exit status: 0; 2, something given is wrong; 85, stopped, the same command goes on; 1, something failed.
"""

_LAB = """\
usage: token-rl-lab [method=NAME] [task=NAME] [key=value ...]

Train a tiny transformer with the algorithms' own functions, in one process, without verl, Ray and vLLM.

methods: {methods}
tasks: {tasks}

examples:
  token-rl-lab method=htpo task=sums steps=100 seeds=8
  token-rl-lab method=hapo hapo.adaptive_clip=False task=graph staleness=1 name=no-clip
  token-rl-insight runs/lab/run/seed-* --out page/
"""

_METHODS = {"htpo-train": ("htpo", "HTPO"), "hapo-train": ("hapo", "HAPO")}
_ABLATIONS = {"htpo": "objectives=dapo", "hapo": "hapo.adaptive_clip=False"}


def help_of(name: str) -> str:
    """The help of one command; its choices are read from the configs' folders."""
    if name in _METHODS:
        method, title = _METHODS[name]
        config = f"recipe.{method}", "config"
        tables = _choices(*config, "objectives")
        return _TRAIN.format(
            name=name,
            method=method,
            title=title,
            presets=", ".join([*_choices(*config, "experiment"), "demo (with +platform=cpu)"]),
            more=f"objective tables (objectives=): {', '.join(tables)}\n" if tables else "",
            preset="qwen3_8b_base",
            ablation=_ABLATIONS[method],
        )
    if name == "token-rl-preflight":
        return _PREFLIGHT
    if name == "token-rl-evaluate":
        return _EVALUATE.format(protocols=", ".join(_choices("recipe.rlvr_math.evaluation", "config", "protocol")))
    return _LAB.format(
        methods=", ".join(_choices("recipe.lab", "config", "method")), tasks=", ".join(_choices("recipe.lab", "config", "task"))
    )


def _choices(package: str, *folders: str) -> list[str]:
    """The configs of a group, by name; the package is not imported, which would import torch."""
    parent, _, name = package.rpartition(".")
    places = find_spec(parent).submodule_search_locations
    return sorted({path.stem for place in places for path in Path(place, name, *folders).glob("*.yaml")})
