"""The experiment file: what is trained on what, how it is evaluated, and what was published."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recipe.experiment.schema import Node, check_name
from recipe.files.plain_yaml import read_plain

PAPERS = Path(__file__).parent / "papers"
_KEYS = (
    *("name", "about", "data", "overrides", "methods", "arms", "seeds", "steps", "evaluation", "export", "differs", "disk"),
    "slurm",
)


@dataclass(frozen=True)
class Data:
    """template: of all prompts. train, benchmarks: data sets that token-rl-data knows, or parquet files. sources: of those."""

    template: str
    train: str
    benchmarks: tuple[str, ...]
    sources: dict[str, str]


@dataclass(frozen=True)
class Arm:
    """What is compared. recipe: htpo, hapo or a package. overrides: of its training, the preset in front.

    published: numbers by benchmark, in percent, `average` among them. over: these are differences to that arm.
    """

    name: str
    recipe: str
    overrides: tuple[str, ...]
    published: dict[str, float]
    over: str | None


@dataclass(frozen=True)
class Evaluation:
    """package: whose `main` evaluates. overrides: of the evaluation, its protocol in front. shards: jobs that share one."""

    package: str
    overrides: tuple[str, ...]
    shards: int


@dataclass(frozen=True)
class Disk:
    """checkpoint_gb: of one checkpoint. kept: how many stay."""

    checkpoint_gb: float
    kept: int


@dataclass(frozen=True)
class Experiment:
    """The file's content. steps: of training; None: whoever runs it has to say. slurm: options of sbatch by kind of stage."""

    name: str
    about: str
    data: Data
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    steps: int | None
    evaluation: Evaluation
    export: bool
    differs: tuple[str, ...]
    disk: Disk | None
    slurm: dict[str, tuple[str, ...]]


def find_file(given: str) -> Path:
    """The file, or the paper's of that name. ValueError for neither."""
    for path in (Path(given), PAPERS / f"{given}.yaml"):
        if path.is_file():
            return path
    names = ", ".join(sorted(path.stem for path in PAPERS.glob("*.yaml")))
    raise ValueError(f"there is no experiment file {given}; the papers' are {names}")


def read_experiment(path: Path) -> Experiment:
    """Read and check. ValueError, one sentence, for what is missing, unknown or no such value."""
    try:
        content = read_plain(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"the experiment file {path} {error}") from None
    top = Node(content, str(path), _KEYS)
    evaluation = top.node("evaluation", ("protocol", "package", "overrides", "shards"))
    data = top.node("data", ("template", "train", "benchmarks", "sources"))
    benchmarks = data.texts("benchmarks")
    if not benchmarks:
        raise ValueError(f"data of {path} lacks benchmarks, a list of data sets or parquet files")
    sources = {name: str(value) for name, value in data.mapping("sources").items()}
    disk = top.node("disk", ("checkpoint_gb", "kept"))
    protocol = evaluation.optional("protocol")
    return Experiment(
        name=top.name("name", path.stem),
        about=top.text("about", ""),
        data=Data(data.text("template", "answer-line"), data.text("train"), benchmarks, sources),
        arms=_arms(top, path),
        seeds=top.numbers("seeds", [1]),
        steps=top.count("steps", None),
        evaluation=Evaluation(
            package=evaluation.text("package", "evaluate"),
            overrides=(*([f"+protocol={protocol}"] if protocol else []), *evaluation.texts("overrides")),
            shards=evaluation.count("shards", 1),
        ),
        export=top.flag("export"),
        differs=top.texts("differs"),
        disk=Disk(disk.number("checkpoint_gb"), disk.count("kept", 1)) if top.has("disk") else None,
        slurm={kind: top.node("slurm", ("train", "evaluate")).texts(kind) for kind in ("train", "evaluate")},
    )


def _arms(top: Node, path: Path) -> tuple[Arm, ...]:
    """Of each the overrides of all, of its method, and its own; its own preset, else the method's, in front."""
    methods = {
        recipe: Node(content, f"methods.{recipe} of {path}", ("preset", "overrides"))
        for recipe, content in top.mapping("methods").items()
    }
    arms, of_all = [], top.texts("overrides")
    for name, content in top.mapping("arms").items():
        where = f"arms.{name} of {path}"
        node = Node(content, where, ("method", "preset", "overrides", "published", "over"))
        recipe = node.text("method", next(iter(methods), None))
        if methods and recipe not in methods:
            raise ValueError(f"method of {where} is {recipe}; methods of {path} has {', '.join(methods)}")
        method = methods.get(recipe, Node({}, "methods", ()))
        preset = node.optional("preset") or method.optional("preset")
        first = (f"+experiment={preset}",) if preset else ()
        overrides = (*first, *of_all, *method.texts("overrides"), *node.texts("overrides"))
        arms.append(
            Arm(
                name=name,
                recipe=check_name(recipe, f"method of {where}"),
                overrides=overrides,
                published=node.measures("published"),
                over=node.optional("over"),
            )
        )
    if not arms:
        raise ValueError(f"{path} lacks arms, a mapping of what is compared")
    names = [arm.name for arm in arms]
    for arm in arms:
        if arm.over is not None and (arm.over not in names or arm.over == arm.name):
            raise ValueError(f"over of arms.{arm.name} of {path} is {arm.over}; it must be another arm")
    return tuple(arms)
