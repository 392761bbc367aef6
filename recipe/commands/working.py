"""Write a folder from which runs are launched: `token-rl-launch DIR`.

It gets the launchers (DIR/launch: submit.sh for Ray, slurm/train.sbatch, demo/), the lists of requirements and the project's
packages, which travel to the nodes with a job, so that these need only the packages of requirements.txt. To the launchers it is
what a checkout of the project is. It stays as it is when another version is installed. Then, in DIR: launch/submit.sh --help,
sbatch launch/slurm/train.sbatch, python launch/demo/run.py.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.metadata import Distribution, distribution
from pathlib import Path, PurePath

from recipe.commands.family import DISTRIBUTION
from recipe.files.whole import written_whole
from recipe.text.command_line import answered
from recipe.text.command_line import parser as parser_of

LAUNCHERS = Path(__file__).parent / "launchers"
PACKAGES = ("recipe", "verl_patches")
EXAMPLES = """
work
"""


def write_working_folder(folder: Path, installed: Distribution | None = None) -> Path:
    """Write launchers and packages to `folder`, which must not exist or be empty. ValueError, one sentence, if it cannot be."""
    if not LAUNCHERS.is_dir():
        raise ValueError(f"the launchers are in {Path(__file__).parents[2]}/launch: this is a checkout, launch from there")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(f"{folder} is there already; name another folder, or remove it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(folder.absolute()) as new:
        shutil.copytree(LAUNCHERS, new, ignore=shutil.ignore_patterns("__pycache__"))
        for file in packages(installed or distribution(DISTRIBUTION)):
            target = new / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file.locate(), target)
    return folder


def packages(installed: Distribution) -> list:
    """The files of the project's packages; `recipe` may hold folders of others beside them."""
    launchers = PurePath("recipe/commands/launchers")
    return [
        file
        for file in installed.files or ()
        if file.parts[0] in PACKAGES and "__pycache__" not in file.parts and not file.is_relative_to(launchers)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Status 2 and one sentence on stderr for wrong input."""
    parser = parser_of("recipe.commands.working", __doc__, EXAMPLES)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    given = parser.parse_args(arguments)
    return answered(
        lambda: f"{write_working_folder(given.folder)}: launch/ and what travels with a job; run its commands from there"
    )


if __name__ == "__main__":
    raise SystemExit(main())
