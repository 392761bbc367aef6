"""vLLM's HTTP server, which verl starts with each replica and does not use, answers only who has the key.

verl and this project ask vLLM through Ray. Whoever reaches the port could have tokens generated, pause the engine or unload
adapters; vLLM's own `--api-key` guards the paths below /v1, /v2 and /inference only. The key is VLLM_API_KEY in the server's
environment; without one, nobody is answered.
"""

from __future__ import annotations

import hmac
import json
import os

from omegaconf import DictConfig, open_dict

DOOR = "recipe.runs.vllm_door.Door"
# Numbers and "I am there", for Prometheus and for probes.
OPEN = ("/health", "/metrics")


def close_vllm(config: DictConfig) -> None:
    """Put the door before the servers of `actor_rollout_ref.rollout`, unless there is a `middleware` of the user's own."""
    rollout = config.actor_rollout_ref.rollout
    if rollout.name != "vllm":
        return
    with open_dict(config):
        engine = rollout.setdefault("engine_kwargs", {}).setdefault("vllm", {})
        engine.setdefault("middleware", [DOOR])


class Door:
    """ASGI middleware: 401 for every request without `Authorization: Bearer <VLLM_API_KEY>`, but for those in OPEN."""

    def __init__(self, app):
        self.app = app
        self.key = os.environ.get("VLLM_API_KEY", "")

    async def __call__(self, scope, receive, send) -> None:
        if scope["type"] == "lifespan" or scope["path"] in OPEN or self._has_key(scope["headers"]):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            text = "with the key in VLLM_API_KEY" if self.key else "by nobody: VLLM_API_KEY is not set where Ray was started"
            body = json.dumps({"error": f"this server is used {text}"}).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": 401, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def _has_key(self, headers) -> bool:
        given = dict(headers).get(b"authorization", b"")
        return bool(self.key) and hmac.compare_digest(given, b"Bearer " + self.key.encode())
