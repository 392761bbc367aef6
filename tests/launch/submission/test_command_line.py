"""launch/submit.sh as a user starts it, without a cluster."""

import os
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from launch import submit
from launch.submission import ClusterError
from tests import ROOT


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
    (project / "my-credentials.txt").write_text("")
    done = command(project, "--address", address, "--dry-run", "--recipe", "hapo", "--", "a=b c", RAY_AUTH_TOKEN="0123secret")
    assert done.returncode == 0, done.stderr
    for shown in (address, "recipe.hapo.preflight 'a=b c' &&", "files, 0.0 MiB", "VERL_USE_EXTERNAL_MODULES", "RAY_AUTH_TOKEN"):
        assert shown in done.stdout
    assert "my-credentials.txt looks like a secret (by its name), and would be sent" in done.stdout
    assert "0123secret" not in done.stdout + done.stderr
    with pytest.raises(TimeoutError):
        server.accept()


@pytest.mark.parametrize("option", [("--no-wait",), ("--follow", "job")])
def test_retries_need_someone_who_waits(project, option):
    done = command(project, "--retries", "2", *option, "--", "a=b")
    assert done.returncode == 2
    assert "--retries needs someone who waits" in done.stderr


def test_fewer_retries_than_none_are_refused(project):
    done = command(project, "--retries=-1", "--", "a=b")
    assert done.returncode == 2
    assert "--retries is -1; give 0 or more" in done.stderr


def test_a_lost_contact_has_no_status_of_the_drivers():
    from launch.submission import watch
    from recipe.runs import stopping

    assert watch.LOST not in (stopping.TRY_AGAIN, stopping.RUN_AGAIN)


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
