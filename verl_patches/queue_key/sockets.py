"""TransferQueue's sockets with CURVE.

The module is named in what Ray pickles of TransferQueue's actors, which import no verl: a worker that unpickles one imports it,
and is patched with it.
"""

from __future__ import annotations

import functools
import importlib

import zmq
from transfer_queue.utils import zmq_utils

_NAME, _NAMESPACE = b"secret key", b"verl_patches.queue_key"
# All modules that make sockets, each of which has the function under its own name.
USERS = (
    "transfer_queue.utils.zmq_utils",
    "transfer_queue.controller",
    "transfer_queue.storage.simple_storage",
    "transfer_queue.storage.managers.base",
)
_original = zmq_utils.create_zmq_socket


def create_zmq_socket(ctx: zmq.Context, socket_type: int, ip: str, identity: bytes | None = None) -> zmq.Socket:
    """As TransferQueue's own; ROUTERs are its servers, DEALERs its clients, between threads (`inproc`) this changes nothing."""
    socket = _original(ctx, socket_type, ip, identity)
    public, secret = key()
    if socket_type == zmq.ROUTER:
        socket.curve_server, socket.curve_secretkey = True, secret
    else:
        socket.curve_serverkey = public
        socket.curve_publickey, socket.curve_secretkey = _of_this_process()
    return socket


@functools.cache
def key() -> tuple[bytes, bytes]:
    """Public and secret key of this Ray cluster's queues; whoever asks first makes them.

    The public one is a secret, too: knowing it is what makes a client one of the cluster.
    """
    from ray.experimental.internal_kv import _internal_kv_get, _internal_kv_put

    if not zmq.has("curve"):
        raise ValueError("this build of ZeroMQ has no CURVE, without which anyone may run code here: install pyzmq's own wheel")
    _internal_kv_put(_NAME, zmq.curve_keypair()[1], overwrite=False, namespace=_NAMESPACE)
    secret = _internal_kv_get(_NAME, namespace=_NAMESPACE)
    return zmq.curve_public(secret), secret


@functools.cache
def _of_this_process() -> tuple[bytes, bytes]:
    return zmq.curve_keypair()


def apply() -> None:
    """Give TransferQueue's modules this function in this process."""
    for name in USERS:
        importlib.import_module(name).create_zmq_socket = create_zmq_socket


apply()
