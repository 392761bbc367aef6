"""The parts of launch/submit.py that need no cluster: what is refused before anything is sent, and how following ends."""

import os
import shlex
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from launch import submit
from launch.submission import ClusterError, follow, watch
from launch.submission.plan import make_plan
from launch.submission.reaching import find_address, use_token
from launch.submission.secret_check import check_overrides, check_runtime_env, find_secret
from launch.submission.working_dir import measure

ROOT = Path(__file__).parents[1]
RUNTIME_ENV = ROOT / "launch/runtime_env.yaml"


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """No cluster and no token of the machine that runs the tests; undone afterwards."""
    monkeypatch.setattr(
        os, "environ", {k: v for k, v in os.environ.items() if not k.startswith("RAY_")} | {"HOME": str(tmp_path)}
    )
    return os.environ


@pytest.fixture
def project(tmp_path):
    """A small working directory."""
    for name, size in {
        "recipe/htpo/main.py": 10,
        "recipe/hapo/main.py": 10,
        "recipe/hapo/preflight.py": 10,
        "runs/checkpoint.bin": 5000,
        "large/a.bin": 3000,
        "large/b.bin": 2000,
        "large/keep.txt": 1,
        ".git/objects/pack": 9000,
        "deep/.env": 9000,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / ".gitignore").write_text("/runs/\n")
    (tmp_path / "deep/.gitignore").write_text(".env\n")
    return tmp_path


def plan(project, *overrides, recipe="htpo", preflight=True, max_mib=1):
    return make_plan(recipe, list(overrides), preflight, RUNTIME_ENV, project, max_mib)


# Where the cluster is, and its token


@pytest.mark.parametrize(
    ("option", "variables", "found"),
    [
        ("http://head:8265/", {"RAY_API_SERVER_ADDRESS": "http://other:1"}, "http://head:8265"),
        (None, {"RAY_API_SERVER_ADDRESS": "https://jobs", "RAY_ADDRESS": "http://other:1"}, "https://jobs"),
        (None, {"RAY_ADDRESS": "http://head:8265"}, "http://head:8265"),
    ],
)
def test_the_address_is_the_options_or_the_environments(environment, option, variables, found):
    environment.update(variables)
    assert find_address(option) == found


@pytest.mark.parametrize(
    ("option", "variables", "words"),
    [
        ("head:8265", {}, "--address head:8265 is not a URL"),
        ("ray://head:10001", {}, "is not a URL"),
        (None, {"RAY_ADDRESS": "10.0.0.1:6379"}, "a GCS address cannot take jobs"),
        (None, {}, "pass --address URL or set RAY_API_SERVER_ADDRESS"),
    ],
)
def test_an_address_that_takes_no_jobs_is_refused(environment, option, variables, words):
    environment.update(variables)
    with pytest.raises(ValueError, match=words):
        find_address(option)


def test_the_token_is_found_where_ray_looks_for_it(environment, tmp_path):
    assert use_token() is None
    assert "RAY_AUTH_MODE" not in environment
    default = tmp_path / ".ray/auth_token"
    default.parent.mkdir()
    default.write_text("a\n")
    environment["RAY_AUTH_MODE"] = "disabled"
    assert use_token() is None
    del environment["RAY_AUTH_MODE"]
    assert use_token() == str(default)
    assert environment["RAY_AUTH_MODE"] == "token"
    (tmp_path / "named").write_text("b")
    environment["RAY_AUTH_TOKEN_PATH"] = str(tmp_path / "named")
    assert use_token() == str(tmp_path / "named")
    environment["RAY_AUTH_TOKEN"] = "c"
    assert use_token() == "RAY_AUTH_TOKEN"


@pytest.mark.parametrize("variables", [{"RAY_AUTH_MODE": "token"}, {"RAY_AUTH_TOKEN_PATH": "/does/not/exist"}])
def test_a_missing_token_is_named(environment, variables):
    environment.update(variables)
    with pytest.raises(ValueError, match="RAY_AUTH_TOKEN_PATH"):
        use_token()


# Secrets


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("+ray_kwargs.ray_init.runtime_env.env_vars.WANDB_API_KEY=0123", "WANDB_API_KEY"),
        ("+ray_kwargs.ray_init.runtime_env.env_vars={HF_TOKEN:abc,A:b}", "HF_TOKEN"),
        ("+env_vars.HF_TOKEN=${oc.env:HF_TOKEN}", "HF_TOKEN"),
        ("++trainer.wandb_key='0123'", "wandb_key"),
        ("+wandb.key=0123", "wandb.key"),
        ("+hf.token=abc", "hf.token"),
        ("+db.password=abc", "password"),
        ("data.train_files=https://x.org/d?token=abc", "token"),
        ("data.train_files=s3://id:abc@bucket/x", "a password in a URL"),
        (f"actor_rollout_ref.model.path={'hf_' + 'a1' * 17}", "a Hugging Face token"),
        (f"trainer.logger=[{'ghp_' + 'a1' * 18}]", "a GitHub or GitLab token"),
        (f"x={'sk-' + 'a1' * 20}", "an API key"),
    ],
)
def test_an_override_with_a_secret_is_refused_and_not_repeated(override, named):
    with pytest.raises(ValueError, match="carries a secret") as refusal:
        check_overrides(["a=1", override])
    assert named in str(refusal.value)
    assert not [value for value in ("0123", "abc", "a1a1") if value in str(refusal.value)]


@pytest.mark.parametrize(
    "override",
    [
        "algorithm.rollout_correction.rollout_is=token",
        "actor_rollout_ref.actor.loss_agg_mode=token-mean",
        "+actor_rollout_ref.model.override_config={pad_token:x,eos_token_id:3}",
        "+x.HF_TOKEN=null",
        "+x.token=False",
        "data.train_files=http://host:8000/train.parquet",
        "data.val_files=/data/sk-learn-some-longer-name-of-a-file.parquet",
        "+env.GOOGLE_APPLICATION_CREDENTIALS=/secrets/key.json",
    ],
)
def test_what_only_reads_like_a_secret_passes(override):
    check_overrides([override])


@pytest.mark.parametrize("recipe", ["htpo", "hapo"])
def test_every_key_of_the_configs_can_be_overridden(compose, recipe):
    given = ("actor_rollout_ref.model.path=m", "data.train_files=t", "data.val_files=v")

    def keys(node, path=""):
        for key, value in node.items():
            yield f"{path}{key}"
            if isinstance(value, dict):
                yield from keys(value, f"{path}{key}.")

    config = OmegaConf.to_container(compose(*given, recipe=recipe), resolve=False)
    assert [key for key in keys(config) if find_secret(f"{key}=value")] == []


@pytest.mark.parametrize(
    "runtime_env",
    [
        {"env_vars": {"WANDB_API_KEY": "0123"}},
        {"env_vars": {"RAY_AUTH_TOKEN": "0123"}},
        {"env_vars": {"OPENAI_KEY": "0123"}},
        {"pip": ["--extra-index-url https://me:0123@index/simple"]},
        {"container": {"run_options": ["-e", "HF_TOKEN=0123"]}},
    ],
)
def test_a_runtime_environment_with_a_secret_is_refused_and_not_repeated(runtime_env):
    with pytest.raises(ValueError, match=r"in env\.yaml carries a secret") as refusal:
        check_runtime_env(runtime_env, "env.yaml")
    assert "0123" not in str(refusal.value)


# The working directory and the plan


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
    for path in ("recipe/hapo/main.py", "recipe/token_level/config/dapo_base.yaml", "launch/demo/reward.py"):
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


# The command line


@pytest.fixture
def server():
    """A server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        yield listener


def command(project, *arguments, **variables):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")} | {
        "HOME": str(project),
        "PYTHON": sys.executable,
    }
    options = [ROOT / "launch/submit.sh", "--working-dir", project, *arguments]
    return subprocess.run(options, env=environment | variables, capture_output=True, text=True, timeout=60)


def test_a_dry_run_shows_everything_and_contacts_nothing(project, server):
    address = f"http://127.0.0.1:{server.getsockname()[1]}"
    done = command(project, "--address", address, "--dry-run", "--recipe", "hapo", "--", "a=b c", RAY_AUTH_TOKEN="0123secret")
    assert done.returncode == 0, done.stderr
    for shown in (address, "recipe.hapo.preflight 'a=b c' &&", "files, 0.0 MiB", "VERL_USE_EXTERNAL_MODULES", "RAY_AUTH_TOKEN"):
        assert shown in done.stdout
    assert "0123secret" not in done.stdout + done.stderr
    with pytest.raises(TimeoutError):
        server.accept()


def test_an_unreachable_cluster_is_one_sentence_within_seconds(project):
    start = time.monotonic()
    done = command(project, "--address", "http://127.0.0.1:1", "--", "a=b")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: nothing answers at http://127.0.0.1:1 (")
    assert "Traceback" not in done.stderr
    assert time.monotonic() - start < 20


def test_a_server_that_does_not_answer_is_given_up(environment, server, monkeypatch):
    from launch.submission import client

    monkeypatch.setattr(client, "GET_S", 0.2)
    with pytest.raises(ClusterError, match="nothing answers"):
        client.Client(f"http://127.0.0.1:{server.getsockname()[1]}")


def test_a_wrong_command_line_has_status_2(project):
    for arguments in (["--address", "head"], ["--address", "http://h", "--submission-id", "a/b"], ["a=b"]):
        assert command(project, *arguments).returncode == 2


def test_without_ray_the_script_says_what_to_install(tmp_path):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    done = command(tmp_path, PYTHON=str(python))
    assert done.returncode == 2
    assert done.stderr.startswith("error: no Python 3.11 or newer with Ray's job client")
    assert "'ray[default]==2." in done.stderr


def test_ctrl_c_asks_only_on_a_terminal(monkeypatch):
    assert submit.parse([]).on_interrupt == "leave"
    for stream in ("stdin", "stderr"):
        monkeypatch.setattr(sys, stream, SimpleNamespace(isatty=lambda: True))
    assert submit.parse([]).on_interrupt == "ask"
    assert submit.parse(["--on-interrupt", "stop", "--", "a=1", "--", "b"]).overrides == ["a=1", "--", "b"]


# Following


class FakeClient:
    """Answers with one status after the other, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def get_address(self):
        return "http://head"

    def stop_job(self, _):
        self.stopped = True

    def get_job_info(self, _):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(status=Status(answer), driver_exit_code=None, message="why\nnot")


class Status(str):
    def is_terminal(self):
        return self in ("FAILED", "STOPPED", "SUCCEEDED")


@pytest.fixture
def streams(monkeypatch):
    """Log streams to come: each a list of texts, and of exceptions that break it."""
    coming = []

    def log_stream(*_):
        for item in coming.pop(0):
            if isinstance(item, BaseException):
                raise item
            yield item

    monkeypatch.setattr(follow, "log_stream", log_stream)
    monkeypatch.setattr(follow.time, "sleep", lambda _: None)
    return coming


def test_what_was_copied_is_not_copied_again(streams, capsys):
    streams += [["one\ntw", OSError("cut")], ["one\n", "two\nth", ConnectionError()], ["one\ntwo\nthree\n"]]
    details = follow.Follower(FakeClient("RUNNING", "RUNNING", "SUCCEEDED"), "job").run()
    assert details.status == "SUCCEEDED"
    out, err = capsys.readouterr()
    assert out == "one\ntwo\nthree\n"
    assert "lost the connection to the job's log (cut); trying again" in err


def test_a_job_that_ended_behind_a_silent_connection_is_noticed_and_its_log_completed(streams, capsys):
    streams += [["one\n", "", "", "never"], ["one\ntwo\n"]]
    follow.Follower(FakeClient("RUNNING", "FAILED"), "job").run()
    assert capsys.readouterr().out == "one\ntwo\n"


def test_a_lost_cluster_is_given_up_and_an_unknown_job_at_once(streams, monkeypatch, capsys):
    streams += [[ClusterError("nothing answers")]] * 2
    with pytest.raises(ClusterError, match="no job"):
        watch.watch(FakeClient(ClusterError("no job", status=404)), "job", "leave")
    monkeypatch.setattr(follow, "GIVE_UP_S", -1)
    assert watch.watch(FakeClient(ClusterError("nothing answers")), "job", "leave") == watch.LOST
    assert "job goes on" in capsys.readouterr().err


def test_a_job_that_never_started_has_a_reason(streams, capsys):
    streams += [[]]
    assert watch.watch(FakeClient("FAILED"), "job", "leave") == watch.FAILED
    assert "job FAILED: why not" in capsys.readouterr().err


def test_no_second_ctrl_c_leaves_the_job(streams, monkeypatch, capsys):
    monkeypatch.setattr(watch, "SECOND_CTRL_C_S", 0)
    streams += [[KeyboardInterrupt()]]
    client = FakeClient("RUNNING")
    assert watch.watch(client, "job", "ask") == watch.CTRL_C
    assert not hasattr(client, "stopped")
    assert "job goes on" in capsys.readouterr().err


def test_a_ctrl_c_while_the_job_is_being_stopped_ends_the_following(streams, capsys):
    streams += [[KeyboardInterrupt()], [KeyboardInterrupt()]]
    client = FakeClient("RUNNING")
    assert watch.watch(client, "job", "stop") == watch.CTRL_C
    assert client.stopped
    assert capsys.readouterr().err.endswith("job is being stopped\n")
