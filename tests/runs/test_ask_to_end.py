"""The command that a pod runs before it is taken away, with a process in a run's place."""

import subprocess
import sys
import threading

import pytest
from filelock import UnixFileLock

from recipe.runs.alone import NAME
from recipe.runs.ask_to_end import alive, ask
from recipe.runs.stopping import REQUEST
from tests import ROOT

# Holds its folder and ends once it is asked to, as a run does.
RUN = """
import sys, time
from omegaconf import OmegaConf
from recipe.runs import stopping
from recipe.runs.alone import take_folder
config = OmegaConf.create({"trainer": {"default_local_dir": sys.argv[1]}})
with take_folder(config):
    print("held", flush=True)
    while not stopping.asked(config):
        time.sleep(0.05)
    time.sleep(float(sys.argv[2]))
    stopping.forget(config)
sys.exit(stopping.RUN_AGAIN)
"""


@pytest.fixture
def run(tmp_path):
    """Start a run that takes so long to end."""
    started = []

    def start(seconds):
        command = [sys.executable, "-c", RUN, str(tmp_path), str(seconds)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def command(folder, within):
    arguments = [sys.executable, "-m", "recipe.runs.ask_to_end", folder, "--within", str(within)]
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, timeout=60)


def test_a_run_is_asked_and_waited_for(run, tmp_path):
    process = run(2)
    assert command(tmp_path, 30).returncode == 0
    assert process.wait(timeout=5) == 85
    assert not (tmp_path / REQUEST).exists()


def test_after_the_time_it_goes_with_status_1_and_the_request_stays(run, tmp_path):
    process = run(600)
    assert command(tmp_path, 1).returncode == 1
    assert process.poll() is None
    assert (tmp_path / REQUEST).exists()


@pytest.mark.parametrize("begun", [False, True])
def test_where_no_run_is_alive_nothing_is_asked(run, tmp_path, begun):
    """As at the end of each run, when all pods go: a request that stays would end the next one."""
    folder = tmp_path if begun else tmp_path / "missing"
    if begun:
        process = run(0)
        process.kill()
        process.wait()
        assert (tmp_path / NAME).exists()
    assert command(folder, 30).returncode == 0
    assert not (folder / REQUEST).exists()


def test_to_look_does_not_keep_a_run_from_its_folder(run, tmp_path):
    (tmp_path / NAME).touch()
    looking = threading.Event()

    def look():
        while not looking.is_set():
            alive(tmp_path)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        run(0)
    finally:
        looking.set()
        thread.join()


def test_without_locks_it_asks_and_waits_the_time(tmp_path, monkeypatch):
    def refuses(self):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(UnixFileLock, "_acquire", refuses)
    (tmp_path / NAME).touch()
    assert ask(tmp_path, 0.1) is False
    assert (tmp_path / REQUEST).exists()


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / NAME).mkdir()
    (tmp_path / REQUEST).symlink_to(tmp_path / "missing/file")
    done = command(tmp_path, 1)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: the run in {tmp_path} cannot be asked to end: ")
    assert done.stderr.count("\n") == 1
