"""Digests of a checkpoint's files, computed in the background or on several nodes."""

import hashlib
import json
import os
import threading

import pytest
import ray

from recipe.runs import digests
from recipe.runs.checkpoints import begin_list, write_list


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "actor").mkdir()
    (tmp_path / "actor/model.pt").write_bytes(b"weights")
    (tmp_path / "data.pt").write_bytes(b"")
    write_list(tmp_path)
    return tmp_path


def write(folder):
    later = digests.DigestsLater()
    later.start(folder)
    later.wait(30)


def test_they_are_sha256_of_what_is_listed(folder):
    assert digests.damage(folder) is None  # there are none yet
    write(folder)
    expected = {"actor/model.pt": hashlib.sha256(b"weights").hexdigest(), "data.pt": hashlib.sha256(b"").hexdigest()}
    assert json.loads((folder / "digests.json").read_text()) == expected
    assert digests.damage(folder) is None


def test_a_link_to_another_ranks_file_has_none_of_its_own(folder):
    (folder / "actor/other.pt").symlink_to("model.pt")
    write_list(folder)
    write(folder)
    assert set(json.loads((folder / "digests.json").read_text())) == {"actor/model.pt", "data.pt"}
    assert digests.damage(folder) is None


def test_each_change_is_named(folder):
    write(folder)
    (folder / "actor/model.pt").write_bytes(b"weighty")
    assert digests.damage(folder) == "has a file that changed after it was written, actor/model.pt"
    (folder / "actor/model.pt").unlink()
    assert digests.damage(folder) == "has a file that changed after it was written, actor/model.pt"
    (folder / "digests.json").write_text("{")
    assert digests.damage(folder) == "has an unreadable digests.json"


def test_one_that_is_removed_or_written_anew_meanwhile_gets_none(folder, monkeypatch, capsys):
    whole = digests.digest

    def slow(path):
        begin_list(folder, listed=True)
        return whole(path)

    monkeypatch.setattr(digests, "digest", slow)
    write(folder)
    write(folder / "nowhere")
    assert not (folder / "digests.json").exists()
    assert "warning: no digests of " in capsys.readouterr().err


def test_the_older_ones_come_first_and_nobody_waits_for_ever(folder, monkeypatch):
    go, whole, order = threading.Event(), digests.digests, []

    def slow(files):
        go.wait(30)
        order.append(files[0])
        return whole(files)

    monkeypatch.setattr(digests, "digests", slow)
    later = digests.DigestsLater()
    for _ in range(2):
        later.start(folder)
    later.wait(0.1)
    assert not (folder / "digests.json").exists()
    go.set()
    later.wait(30)
    assert len(order) == 2
    assert (folder / "digests.json").exists()


def test_several_nodes_share_the_files_a_few_at_a_time(folder, monkeypatch):
    placed, most, seen = [], [0], []

    class Task:
        def options(self, scheduling_strategy):
            self.node = scheduling_strategy.node_id
            return self

        def remote(self, path):
            placed.append(self.node)
            return len(placed) - 1, path

    def wait(calls):
        most[0] = max(most[0], len(calls))
        return calls[:1], calls[1:]

    monkeypatch.setattr(ray, "is_initialized", lambda: True)
    monkeypatch.setattr(ray, "nodes", lambda: [{"NodeID": c * 56, "Alive": c != "c"} for c in "abc"])
    monkeypatch.setattr(ray, "remote", lambda **_: lambda function: Task())
    monkeypatch.setattr(ray, "wait", wait)
    monkeypatch.setattr(ray, "get", lambda call: digests.digest(call[1]))
    files = [str(folder / "actor/model.pt"), *(f"{folder}/{i}" for i in range(19))]
    found = digests.digests(files, lambda: seen.append(1))
    assert set(found) == set(files)
    assert found[files[0]] == hashlib.sha256(b"weights").hexdigest()
    assert [x[0] for x in placed] == ["a", "b"] * 10
    assert most[0] == 2 * digests.AT_ONCE
    assert len(seen) == 20


@pytest.mark.timeout(60)
def test_what_is_no_file_is_not_read_for_ever(folder):
    (folder / "zeros").symlink_to("/dev/zero")
    os.mkfifo(folder / "pipe")
    for name in ("zeros", "pipe"):
        (folder / "digests.json").write_text(json.dumps({name: "0"}))
        assert digests.damage(folder) == f"has a file that changed after it was written, {name}"
