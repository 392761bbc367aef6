"""The page of a live run over HTTP: to whoever has the whole address, from this machine, and anew when the run has gone on."""

import gzip
import http.client
import json
import signal
import subprocess
import sys
import threading

import pytest

from recipe.insight.__main__ import main, serve
from recipe.insight.serve import Pages, make_server, state_of
from tests.insight.folders import write_run


@pytest.fixture
def served(tmp_path):
    """A server of a folder whose page is a text that counts how often it was made."""
    made = []

    def make(state):
        if not (tmp_path / "metrics.jsonl").exists():
            raise ValueError("there are no metrics\x1b[2J")
        made.append(state)
        return f"page {len(made)}"

    server, address = make_server([tmp_path], make, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def ask(path, method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        return answer, gzip.decompress(body) if answer.getheader("Content-Encoding") == "gzip" else body

    yield ask, "/" + address.split("/", 3)[3], tmp_path, server, made
    server.shutdown()
    server.server_close()


def test_it_waits_for_metrics_and_is_made_anew_only_when_there_is_something_new(served):
    ask, path, folder, _, made = served
    answer, body = ask(path)
    assert (answer.status, answer.getheader("Refresh")) == (503, "5")
    assert b"there are no metrics" in body
    assert b"\x1b" not in body
    (folder / "metrics.jsonl").write_text("{}\n")
    assert [ask(path)[1] for _ in range(3)] == [b"page 1"] * 3
    assert ask(path + "state")[1].decode() == made[0] == state_of([folder])
    (folder / "tokens").mkdir()
    (folder / "tokens/step_1.parquet").write_bytes(b"1")
    assert ask(path + "state")[1].decode() != made[0]
    assert ask(path)[1] == b"page 2"


ELSEWHERE = ("/", "/state", "{}x/", "{}/..", "{}/../state", "{}/metrics.jsonl", "{}", "/x{}/", "/%C3%A9/", "/x/state")


@pytest.mark.parametrize("place", ELSEWHERE)
def test_there_is_nothing_but_the_page_and_its_state(served, place):
    ask, path, folder, _, _ = served
    (folder / "metrics.jsonl").write_text("{}\n")
    assert ask(place.format(path.rstrip("/")))[0].status == 404


def test_another_sites_page_cannot_read_it(served):
    ask, path, folder, server, _ = served
    (folder / "metrics.jsonl").write_text("{}\n")
    assert server.server_address[0] == "127.0.0.1"
    assert ask(path, Host="evil.example:80")[0].status == 403  # its name leads to this machine by now
    answer, _ = ask(path, Host="localhost:1")
    assert (answer.status, answer.getheader("Access-Control-Allow-Origin")) == (200, None)
    assert (answer.getheader("Referrer-Policy"), answer.getheader("X-Frame-Options")) == ("no-referrer", "DENY")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nothing_can_be_sent_to_it(served, method):
    ask, path, *_ = served
    assert ask(path, method=method)[0].status == 501


def test_two_servers_have_two_addresses(tmp_path):
    addresses = []
    for _ in range(2):
        server, address = make_server([tmp_path], str, 0)
        server.server_close()
        addresses.append(address.split("/")[3])
    assert addresses[0] != addresses[1]
    assert min(map(len, addresses)) >= 32


def test_a_port_that_is_taken_or_none_is_one_sentence(served, capsys):
    *_, folder, server, _ = served
    for port in (server.server_address[1], 70_000):
        assert main([str(folder), "--serve", str(port)]) == 2
        assert "give another port" in capsys.readouterr().err
    with pytest.raises(ValueError, match="no folder"):
        serve([folder / "nothing"], 0)
    with pytest.raises(ValueError, match="one for each"):
        serve([folder], 0, names=["a", "b"])


def test_a_link_to_nothing_does_not_stop_it(tmp_path):
    (tmp_path / "metrics.jsonl").symlink_to(tmp_path / "gone")
    assert len(state_of([tmp_path])) == 16
    assert Pages([tmp_path], str).state() == state_of([tmp_path])


def test_the_command_serves_a_runs_page_until_ctrl_c(tmp_path):
    run = write_run(tmp_path / "run", steps=(1, 2))
    command = [sys.executable, "-m", "recipe.insight", str(run), "--serve", "0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # A shell starts what runs in the background with SIGINT ignored, which is inherited.
    with subprocess.Popen(command, **pipes, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
        try:
            address = process.stdout.readline().strip()
            host, path = address.removeprefix("http://").split("/", 1)
            connection = http.client.HTTPConnection(host, timeout=60)
            connection.request("GET", f"/{path}")
            page = gzip.decompress(connection.getresponse().read()).decode()
            process.send_signal(signal.SIGINT)
            assert (process.wait(20), process.stderr.read()) == (0, "")
        finally:
            process.kill()
    for text in (f'data-state="{state_of([run])}"', "connect-src 'self'", "Show what is new"):
        assert text in page
    island = page.split('id="data">', 1)[1].split("</script>")[0]
    assert json.loads(island)["runs"][0]["name"] == "run"
