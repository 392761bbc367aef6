"""The commands. Their entry points are `[project.scripts]` in pyproject.toml, which a test compares with this list."""

from __future__ import annotations

from dataclasses import dataclass

DISTRIBUTION = "verl-htpo"


@dataclass(frozen=True)
class Command:
    """A command: the module whose `main` it calls, what that does, and the extra that brings what it imports, if any."""

    name: str
    module: str
    says: str
    extra: str = ""


FAMILY = (
    Command("htpo-train", "recipe.htpo.main", "train with HTPO", "train"),
    Command("hapo-train", "recipe.hapo.main", "train with HAPO", "train"),
    Command("token-rl-preflight", "recipe.htpo.preflight", "look at a run before it starts", "train"),
    Command("token-rl-data", "recipe.rlvr_math.data.prepare", "from a published data set to files for training", "data"),
    Command("token-rl-overlap", "recipe.rlvr_math.data.overlap", "problems that training and test sets share"),
    Command("token-rl-judge", "recipe.rlvr_math.reward.judge", "explain the reward's verdict on a response", "data"),
    Command("token-rl-evaluate", "recipe.rlvr_math.evaluation.evaluate", "score a model or a checkpoint", "train"),
    Command("token-rl-report", "recipe.rlvr_math.report.__main__", "from evaluations to tables, intervals, pass@k"),
    Command("token-rl-experiment", "recipe.experiment.__main__", "from one file to a table, here, on Ray or on Slurm"),
    Command("token-rl-export", "recipe.rlvr_math.export.__main__", "a checkpoint as a folder for the hub", "train"),
    Command("token-rl-insight", "recipe.insight.__main__", "one HTML page that shows runs"),
    Command("token-rl-health", "recipe.runs.health.__main__", "known signs of sickness in a run's metrics"),
    Command("token-rl-lab", "recipe.lab.__main__", "the algorithms on a laptop, in one process", "lab"),
    Command("token-rl-launch", "recipe.commands.working", "write the launchers for Ray and Slurm into a folder"),
)


def named(name: str) -> Command:
    """The command of that name."""
    return next(command for command in FAMILY if command.name == name)
