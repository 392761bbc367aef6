"""What is sent: the working directory, the command, the runtime environment."""

import shlex
import shutil
import zipfile

import pytest

from launch.submission.plan import make_plan
from launch.submission.working_dir import measure
from tests import ROOT
from tests.launch.submission.given import plan


def test_the_files_are_those_that_ray_packs(project):
    from ray._private.ray_constants import get_runtime_env_default_excludes
    from ray._private.runtime_env.packaging import create_package

    excludes = ["large/*.bin"]
    package = measure(project, excludes)
    archive = project.parent / f"{project.name}.zip"
    create_package(str(project), archive, include_gitignore=True, excludes=get_runtime_env_default_excludes() + excludes)
    with zipfile.ZipFile(archive) as packed:
        assert {str(path): size for path, size in package.files.items()} == {e.filename: e.file_size for e in packed.infolist()}
    assert "large/keep.txt" in package
    assert "deep/.gitignore" in package
    assert package.size < 100


def test_a_large_working_directory_is_refused_with_its_largest_files(project):
    with pytest.raises(ValueError, match=r"over the limit of 0\.004 MiB; its largest files are large/a\.bin .*, large/b\.bin "):
        plan(project, max_mib=0.004)


def test_another_folder_is_refused(project):
    with pytest.raises(ValueError, match=r"has no recipe/grpo/main\.py"):
        plan(project, recipe="grpo")
    with pytest.raises(ValueError, match="is not a folder"):
        plan(project / "missing")


def test_the_command_keeps_every_override_and_begins_with_the_preflight_that_exists(project):
    overrides = ["a=[1,{b: 'c d'}]", "e=$HOME", "f=two\nlines"]
    main = ["python", "-m", "recipe.hapo.main", *overrides]
    preflight = ["python", "-m", "recipe.hapo.preflight", *overrides]
    assert shlex.split(plan(project, *overrides, recipe="hapo").entrypoint) == [*preflight, "&&", *main]
    assert shlex.split(plan(project, *overrides, recipe="hapo", preflight=False).entrypoint) == main
    assert shlex.split(plan(project, *overrides).entrypoint)[2] == "recipe.htpo.main"


@pytest.mark.parametrize(
    ("folder", "lost"),
    [(None, True), ("checkpoints/x", True), ("/shared/x", False), ("${oc.env:RUN}/x", False), ("s3://b/x", False)],
)
def test_checkpoints_that_would_be_lost_are_noted(project, folder, lost):
    overrides = [] if folder is None else [f"trainer.default_local_dir={folder}"]
    assert bool(plan(project, *overrides).notes) == lost


def test_the_shipped_runtime_environment_is_valid_and_sends_this_repository():
    from ray.runtime_env import RuntimeEnv

    package = (made := plan(ROOT, max_mib=20)).package
    assert RuntimeEnv(**made.runtime_env)["env_vars"]["VERL_USE_EXTERNAL_MODULES"] == "recipe.htpo.plugin,recipe.hapo.plugin"
    for path in ("recipe/hapo/main.py", "recipe/runs/config/dapo_base.yaml", "launch/demo/reward.py"):
        assert path in package
    assert not [path for path in package.files if path.parts[0] in (".git", ".venv", "runs")]


@pytest.mark.parametrize("text", ["- a list", "a: [", None])
def test_a_bad_runtime_environment_file_is_one_sentence(project, text):
    file = project / "bad.yaml"
    if text:
        file.write_text(text)
    with pytest.raises(ValueError, match=r"--runtime-env .*bad\.yaml") as refusal:
        make_plan("htpo", [], True, file, project, 1)
    assert "\n" not in str(refusal.value)


def test_ray_job_submit_by_hand_leaves_files_for_secrets_out_too(tmp_path):
    """With the .rayignore of this repository, whatever the runtime environment excludes and .gitignore says."""
    from ray._private.runtime_env.packaging import create_package

    project = tmp_path / "project"
    for name in (".env", "deep/.netrc", "launch/slurm/site.env", "id_rsa", "main.py"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    shutil.copy(ROOT / ".rayignore", project)
    create_package(str(project), tmp_path / "p.zip", include_gitignore=False, excludes=[])
    with zipfile.ZipFile(tmp_path / "p.zip") as packed:
        assert {name for name in packed.namelist() if not name.endswith("/")} == {".rayignore", "main.py"}
