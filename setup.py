"""What pyproject.toml cannot say: the launchers travel in the wheel as data of `recipe.commands`.

`launch` is no name to take among a user's packages; `token-rl-launch` writes the files where they are to be used.
"""

import shutil
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# By kind, since beside the launchers lies what is a user's own and secret, as slurm/site.env.
KINDS = {".py", ".sh", ".sbatch", ".yaml", ".example", ".def", ".md"}
NAMES = {"Dockerfile"}
# About the checkout: its environment, its pins, its pictures.
LEFT_OUT = {"launch/setup_cpu.sh", "launch/lock.sh", "launch/audit.sh", "launch/demo/screenshot.py"}
BESIDE = ("requirements.txt", "requirements.lock", "requirements-cpu.txt", ".rayignore")


def launchers() -> list[str]:
    """The files, relative to this one."""
    found = [path for path in sorted(Path("launch").rglob("*")) if path.suffix in KINDS or path.name in NAMES]
    return [*(path.as_posix() for path in found if path.as_posix() not in LEFT_OUT), *BESIDE]


def built_from() -> str:
    """The commit, for the runs of the wheel to say; empty outside of a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    if not Path(".git").exists() or not shutil.which("git"):
        return ""
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


class BuildWithLaunchers(build_py):
    """The packages, and the launchers below recipe/commands/launchers; of an earlier build nothing is left."""

    def run(self):
        if not self.editable_mode:
            shutil.rmtree(self.build_lib, ignore_errors=True)  # a module that was removed would live on in the wheel
        super().run()
        if not self.editable_mode:
            for source, target in self._copies().items():
                self.mkpath(str(Path(target).parent))
                self.copy_file(source, target)
            if commit := built_from():
                Path(self.build_lib, "recipe/runs/commit.txt").write_text(commit)

    def get_source_files(self):
        return [*super().get_source_files(), *launchers()]

    def get_outputs(self, include_bytecode=True):
        return [*super().get_outputs(include_bytecode), *([] if self.editable_mode else self._copies().values())]

    def _copies(self) -> dict[str, str]:
        return {name: f"{self.build_lib}/recipe/commands/launchers/{name}" for name in launchers()}


setup(cmdclass={"build_py": BuildWithLaunchers})
