"""How the following of a submitted job ends."""

from types import SimpleNamespace

import pytest

from launch.submission import ClusterError, follow, watch


class FakeClient:
    """Answers with one status after the other, the last one for ever."""

    proxy = None

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
