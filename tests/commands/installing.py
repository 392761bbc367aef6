"""The project's wheel, and environments over this one's packages that have it as a machine without a checkout has it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import distribution
from pathlib import Path

from tests import ROOT

PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
OFFLINE = ("--no-deps", "--no-index")
FOLDERS = ("recipe", "verl_patches", "launch")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", ".rayignore")
REQUIREMENTS = tuple(path.name for path in ROOT.glob("requirements*"))


def copy_project(folder: Path) -> Path:
    """What a build reads, where it may leave its files."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in (*FILES, *REQUIREMENTS):
        shutil.copy(ROOT / name, folder)
    return folder


def build_wheel(project: Path, out: Path) -> Path:
    """`pip wheel .`, offline."""
    subprocess.run([*PIP, "wheel", ".", *OFFLINE, "--no-build-isolation", "--wheel-dir", out], cwd=project, check=True)
    (wheel,) = out.glob("*.whl")
    return wheel


def make_environment(folder: Path, *wheels: Path, only: set[str] | None = None) -> Path:
    """A virtual environment with these wheels over this one's packages, without the editable installation; its `bin`.

    only: the distributions that are there, instead of all.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    pip(folder, "install", *OFFLINE, *wheels)  # before this one's packages are seen, which have the project
    place = Path(sysconfig.get_path("purelib"))
    if only is not None:
        place = _links(folder / "packages", only)
    site = folder / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    (site / "over.pth").write_text(f"{place}\n")  # of that folder, no `.pth` is read
    return folder / "bin"


def _links(folder: Path, distributions: set[str]) -> Path:
    """A folder with links to what these distributions have installed here."""
    folder.mkdir()
    for name in distributions:
        for file in distribution(name).files:
            link = folder / file.parts[0]
            if file.parts[0] not in ("..", "__pycache__") and not link.exists():
                link.symlink_to(distribution(name).locate_file(file.parts[0]))
    return folder


def pip(environment: Path, *arguments) -> None:
    """This environment's pip, for another one."""
    subprocess.run([*PIP, "--python", environment / "bin/python", *arguments], check=True)


def run(command, cwd: Path, status: int = 0, timeout: float = 300, **variables: str) -> subprocess.CompletedProcess:
    """Run somewhere else, without what this session's tests have in their environment."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("VERL_", "PYTHONPATH", "RAY_"))}
    done = subprocess.run(command, cwd=cwd, env=inherited | variables, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == status, done.stdout[-2000:] + done.stderr[-4000:]
    return done
