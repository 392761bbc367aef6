"""launch/submit.sh against a real Ray head with token authentication; a stand-in for the recipe makes the jobs short."""

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import pytest

from tests import ROOT
from tests.ray_cluster import Head, Relay, plain_environment

pytestmark = pytest.mark.slow
NASTY = ["a=$HOME `id` $(id)", "b='single' \"double\" \\", "c=[1,{d: 'x y'}]", "e=*;&&|>é", "f=two\nlines", "+g=!x", "~h"]

MAIN = """
import json, os, signal, sys, time
own = dict(item.split("=", 1) for item in sys.argv[1:] if "=" in item)
found = sorted(f"{folder}/{name}" for folder, _, names in os.walk(".") for name in names if "pycache" not in folder)
print("GOT", json.dumps([sys.argv[1:], os.environ["VERL_USE_EXTERNAL_MODULES"], found]))
for tick in range(int(own.get("ticks", 0))):
    print(f"tick {tick}")
    time.sleep(0.5)
if "kill" in own:
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(int(own.get("code", 0)))
"""
RUNTIME_ENV = """
excludes: ["data/", "*.bin"]
env_vars: {VERL_USE_EXTERNAL_MODULES: recipe.htpo.plugin}
"""


@pytest.fixture(scope="module")
def head():
    head = Head()
    yield head
    head.stop()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A working directory with a driver, and files that must not travel."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in {
        "recipe/htpo/__init__.py": "",  # a package, else an editable installation's own one goes before it
        "recipe/htpo/main.py": MAIN,
        "recipe/checked/main.py": MAIN,
        "recipe/checked/preflight.py": "import sys; print('PREFLIGHT', sys.argv[1:]); sys.exit('stop' in sys.argv and 4)",
        "data/train.parquet": "excluded",
        "weights.bin": "excluded",
        "ignored.txt": "ignored by git",
        ".gitignore": "ignored.txt\n",
        **dict.fromkeys((".env", ".netrc", "deep/id_rsa", "deep/site.env"), "secret"),
        "runtime_env.yaml": RUNTIME_ENV,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


class Submit:
    """A running launch/submit.sh."""

    def __init__(self, head, project, folder, *arguments, address=None, stdout=None, **variables):
        environment = plain_environment(folder) | {"PYTHON": sys.executable, "RAY_AUTH_TOKEN": head.token}
        environment |= {"RAY_ADDRESS": "127.0.0.1:1"}  # --address must win over it
        # Neither may get between: a proxy that answers nothing, and a password for all machines.
        environment |= dict.fromkeys(("http_proxy", "all_proxy"), "http://127.0.0.1:9")
        (folder / ".netrc").write_text("default login me password of-another-service\n")
        options = [
            "--address",
            address or head.address,
            "--working-dir",
            project,
            "--runtime-env",
            project / "runtime_env.yaml",
        ]
        self._out, self._err = (Path(tempfile.mkstemp(dir=folder)[1]) for _ in range(2))
        with self._out.open("w") as out, self._err.open("w") as err:
            self.process = subprocess.Popen(
                [ROOT / "launch/submit.sh", *options, *arguments],
                env={name: value for name, value in (environment | variables).items() if value is not None},
                stdout=stdout or out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                # Tests that are run in the background of a shell inherit an ignored SIGINT.
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            )

    def until(self, text):
        """Wait until `text` is in what it has written."""
        deadline = time.monotonic() + 60
        while text not in (written := self._out.read_text() + self._err.read_text()):
            assert self.process.poll() is None, written
            assert time.monotonic() < deadline, written
            time.sleep(0.05)
        return self

    def interrupt(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self

    def end(self):
        """Exit status, stdout and stderr."""
        try:
            status = self.process.wait(timeout=60)
        finally:
            self.process.kill()
        out, err = self._out.read_text(), self._err.read_text()
        assert "Traceback" not in err, err
        return status, out, err


@pytest.fixture
def submit(head, project, tmp_path):
    return partial(Submit, head, project, tmp_path)


@pytest.fixture
def jobs(head):
    """The head's job server, asked by plain HTTP."""
    import requests

    def details(job_id):
        answer = requests.get(
            f"{head.address}/api/jobs/{job_id}", headers={"Authorization": f"Bearer {head.token}"}, timeout=20
        )
        return answer.json()

    return details


def command_lines():
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes())
        except OSError:
            continue
    return b"\n".join(lines)


def test_a_job_gets_the_overrides_and_its_exit_status_comes_back_and_no_token_is_seen(submit, jobs, head):
    run = submit("--submission-id", "first", "--", *NASTY, "code=3", "ticks=2").until("tick 0")
    assert head.token.encode() not in command_lines()
    status, log, said = run.end()
    assert status == 3
    overrides, modules, files = json.loads(log.split("GOT ")[1].splitlines()[0])
    assert overrides == [*NASTY, "code=3", "ticks=2"]
    assert modules == "recipe.htpo.plugin"
    assert {f"./recipe/{name}.py" for name in ("htpo/main", "checked/main", "checked/preflight")} <= set(files)
    assert not [name for name in files if re.search(r"train.parquet|weights|ignored|env$|netrc|id_rsa", name)]
    assert "tick 1" in log
    assert "first FAILED, exit status 3" in said
    shown = json.dumps(jobs("first"))
    assert "recipe.htpo.plugin" in shown
    for text in (shown, log, said):
        assert head.token not in text


def test_a_broken_connection_costs_nothing_of_the_log(submit, head):
    relay = Relay(head.address)
    run = submit("--", "ticks=8", address=relay.address)
    for seen in ("tick 1", "tick 4"):
        run.until(seen)
        relay.cut()
    status, log, said = run.end()
    relay.close()
    assert status == 0, said
    assert [line for line in log.splitlines() if line.startswith("tick")] == [f"tick {i}" for i in range(8)]
    assert log.count("GOT") == 1
    assert said.count("lost the connection") == said.count("connected again") == 2


def test_the_status_is_the_failed_preflights_or_what_a_shell_makes_of_a_signal(submit):
    failing = submit("--recipe", "checked", "--", "stop")
    killed = submit("--recipe", "checked", "--no-preflight", "--", "kill=1")
    status, log, _ = failing.end()
    assert status == 4
    assert "PREFLIGHT" in log
    assert "GOT" not in log
    status, log, _ = killed.end()
    assert status == 128 + signal.SIGKILL
    assert "PREFLIGHT" not in log
    assert "GOT" in log


def test_a_run_that_hung_is_submitted_again_as_often_as_allowed_and_no_other(submit, jobs):
    hung = submit("--retries", "1", "--submission-id", "hung", "--no-preflight", "--", "code=75")
    asked = submit("--retries", "1", "--submission-id", "asked", "--no-preflight", "--", "code=85")
    status, log, said = hung.end()
    assert (status, log.count("GOT")) == (75, 2)
    assert "hung FAILED, exit status 75" in said
    assert "hung-retry1 is submitted" in said
    assert jobs("hung-retry1")["driver_exit_code"] == 75
    status, log, _ = asked.end()
    assert (status, log.count("GOT")) == (85, 1)


def test_a_job_outlives_its_followers_until_it_is_stopped(submit, jobs):
    start = time.monotonic()
    status, out, said = submit("--no-wait", "--submission-id", "long", "--", "ticks=600").end()
    assert (status, out) == (0, "long\n")
    assert time.monotonic() - start < 15
    assert "--follow long" in said
    assert "ray job stop" in said

    follow = partial(submit, "--follow", "long")
    for sent, expected in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        status, _, said = follow().until("tick 0").interrupt(sent).end()
        assert status == expected
        assert "long goes on" in said

    run = follow(stdout=subprocess.PIPE)
    run.process.stdout.close()
    status, _, said = run.end()
    assert status == 141
    assert "long goes on" in said
    assert jobs("long")["status"] == "RUNNING"

    run = follow("--on-interrupt", "ask").until("tick 0").interrupt().until("Ctrl-C again").interrupt()
    status, _, said = run.end()
    assert status == 130
    assert "long STOPPED" in said
    assert jobs("long")["status"] == "STOPPED"
    assert b"ticks=600" not in command_lines()


def test_ctrl_c_can_stop_the_job_at_once(submit, jobs):
    run = submit("--on-interrupt", "stop", "--submission-id", "short", "--", "ticks=600").until("tick 0").interrupt()
    assert run.end()[0] == 130
    assert jobs("short")["status"] == "STOPPED"


@pytest.mark.parametrize(
    ("token", "words"), [("wrong", "refuses the token from RAY_AUTH_TOKEN"), (None, "wants the cluster's token")]
)
def test_without_the_token_nothing_is_sent(submit, token, words):
    status, out, said = submit("--submission-id", "refused", "--", "code=0", RAY_AUTH_TOKEN=token).end()
    assert status == 1
    assert not out
    assert words in said.splitlines()[-1]
    assert said.splitlines()[-1].startswith("error: ")


def test_what_the_cluster_refuses_is_one_sentence(submit):
    assert submit("--no-wait", "--submission-id", "once", "--", "code=0").end()[0] == 0
    status, _, said = submit("--no-wait", "--submission-id", "once", "--", "code=0").end()
    assert status == 1
    assert "once already exists" in said.splitlines()[-1]
    status, _, said = submit("--follow", "never").end()
    assert status == 1
    assert "never does not exist" in said.splitlines()[-1]
