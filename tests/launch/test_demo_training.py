"""Ctrl-C and SIGTERM on the demo: the training process, here a stand-in, saves and ends, and is never left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recipe.runs.stopping import RUN_AGAIN, TRY_AGAIN
from tests import ROOT

# Notes the signals that it gets; saves for SAVE_S, then ends with STATUS.
CHILD = """
import os, signal, sys, time
def note(text):
    with open("{folder}/notes", "a") as file:
        file.write(text + "\\n")
def end(number, _):
    note(signal.Signals(number).name)
    time.sleep({save_s})
    note("saved")
    os._exit({status})
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, end)
note(f"pid {{os.getpid()}}")
time.sleep(100)
"""
PARENT = """
import sys
from pathlib import Path
from launch.demo.training import train
sys.exit(train([sys.executable, "-c", Path("{folder}/child.py").read_text()], Path("{folder}"), 12))
"""


class Demo:
    """A demo in a process group of its own, as a shell starts it; `below`: started by a `make`."""

    def __init__(self, folder, save_s=0.5, status=RUN_AGAIN, below=None):
        self.notes_file = folder / "notes"
        (folder / "child.py").write_text(CHILD.format(folder=folder, save_s=save_s, status=status))
        command = [sys.executable, "-c", PARENT.format(folder=folder)]
        if below:
            (folder / "parent.py").write_text(command[2])
            (folder / "Makefile").write_text(f"demo:\n\t@env PYTHONPATH={ROOT} {sys.executable} {folder}/parent.py\n")
            command = [below, "-C", folder, "demo"]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # Tests that are run in the background of a shell inherit an ignored SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        self.child = int(self.until("pid").split()[1])

    def notes(self):
        return self.notes_file.read_text().splitlines() if self.notes_file.exists() else []

    def until(self, start):
        deadline = time.monotonic() + 60
        while not (found := [note for note in self.notes() if note.startswith(start)]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return found[0]

    def ctrl_c(self):
        """What a terminal does: to all of the process group."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self):
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


def gone(pid):
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return True
        time.sleep(0.05)
    return not Path(f"/proc/{pid}").exists()


def test_ctrl_c_asks_once_and_waits_until_it_is_saved(tmp_path):
    demo = Demo(tmp_path)
    demo.ctrl_c()
    status, said = demo.end()
    assert status == RUN_AGAIN
    assert demo.notes()[1:] == ["SIGTERM", "saved"]  # no SIGINT, which Ray's processes would end at
    assert said.count("SIGINT: saving what is trained, then ending") == 1
    assert said.splitlines()[-1] == "Stopped as asked; the same command goes on."
    assert gone(demo.child)


def test_sigterm_asks_too_and_a_second_one_does_nothing(tmp_path):
    demo = Demo(tmp_path, save_s=2)
    demo.process.terminate()
    demo.until("SIGTERM")
    demo.process.terminate()
    assert demo.end()[0] == RUN_AGAIN
    assert demo.notes()[1:] == ["SIGTERM", "saved"]


def test_a_second_ctrl_c_kills_at_once(tmp_path):
    demo = Demo(tmp_path, save_s=100)
    demo.ctrl_c()
    demo.until("SIGTERM")
    demo.ctrl_c()
    status, said = demo.end()
    assert status == 130
    assert "Killed; the same command goes on" in said.splitlines()[-1]
    assert "saved" not in demo.notes()
    assert gone(demo.child)


def test_with_nothing_to_save_it_says_so_and_a_failure_shows_the_log(tmp_path):
    demo = Demo(tmp_path, save_s=0, status=TRY_AGAIN)
    demo.ctrl_c()
    status, said = demo.end()
    assert status == TRY_AGAIN
    assert said.splitlines()[-1] == "Stopped as asked, with nothing new to save; the same command goes on."
    (tmp_path / "notes").unlink()
    demo = Demo(tmp_path, save_s=0, status=1)
    demo.ctrl_c()
    status, said = demo.end()
    assert status == 1
    assert "Training failed (exit status 1)" in said


def test_whoever_kills_the_demo_kills_the_training(tmp_path):
    demo = Demo(tmp_path)
    demo.process.kill()
    assert demo.end()[0] == -signal.SIGKILL
    assert gone(demo.child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_make_waits_for_it_and_leaves_nothing_behind(tmp_path, number):
    demo = Demo(tmp_path, save_s=1, below="make")
    if number == signal.SIGINT:
        demo.ctrl_c()
    else:
        demo.process.terminate()
    demo.end()
    assert demo.notes()[1:] == ["SIGTERM", "saved"]
    assert gone(demo.child)
