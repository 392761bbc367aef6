"""TransferQueue's sockets speak only to who has the key of the Ray cluster.

Wrong upstream (TransferQueue 0.1.11): controller and storage units listen on the node's address and unpickle what they are sent
(`ZMQMessage.deserialize`), so that one message from anyone who reaches the port, another user of the node too, runs code as the
run's user; whoever asks gets the data. Here all of its TCP connections are ZeroMQ's CURVE: a client that does not know the
server's public key is refused before its first message is read, a server without the secret key is no peer for a client, and
what travels is encrypted. The key lies in the store of Ray's head (its GCS), which Ray's token guards.

    __init__.py     the launcher has every process of a run load the patch; imports no verl
    registered.py   the patch; one of the modules that verl loads from outside
    sockets.py      the sockets, and where their key comes from

Backends other than SimpleStorage have connections of their own, which this does not touch.
"""

from __future__ import annotations

from omegaconf import DictConfig

from verl_patches.external_modules import load_everywhere


def give_queue_key(config: DictConfig) -> None:
    """Have every process of the run that imports verl load the patch."""
    load_everywhere(config, "verl_patches.queue_key.registered")
