"""What is written whole is the old or the new one at every moment, whoever dies."""

import os
import signal
import subprocess
import sys

import pytest

from recipe.files.whole import written_whole
from tests import ROOT


def test_the_new_file_takes_the_old_ones_place_at_the_end(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    with written_whole(path) as new:
        new.write_text("new")
        assert path.read_text() == "old"
        assert new.parent == path.parent  # a rename within one file system
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["a.json"]


def test_a_folder_comes_whole(tmp_path):
    with written_whole(tmp_path / "model") as new:
        (new / "weights").mkdir(parents=True)
        (new / "weights/0.bin").write_bytes(b"0")
        assert not (tmp_path / "model").exists()
    assert (tmp_path / "model/weights/0.bin").read_bytes() == b"0"
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_what_was_there(tmp_path, kind, error):
    path = tmp_path / "a"
    path.write_text("old")

    def write():
        with written_whole(path) as new:
            if kind == "folder":
                new.mkdir()
            (new / "b" if kind == "folder" else new).write_text("half")
            raise error

    with pytest.raises(error):
        write()
    assert os.listdir(tmp_path) == ["a"]
    assert path.read_text() == "old"


def test_a_block_that_writes_nothing_is_an_error(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(FileNotFoundError), written_whole(path):
        pass
    assert path.read_text() == "old"


def test_a_folder_is_not_overwritten(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").touch()
    with pytest.raises(OSError, match=r"not empty|a directory"), written_whole(tmp_path / "a") as new:
        new.mkdir()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a", "b"]


def test_everything_is_on_the_disk_before_it_gets_its_name(tmp_path, monkeypatch):
    path, flushed = tmp_path / "model", []
    monkeypatch.setattr(os, "fsync", lambda fd: flushed.append(os.readlink(f"/proc/self/fd/{fd}")))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *names: (flushed.append("renamed"), replace(*names)))
    with written_whole(path) as new:
        (new / "a").mkdir(parents=True)
        (new / "a/b").touch()
    assert flushed[-1] == "renamed"
    assert set(flushed[:-1]) == {str(new), str(new / "a"), str(new / "a/b")}


def test_a_killed_process_leaves_the_old_file_and_the_next_one_writes(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("old")
    code = (
        "import os, signal, sys; from pathlib import Path; from recipe.files.whole import written_whole\n"
        "with written_whole(Path(sys.argv[1])) as new: new.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    with written_whole(path) as new:
        new.write_text("new")
    assert path.read_text() == "new"
