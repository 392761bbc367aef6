"""TransferQueue's real controller and storage unit take no message from who has not the run's key."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import transfer_queue
import zmq

from tests import ROOT
from tests.verl_patches.hostile_message import send
from verl_patches.queue_key import give_queue_key, sockets

ROOM = Path(transfer_queue.__file__).parent


@pytest.fixture(scope="module", params=["stock", "with a key"])
def queue(request):
    """The ports of a controller and of a storage unit, and the public key that they ask for, if any."""
    public, secret = zmq.curve_keypair() if request.param == "with a key" else (None, None)
    command = [sys.executable, "-m", "tests.verl_patches.queue_servers", *([secret.decode()] if secret else [])]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as servers:
        yield json.loads(servers.stdout.readline()), public and public.decode()
        servers.kill()


def made(queue, folder, key) -> dict[str, bool]:
    """At which ports one message of a stranger with this key, or none, ran code."""
    for name, port in queue[0].items():
        send("127.0.0.1", port, str(folder / name), key)
    return {name: (folder / name).exists() for name in queue[0]}


def test_one_message_of_a_stranger_runs_code_without_a_key_and_not_with_one(queue, tmp_path):
    assert sorted(queue[0]) == ["handshake_socket", "put_get_socket", "request_handle_socket"]
    assert set(made(queue, tmp_path, None).values()) == {queue[1] is None}


def test_a_guessed_key_is_none(queue, tmp_path):
    assert not any(made(queue, tmp_path, zmq.curve_keypair()[0].decode()).values())


def test_who_has_the_key_is_heard(queue, tmp_path):
    assert all(made(queue, tmp_path, queue[1]).values())


def test_the_key_is_the_clusters_and_made_once(monkeypatch):
    import ray.experimental.internal_kv as kv

    store = {}
    monkeypatch.setattr(kv, "_internal_kv_put", lambda key, value, overwrite, namespace: store.setdefault(key, value))
    monkeypatch.setattr(kv, "_internal_kv_get", lambda key, namespace: store[key])
    first, second = sockets.key.__wrapped__(), sockets.key.__wrapped__()
    assert first == second
    assert first[0] == zmq.curve_public(first[1])
    assert len(store) == 1


def test_without_curve_the_process_ends_with_a_sentence(monkeypatch):
    monkeypatch.setattr(zmq, "has", lambda capability: False)
    with pytest.raises(ValueError, match="this build of ZeroMQ has no CURVE"):
        sockets.key.__wrapped__()


def test_every_socket_of_transfer_queue_is_made_by_the_function_that_is_replaced():
    made = {path.relative_to(ROOM).as_posix(): path.read_text() for path in ROOM.rglob("*.py")}
    assert [name for name, text in made.items() if re.search(r"\.socket\(\s*(zmq|socket_type)", text)] == ["utils/zmq_utils.py"]
    users = {f"transfer_queue.{name[:-3].replace('/', '.')}" for name, text in made.items() if "create_zmq_socket" in text}
    assert users == set(sockets.USERS)


def test_all_processes_of_a_run_load_it(compose):
    config = compose("actor_rollout_ref.model.path=m", "data.train_files=t", "data.val_files=v", "+platform=cpu")
    for _ in range(2):
        give_queue_key(config)
    variables = config.ray_kwargs.ray_init.runtime_env.env_vars
    assert variables.VERL_USE_EXTERNAL_MODULES == "verl_patches.cpu,verl_patches.queue_key.registered"
