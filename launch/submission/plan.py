"""What is sent to the cluster: the job's command, its working directory and its runtime environment, all checked."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

import yaml

from launch.recipes import package_of
from launch.submission.secret_check import check_overrides, check_runtime_env
from launch.submission.working_dir import Package, measure

CHECKPOINTS = "trainer.default_local_dir"


@dataclass(frozen=True)
class Plan:
    """A job before it is submitted."""

    entrypoint: str
    package: Package
    runtime_env: dict
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The plan for a user to read."""
        return [
            f"entrypoint   {self.entrypoint}",
            f"working dir  {self.package}",
            f"runtime env  {json.dumps(self.runtime_env)}",
            *(f"note: {note}" for note in self.notes),
        ]


def make_plan(
    recipe: str, overrides: list[str], preflight: bool, runtime_env_file: Path, working_dir: Path, max_mib: float
) -> Plan:
    """Read and check everything that would be sent; contacts nothing."""
    check_overrides(overrides)
    runtime_env = _read_runtime_env(runtime_env_file)
    check_runtime_env(runtime_env, runtime_env_file)
    package = measure(working_dir, runtime_env.get("excludes") or [])
    method = package_of(recipe)
    folder = method.replace(".", "/")
    package.check(f"{folder}/main.py", max_mib)
    modules = ["preflight", "main"] if preflight and f"{folder}/preflight.py" in package else ["main"]
    command = " && ".join(shlex.join(["python", "-m", f"{method}.{module}", *overrides]) for module in modules)
    notes = () if _keeps_checkpoints(overrides) else (_LOST_CHECKPOINTS,)
    return Plan(command, package, runtime_env, notes)


def _read_runtime_env(file: Path) -> dict:
    try:
        runtime_env = yaml.safe_load(file.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"--runtime-env {file} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(runtime_env, dict):
        raise ValueError(f"--runtime-env {file} is not a mapping with keys such as env_vars and excludes")
    return runtime_env


_LOST_CHECKPOINTS = (
    f"checkpoints go to Ray's temporary copy of the working directory, which does not outlive the cluster; "
    f"{CHECKPOINTS}=/a/shared/folder keeps them, and lets a later job resume"
)


def _keeps_checkpoints(overrides: list[str]) -> bool:
    folders = [folder for key, _, folder in (item.partition("=") for item in overrides) if key.lstrip("+") == CHECKPOINTS]
    return bool(folders) and (folders[-1].strip("'\"").startswith(("/", "$")) or "://" in folders[-1])
