"""What is sent to the cluster: the job's command, its working directory and its runtime environment, all checked."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from launch.recipes import folder_key, package_of
from launch.submission.given_file import read_mapping
from launch.submission.secret_check import check_runtime_env
from launch.submission.secret_files import never_sent
from launch.submission.working_dir import Package, measure, measure_file
from recipe.runs.secret_checks import check_overrides
from recipe.text.visible import one_line, visible


@dataclass(frozen=True)
class Plan:
    """A job before it is submitted."""

    entrypoint: str
    package: Package
    runtime_env: dict
    modules: tuple[Package, ...]
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The plan for a user to read."""
        shown = self.runtime_env | {"excludes": self.runtime_env["excludes"][: -len(never_sent())]}
        return [
            f"entrypoint   {visible(self.entrypoint)}",
            f"working dir  {self.package}",
            *(f"py_modules   {module}" for module in self.modules),
            f"runtime env  {json.dumps(shown, default=str)}",
            f"left out     {len(never_sent())} patterns of .rayignore: .env, .netrc, id_rsa* and the like",
            *(
                f"suspicious: {one_line(package.root / file)} looks like a secret ({why}), and would be sent"
                for package in (self.package, *self.modules)
                for file, why in package.suspicious.items()
            ),
            *(f"note: {note}" for note in self.notes),
        ]


def make_plan(
    recipe: str,
    overrides: list[str],
    preflight: bool,
    runtime_env_file: Path,
    working_dir: Path,
    max_mib: float,
    preflight_overrides: Sequence[str] = (),
) -> Plan:
    """Read and check everything that would be sent; contacts nothing. preflight_overrides: for that step alone."""
    check_overrides(overrides)
    runtime_env = read_mapping("--runtime-env", runtime_env_file, "a mapping with keys such as env_vars and excludes")
    check_runtime_env(runtime_env, runtime_env_file)
    runtime_env["excludes"] = [*_listed(runtime_env, "excludes"), *never_sent()]  # the last pattern that fits wins
    package = measure(working_dir, runtime_env["excludes"])
    modules = tuple(
        measure(path, runtime_env["excludes"], defaults=False) if path.is_dir() else measure_file(path)
        for path in map(Path, _listed(runtime_env, "py_modules"))
        if path.exists()
    )
    method = package_of(recipe)
    folder = method.replace(".", "/")
    package.check(f"{folder}/main.py", max_mib)
    steps = ["preflight", "main"] if preflight and f"{folder}/preflight.py" in package else ["main"]
    more = {"preflight": preflight_overrides}
    command = " && ".join(shlex.join(["python", "-m", f"{method}.{step}", *overrides, *more.get(step, ())]) for step in steps)
    key = folder_key(recipe)
    notes = () if _outlives_the_cluster(key, overrides) else (_LOST.format(key=key),)
    return Plan(command, package, runtime_env, modules, notes)


def _listed(runtime_env: dict, key: str) -> list[str]:
    entries = runtime_env.get(key) or []
    if not isinstance(entries, list) or not all(isinstance(entry, str) for entry in entries):
        raise ValueError(f"{key} of the runtime environment is {entries!r}; it must be a list of texts")
    return entries


_LOST = (
    "results go to Ray's temporary copy of the working directory, which does not outlive the cluster; "
    "{key}=/a/shared/folder keeps them, and lets a later job resume"
)


def _outlives_the_cluster(wanted: str, overrides: list[str]) -> bool:
    folders = [folder for key, _, folder in (item.partition("=") for item in overrides) if key.lstrip("+") == wanted]
    return bool(folders) and (folders[-1].strip("'\"").startswith(("/", "$")) or "://" in folders[-1])
