"""The door before vLLM's HTTP server: who has no key gets nothing but health and metrics."""

import asyncio
import importlib

import pytest
from omegaconf import OmegaConf

from recipe.runs.vllm_door import DOOR, Door, close_vllm

GIVEN = ("actor_rollout_ref.model.path=m", "data.train_files=t", "data.val_files=v")
INSIDE = "the application"


def asked(door, path: str, kind: str = "http", **headers: str) -> list:
    """What a request gets: the messages, or INSIDE where it reached the application."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "path": path, "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
    asyncio.run(door(scope, None, send))
    return sent


@pytest.fixture
def door(monkeypatch):
    async def application(scope, receive, send):
        await send(INSIDE)

    def built(key: str | None):
        monkeypatch.delenv("VLLM_API_KEY", raising=False)
        if key is not None:
            monkeypatch.setenv("VLLM_API_KEY", key)
        return Door(application)

    return built


@pytest.mark.parametrize("path", ["/v1/completions", "/invocations", "/tokenize", "/pause", "/", "/health/x", "//metrics"])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer other"}, {"authorization": "Bearer "}])
@pytest.mark.parametrize("key", ["secret", "", None])
def test_without_the_key_nothing_is_answered(door, path, headers, key):
    start, body = asked(door(key), path, **headers)
    assert start["status"] == 401
    assert b"VLLM_API_KEY" in body["body"]
    assert b"secret" not in body["body"]


def test_with_the_key_all_is(door):
    assert asked(door("secret"), "/v1/completions", authorization="Bearer secret") == [INSIDE]


def test_health_and_metrics_are_open_and_the_servers_own_start_passes(door):
    assert asked(door(None), "/health") == asked(door(None), "/metrics") == asked(door(None), "", "lifespan") == [INSIDE]


def test_a_websocket_is_closed(door):
    assert asked(door("secret"), "/v1/realtime", "websocket") == [{"type": "websocket.close", "code": 1008}]


def test_vllm_is_given_it_unless_there_is_one_of_the_users_own(compose):
    config = compose(*GIVEN)
    close_vllm(config)
    close_vllm(config)
    assert OmegaConf.to_container(config.actor_rollout_ref.rollout.engine_kwargs.vllm)["middleware"] == [DOOR]
    module, _, name = DOOR.rpartition(".")
    assert getattr(importlib.import_module(module), name) is Door
    own = compose(*GIVEN, "+actor_rollout_ref.rollout.engine_kwargs.vllm.middleware=[my.Middleware]")
    close_vllm(own)
    assert own.actor_rollout_ref.rollout.engine_kwargs.vllm.middleware == ["my.Middleware"]
    other = compose(*GIVEN, "actor_rollout_ref.rollout.name=sglang")
    close_vllm(other)
    assert "middleware" not in other.actor_rollout_ref.rollout.engine_kwargs.get("vllm", {})


@pytest.mark.slow
def test_vllms_real_server_has_it_before_all_of_its_paths(compose, monkeypatch):
    from starlette.testclient import TestClient
    from verl.workers.rollout.vllm_rollout.utils import build_cli_args_from_config
    from vllm.entrypoints.openai.api_server import build_app
    from vllm.entrypoints.openai.cli_args import make_arg_parser
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    monkeypatch.setenv("VLLM_API_KEY", "secret")
    config = compose(*GIVEN)
    close_vllm(config)
    given = OmegaConf.to_container(config.actor_rollout_ref.rollout.engine_kwargs.vllm)
    arguments = build_cli_args_from_config({name: value for name, value in given.items() if name == "middleware"})
    app = build_app(make_arg_parser(FlexibleArgumentParser()).parse_args(arguments), supported_tasks=("generate",))
    client = TestClient(app, raise_server_exceptions=False)
    paths = {route.path for route in app.routes} | {"/invocations", "/ping", "/openapi.json"}
    closed = {path for path in paths if client.get(path).status_code == 401 and client.post(path).status_code == 401}
    assert paths - closed == {"/health", "/metrics"} & paths
    assert len(closed) > 10
    assert client.get("/openapi.json", headers={"Authorization": "Bearer secret"}).status_code == 200
