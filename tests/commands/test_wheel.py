"""What is in the wheel, and what is not."""

import shutil
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import PurePath

import pytest

from tests import ROOT
from tests.commands.conftest import SECRET
from tests.commands.installing import FOLDERS, build_wheel, copy_project

LAUNCHERS = "recipe/commands/launchers/"
OF_THE_CHECKOUT = {"launch/setup_cpu.sh", "launch/lock.sh", "launch/audit.sh", "launch/demo/screenshot.py"}


def tracked(*places):
    """Files of the checkout, also new ones that are not committed; without git, all files."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *places]
    if shutil.which("git") and (done := subprocess.run(command, cwd=ROOT, capture_output=True, text=True)).returncode == 0:
        return {name for name in done.stdout.splitlines() if (ROOT / name).exists()}
    files = (path for place in places for path in (ROOT / place).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def names(wheel):
    return {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}


def test_every_file_of_the_packages_is_in_it(names):
    assert tracked("recipe", "verl_patches") <= names


def test_every_launcher_is_in_it(names):
    wanted = tracked("launch") - OF_THE_CHECKOUT | {
        "requirements.txt",
        "requirements.lock",
        "requirements-cpu.txt",
        ".rayignore",
    }
    assert {name.removeprefix(LAUNCHERS) for name in names if name.startswith(LAUNCHERS)} == wanted


def test_it_takes_no_common_name(names):
    tops = {PurePath(name).parts[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"recipe", "verl_patches"}
    assert "recipe/__init__.py" not in names


def test_nothing_of_an_earlier_build_and_no_secret_is_in_it(shared, wheel, names):
    assert (shared / "project/launch/slurm/site.env").read_text() == SECRET
    assert not any(name.endswith(("removed.py", "site.env", ".pyc")) for name in names)
    assert not any(SECRET.encode() in zipfile.ZipFile(wheel).read(name) for name in names)


def test_scripts_stay_executable(wheel):
    modes = {entry.filename: entry.external_attr >> 16 for entry in zipfile.ZipFile(wheel).infolist()}
    assert modes[LAUNCHERS + "launch/submit.sh"] & 0o111


def test_what_the_wheel_says_of_itself(wheel, names):
    (metadata,) = (name for name in names if name.endswith("/METADATA"))
    said = message_from_string(zipfile.ZipFile(wheel).read(metadata).decode())
    assert said["Name"] == "verl-htpo"
    assert said.get_all("Provides-Extra") == ["data", "lab", "train"]
    base = {requirement for requirement in said.get_all("Requires-Dist") if "extra ==" not in requirement}
    assert not any(name in requirement for requirement in base for name in ("torch", "verl", "ray", "vllm", "transformers"))


def test_a_source_distribution_gives_the_same_wheel(names, tmp_path):
    project = copy_project(tmp_path / "project")
    build = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=project, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(archive, tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()
    again = build_wheel(source, tmp_path / "dist")
    assert {name for name in zipfile.ZipFile(again).namelist() if not name.endswith("/")} == names
    assert all((source / folder).is_dir() for folder in FOLDERS)


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_a_wheel_of_a_checkout_says_which_commit_it_is(tmp_path):
    project = copy_project(tmp_path / "project")
    who = ["-c", "user.name=n", "-c", "user.email=e"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "a"]):
        subprocess.run(["git", *command], cwd=project, check=True)
    wheel = build_wheel(project, tmp_path / "dist")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True).stdout.strip()
    assert zipfile.ZipFile(wheel).read("recipe/runs/commit.txt").decode() == commit
