"""The recipes of the images, as far as they can be looked at without building one; hadolint: `make test-elsewhere`."""

import fnmatch
import re
import subprocess
import tomllib

import pytest
import yaml

from tests import ROOT
from tests.commands.installing import FILES, FOLDERS

IMAGES = ROOT / "launch/images"
DOCKERFILES = sorted(IMAGES.glob("*/Dockerfile"))
DEFINITION = (IMAGES / "gpu/token-rl.def").read_text()


def instructions(file):
    text = re.sub(r"^ *#.*\n", "", file.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def pinned(file, package):
    return re.search(rf"^{package}==(\S+)$", (ROOT / file).read_text(), re.MULTILINE)[1]


def sent(name):
    """Whether Docker would copy it: the last pattern of .dockerignore that fits wins."""
    result = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.lstrip("!")
        if line.startswith("#") or not line:
            continue
        parts = name.split("/")
        below = ["/".join(parts[: i + 1]) for i in range(len(parts))]
        if pattern.startswith("**/"):
            fits = any(fnmatch.fnmatch(part, pattern[3:]) for part in parts)
        else:
            fits = any(fnmatch.fnmatch(path, pattern) for path in below)
        if fits:
            result = line.startswith("!")
    return result


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_it_ends_as_a_user_who_is_not_root_and_has_no_secret(file):
    found = instructions(file)
    assert [rest for word, rest in found if word == "USER"][-1] == "1000:1000"
    assert [word for word, _ in found].index("USER") > max(i for i, (word, _) in enumerate(found) if word == "RUN")
    assert not re.search(r"token=|password|secret|api_key", file.read_text(), re.IGNORECASE)


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda file: file.parent.name)
def test_the_checkout_is_copied_into_a_stage_of_its_own_only(file):
    """What was copied stays in a layer, also when it is removed later."""
    stage, copied = None, {}
    for word, rest in instructions(file):
        if word == "FROM":
            stage = rest.rpartition(" AS ")[2] if " AS " in rest else "image"
        if word == "COPY":
            copied.setdefault(stage, []).extend(rest.split()[:-1])
    assert copied["project"] == ["."]
    assert all((ROOT / name).is_file() and sent(name) for name in copied["image"])
    assert "." not in copied["image"]


def test_what_the_wheel_is_made_of_is_copied_and_what_is_a_users_own_is_not():
    for name in (*FOLDERS, *FILES, "requirements.lock", "requirements-cpu.txt"):
        assert sent(name), name
    for name in ("recipe/runs/launch.py", "launch/slurm/train.sbatch", ".rayignore", "launch/images/gpu/Dockerfile"):
        assert sent(name), name
    for name in (
        ".git/config",
        ".env",
        "launch/slurm/site.env",
        "runs/1/x.pt",
        ".venv/bin/python",
        "recipe/.env.local",
        "tests/x",
    ):
        assert not sent(name), name


def test_the_base_is_of_torchs_cuda_and_the_requirements_python():
    runtime = pinned("requirements.lock", "nvidia-cuda-runtime").split(".")[:2]
    for text in ((IMAGES / "gpu/Dockerfile").read_text(), DEFINITION):
        assert set(re.findall(r"nvidia/cuda:(\d+\.\d+)\.\d+-devel-ubuntu24\.04", text)) == {".".join(runtime)}
        assert "python3.12-venv" in text
        assert f"torch {pinned('requirements.lock', 'torch')}" in text or text is DEFINITION
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"] == ">=3.11,<3.13"


@pytest.mark.parametrize("package", ["flash-attn", "torch", "setuptools"])
def test_the_lock_has_what_the_steps_look_up(package):
    assert pinned("requirements.lock", package)
    assert package != "setuptools" or pinned("requirements-cpu.txt", package)


def test_each_step_of_a_shell_is_one():
    """A slip of quotes is found here and not after an hour of compiling."""
    scripts = [rest for file in DOCKERFILES for word, rest in instructions(file) if word == "RUN"]
    scripts = [re.sub(r"--mount=\S+ ", "", script) for script in scripts]
    scripts += re.findall(r"%post\n(.*?)(?=\n\S|\Z)", DEFINITION, re.DOTALL)
    assert len(scripts) > 8
    for script in scripts:
        done = subprocess.run(["bash", "-nc", re.sub(r"\{\{ (\w+) \}\}", r"\1", script)], capture_output=True, text=True)
        assert done.returncode == 0, (script, done.stderr)


def test_skypilots_run_is_bash_and_its_overrides_exist(compose):
    content = yaml.safe_load((ROOT / "launch/skypilot/train.yaml").read_text())
    assert subprocess.run(["bash", "-n"], input=content["run"], text=True).returncode == 0
    assert content["secrets"] == {"WANDB_API_KEY": ""}
    line = re.search(r"set -- (.*?)\n *token-rl", content["run"].replace("\\\n", " "), re.DOTALL)[1]
    overrides = [word for word in re.sub(r"\$\w+", "/x", line).split() if not word.startswith("hydra.")]
    config = compose(*overrides)
    assert (config.trainer.nnodes, config.trainer.n_gpus_per_node) == (1, 8)  # as the machine that it asks for
    assert content["resources"]["accelerators"] == "H100:8"
