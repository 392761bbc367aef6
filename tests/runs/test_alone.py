"""One run at a time in a checkpoint folder."""

import signal
import subprocess
import sys
import threading

import pytest
from filelock import UnixFileLock
from omegaconf import OmegaConf

from recipe.runs.alone import take_folder
from tests import ROOT

HOLD = """
import sys, time
from omegaconf import OmegaConf
from recipe.runs.alone import take_folder
lock = take_folder(OmegaConf.create({"trainer": {"default_local_dir": sys.argv[1]}}))
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def config(tmp_path):
    return OmegaConf.create({"trainer": {"default_local_dir": str(tmp_path / "run/checkpoints")}})


@pytest.fixture
def other(config):
    """Another process, that has the folder."""
    command = [sys.executable, "-c", HOLD, config.trainer.default_local_dir]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_run_is_refused_and_told_what_to_do(config, other):
    with pytest.raises(ValueError, match=r"another run has trainer.default_local_dir=.*/checkpoints; wait .*in_use.lock\)$"):
        take_folder(config, patience_s=0.1)


def test_a_killed_run_leaves_the_folder_to_the_next_one(config, other):
    other.send_signal(signal.SIGKILL)
    other.wait()
    with take_folder(config, patience_s=5.0):
        pass


def test_a_run_that_is_ending_is_waited_for(config, other):
    ends = threading.Timer(1.0, other.kill)
    ends.start()
    with take_folder(config):
        assert ends.finished.is_set()


def test_without_locks_the_run_goes_on_and_says_so(config, monkeypatch):
    def refuses(self):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(UnixFileLock, "_acquire", refuses)
    with pytest.warns(UserWarning, match=r"in_use.lock cannot be locked .*Function not implemented.*; see to it that one run"):
        take_folder(config).close()
