"""The stages of an experiment, in an order in which each comes after those that it needs.

    data-SET            one data set prepared                           folder/data
    train-ARM-SEED      one run, validated on the first benchmark       folder/runs/ARM/SEED
    evaluate-ARM-SEED   its newest checkpoint, merged, on all benchmarks, in as many parts as asked    .../eval
    export-ARM-SEED     that checkpoint as a folder for the hub, with the evaluation in its card       .../exported
    report              all evaluations                                 folder/report

A seed's place in arguments may also be taken by something that a job fills in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from recipe.experiment.definition import Arm, Experiment

DATA, TRAIN, EVALUATE, EXPORT, REPORT = "data", "train", "evaluate", "export", "report"
ON_GPUS = (TRAIN, EVALUATE)
_MODULES = {
    DATA: "recipe.rlvr_math.data.prepare",
    EXPORT: "recipe.rlvr_math.export",
    REPORT: "recipe.rlvr_math.report",
}


@dataclass(frozen=True)
class Stage:
    """One of them. module, arguments: what is run. after: names of stages. product: what is there afterwards.

    recipe: what the launchers call it, for those that need GPUs.
    """

    name: str
    kind: str
    module: str
    arguments: tuple[str, ...]
    product: Path
    after: tuple[str, ...] = ()
    arm: str = ""
    seed: int = 0
    recipe: str = ""
    shard: str = field(default="", compare=False)


@dataclass(frozen=True)
class Layout:
    """Where everything is, and what whoever runs it has added: overrides of all trainings and of all evaluations."""

    folder: Path
    train: tuple[str, ...] = ()
    evaluate: tuple[str, ...] = ()

    def __post_init__(self):
        if not re.fullmatch(r"(/[\w.-]+)+", str(self.folder)):
            raise ValueError(f"--folder {self.folder} has characters beside letters, digits, - _ and .; take another name")

    def run(self, arm: str, seed: int | str) -> str:
        """The folder of a run; `seed` may be something that a job fills in."""
        return f"{self.folder}/runs/{arm}/{seed}"

    def data_file(self, name: str) -> str:
        """Of a data set; a parquet file is itself."""
        return str(Path(name).absolute()) if name.endswith(".parquet") else f"{self.folder}/data/{name}.parquet"


def stages(experiment: Experiment, layout: Layout) -> list[Stage]:
    """All of them."""
    data = _data(experiment, layout)
    needed = tuple(stage.name for stage in data)
    found, evaluations, folders, names = [], [], [], []
    for arm in experiment.arms:
        for seed in experiment.seeds:
            run, label = layout.run(arm.name, seed), f"{arm.name}-{seed}"
            one = {"arm": arm.name, "seed": seed}
            train = Stage(
                *(f"train-{label}", TRAIN, package_of(arm.recipe), training(experiment, layout, arm, seed)),
                *(Path(run, "checkpoints"), needed),
                **one,
                recipe=arm.recipe,
            )
            parts = _evaluations(experiment, layout, train)
            found += [train, *parts]
            evaluations += [part.name for part in parts]
            folders.append(f"{run}/eval")
            names.append(label)
            if experiment.export:
                arguments = (f"{run}/checkpoints", "--out", f"{run}/exported", "--evaluation", f"{run}/eval", "--name", label)
                after = tuple(part.name for part in parts)
                found.append(Stage(f"export-{label}", EXPORT, _MODULES[EXPORT], arguments, Path(run, "exported"), after, **one))
    out = layout.folder / "report"
    arguments = (*folders, "--out", str(out), "--name", *names)
    return [*data, *found, Stage("report", REPORT, _MODULES[REPORT], arguments, out / "report.md", tuple(evaluations))]


def package_of(recipe: str) -> str:
    """As the launchers name packages."""
    if recipe == EVALUATE:
        return "recipe.rlvr_math.evaluation"
    return recipe if "." in recipe else f"recipe.{recipe}"


def _data(experiment: Experiment, layout: Layout) -> list[Stage]:
    wanted = dict.fromkeys((experiment.data.train, *experiment.data.benchmarks))
    found = []
    for name in (name for name in wanted if not name.endswith(".parquet")):
        source = experiment.data.sources.get(name)
        more = ("--source", source) if source else ()
        arguments = ("--dataset", name, "--template", experiment.data.template, "--out", f"{layout.folder}/data", *more)
        found.append(Stage(f"data-{name}", DATA, _MODULES[DATA], arguments, Path(layout.data_file(name))))
    return found


def training(experiment: Experiment, layout: Layout, arm: Arm, seed: int | str, number: str | None = None) -> tuple[str, ...]:
    """The arguments of a run. seed: as text in paths; number: as a number, if that is written in another way."""
    run = layout.run(arm.name, seed)
    steps = () if experiment.steps is None else (f"trainer.total_training_steps={experiment.steps}",)
    return (
        *arm.overrides,
        f"data.train_files={layout.data_file(experiment.data.train)}",
        f"data.val_files=[{layout.data_file(experiment.data.benchmarks[0])}]",  # validation is to be quick
        f"data.seed={number or seed}",
        *steps,
        *((f"trainer.total_epochs={experiment.steps}",) if steps else ()),  # the steps end it, not the data
        f"trainer.default_local_dir={run}/checkpoints",
        f"trainer.project_name={experiment.name}",
        f"trainer.experiment_name={arm.name}-{seed}",
        f"hydra.run.dir={run}/hydra",
        *layout.train,
    )


def evaluation(experiment: Experiment, layout: Layout, arm: str, seed: int | str, shard: str) -> tuple[str, ...]:
    """The arguments of an evaluation, or of a part of one."""
    run = layout.run(arm, seed)
    benchmarks = ",".join(layout.data_file(name) for name in experiment.data.benchmarks)
    return (
        *experiment.evaluation.overrides,
        f"model={run}/checkpoints",
        f"benchmarks=[{benchmarks}]",
        f"out={run}/eval",
        *((f"shard={shard}",) if shard else ()),
        *layout.evaluate,
    )


def shards(experiment: Experiment) -> list[str]:
    """The parts of an evaluation, as `shard=` names them; an empty one if there is one part."""
    count = experiment.evaluation.shards
    return [""] if count == 1 else [f"{number}/{count}" for number in range(1, count + 1)]


def _evaluations(experiment: Experiment, layout: Layout, train: Stage) -> Sequence[Stage]:
    recipe = experiment.evaluation.package
    run = layout.run(train.arm, train.seed)
    found = []
    for shard in shards(experiment):
        part = f"-{shard.replace('/', 'of')}" if shard else ""
        folder = f"{run}/eval/shard-{shard.replace('/', '-of-')}" if shard else f"{run}/eval"
        arguments = evaluation(experiment, layout, train.arm, train.seed, shard)
        found.append(
            Stage(
                *(f"evaluate-{train.arm}-{train.seed}{part}", EVALUATE, package_of(recipe), arguments),
                *(Path(folder, "settings.json"), (train.name,), train.arm, train.seed, recipe, shard),
            )
        )
    return found
