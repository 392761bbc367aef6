"""Send the trainer's weights to rollouts on ranks of their own, without a GPU: `checkpoint_engine.backend=zmq`.

Upstream: verl's checkpoint engines need CUDA (cupy, NIXL, Mooncake), and `trainer_mode=separate_async` needs one of them. A
backend is an extension point: actors, rollout workers and the driver import `checkpoint_engine.custom_backend_module`, set in
`platform/cpu.yaml` to this module, before they look a backend up. Here one tensor is one message, sent when all receivers have
asked for it; nothing is pickled.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable

import ray
import torch
import zmq
from verl.checkpoint_engine.base import CheckpointEngine, CheckpointEngineRegistry

TIMEOUT_S = 600  # the longest wait for the other side, which may be generating or gathering a tensor


@CheckpointEngineRegistry.register("zmq")
class ZMQCheckpointEngine(CheckpointEngine):
    """Rank 0 of the actor sends; each rollout worker receives; the other actor ranks take part in gathering alone.

    bucket_size: not used, a tensor is sent whole. is_master: on rank 0 of the actor.
    """

    def __init__(self, bucket_size: int, is_master: bool = False) -> None:
        self.is_master = is_master
        self.receivers = 0
        self.socket: zmq.Socket | None = None

    def prepare(self) -> dict:
        """Where to connect, from the sender."""
        if not self.is_master:
            return {}
        self.socket = _socket(zmq.ROUTER)
        host = ray.util.get_node_ip_address().strip("[]")
        host = f"[{host}]" if ":" in host else host
        port = self.socket.bind_to_random_port(f"tcp://{host}")
        return {"address": f"tcp://{host}:{port}"}

    @classmethod
    def build_topology(cls, actor_wg_world_size: int, rollout_world_size: int, metadata: list[dict]):
        """The same for all: the sender's address and how many receive."""
        address = metadata[0]["address"]
        return tuple(
            {"address": [address] * size, "receivers": [rollout_world_size] * size, "sends": [sends] * size}
            for size, sends in ((actor_wg_world_size, True), (rollout_world_size, False))
        )

    def init_process_group(self, address: str, receivers: int, sends: bool) -> None:
        """Connect a receiver."""
        self.receivers = receivers
        if not sends:
            self.socket = _socket(zmq.DEALER)
            self.socket.connect(address)

    def finalize(self) -> None:
        """Close the connection of this update."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    @torch.no_grad()
    async def send_weights(self, weights: Iterable[tuple[str, torch.Tensor]], global_steps: int | None = None) -> None:
        """Send each tensor to all receivers; on other ranks only make it, since that gathers it from all of them."""
        for name, weight in weights:
            if self.is_master:
                header = json.dumps({"name": name, "shape": list(weight.shape), "dtype": str(weight.dtype).rpartition(".")[2]})
                await asyncio.to_thread(self._send, header.encode(), _bytes(weight))
        if self.is_master:
            await asyncio.to_thread(self._send, b"", b"")

    def _send(self, header: bytes, payload) -> None:
        waiting = [_received(self.socket, "no rollout worker asked for a weight")[0] for _ in range(self.receivers)]
        for receiver in waiting:
            self.socket.send_multipart([receiver, header, payload])

    async def receive_weights(self, global_steps: int | None = None) -> AsyncGenerator[tuple[str, torch.Tensor], None]:
        """Ask for tensors until there are no more."""
        while True:
            header, payload = await asyncio.to_thread(self._ask)
            if not header:
                return
            meta = json.loads(header)
            dtype = getattr(torch, meta["dtype"])
            yield meta["name"], torch.frombuffer(payload, dtype=torch.uint8).view(dtype).view(meta["shape"])

    def _ask(self) -> tuple[bytes, bytearray]:
        self.socket.send(b"next")
        header, payload = _received(self.socket, "the trainer sent no weight")
        return header, bytearray(payload)


def _received(socket: zmq.Socket, otherwise: str) -> list[bytes]:
    try:
        return socket.recv_multipart()
    except zmq.Again:
        raise TimeoutError(f"{otherwise} for {TIMEOUT_S} s") from None


def _socket(kind: int) -> zmq.Socket:
    socket = zmq.Context.instance().socket(kind)
    socket.setsockopt(zmq.IPV6, 1)
    socket.setsockopt(zmq.LINGER, 10_000)
    socket.setsockopt(zmq.RCVTIMEO, int(TIMEOUT_S * 1000))
    return socket


def _bytes(weight: torch.Tensor):
    return weight.detach().contiguous().cpu().view(-1).view(torch.uint8).numpy()
