"""Two runs on one machine have two sockets, and both ends of a run have the same one."""

import os
import subprocess
import sys
import tempfile
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from tests import ROOT
from verl_patches.weight_socket import TOKEN, give_own_socket, of_this_run

VERL = "ipc:///tmp/rl-colocate-zmq-01000000-replica-2-rank-1.sock"
GIVEN = ("actor_rollout_ref.model.path=org/model", "data.train_files=train.parquet", "data.val_files=val.parquet")


def given(compose, *overrides):
    config = compose(*GIVEN, *overrides)
    give_own_socket(config)
    engine = OmegaConf.to_container(config.actor_rollout_ref.rollout).get("engine_kwargs") or {}
    variables = config.ray_kwargs.ray_init.runtime_env.get("env_vars") or {}
    return dict(variables), (engine.get("vllm") or {}).get("worker_extension_cls")


def test_each_start_has_a_token_of_its_own_which_goes_to_all_workers(compose):
    (first, extension), (second, _) = given(compose), given(compose)
    assert first[TOKEN] != second[TOKEN]
    assert first["VERL_USE_EXTERNAL_MODULES"] == "verl_patches.weight_socket.registered"
    assert extension == "verl_patches.weight_socket.ends.Receiver"


def test_on_the_cpu_the_extension_and_the_modules_stay(compose):
    variables, extension = given(compose, "+platform=cpu")
    assert variables["VERL_USE_EXTERNAL_MODULES"] == "verl_patches.cpu,verl_patches.weight_socket.registered"
    assert variables["VERL_PLATFORM"] == "cpu"
    assert extension == "verl_patches.cpu.vllm_weights.CpuWorkerExtension"


def test_twice_is_once(compose):
    config = compose(*GIVEN, "+platform=cpu")
    give_own_socket(config)
    give_own_socket(config)
    variables = config.ray_kwargs.ray_init.runtime_env.env_vars
    assert variables.VERL_USE_EXTERNAL_MODULES == "verl_patches.cpu,verl_patches.weight_socket.registered"


@pytest.mark.parametrize(
    "override",
    [
        "+actor_rollout_ref.rollout.engine_kwargs.vllm.worker_extension_cls=my.Extension",
        "actor_rollout_ref.rollout.name=sglang",
    ],
)
def test_an_extension_that_would_not_know_of_it_keeps_both_ends_as_verl_has_them(compose, override):
    variables, extension = given(compose, override)
    assert TOKEN not in variables
    assert "VERL_USE_EXTERNAL_MODULES" not in variables
    assert extension in (None, "my.Extension")


def test_without_a_token_the_path_is_verls(monkeypatch):
    monkeypatch.delenv(TOKEN, raising=False)
    assert of_this_run(VERL) == VERL


@pytest.mark.parametrize(("folder", "there"), [("/tmp/ray-7.0.x", "/tmp/ray-7.0.x"), ("/scratch/" + "x" * 80, "/tmp")])
def test_the_socket_is_in_the_jobs_own_temporary_folder_if_its_name_fits(monkeypatch, folder, there):
    monkeypatch.setenv(TOKEN, "0a1b2c3d")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: folder)
    assert of_this_run(VERL) == f"ipc://{there}/rl-colocate-zmq-0a1b2c3d-01000000-replica-2-rank-1.sock"


def test_both_ends_have_the_runs_path(monkeypatch):
    from verl.workers.rollout.vllm_rollout import ServerAdapter

    from verl_patches.weight_socket.ends import Receiver, Sender

    monkeypatch.setenv(TOKEN, "0a1b2c3d")
    monkeypatch.setenv("VERL_RAY_JOB_ID", "01000000")
    monkeypatch.setenv("VERL_REPLICA_RANK", "2")
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/tmp")
    monkeypatch.setattr(ServerAdapter, "__init__", lambda self, zmq_handle: setattr(self, "zmq_handle", zmq_handle))
    receiver = Receiver()
    receiver.local_rank, receiver.model_runner = 1, SimpleNamespace()
    assert Sender(VERL).zmq_handle == receiver._get_zmq_handle() == VERL.replace("zmq-", "zmq-0a1b2c3d-")


def test_verl_makes_its_senders_of_ours_where_it_loads_the_module():
    code = "from verl.workers.rollout import get_rollout_class as g; print('SENDER', g('vllm', 'async'))"
    modules = "verl_patches.cpu,verl_patches.weight_socket.registered"
    environment = os.environ | {"VERL_USE_EXTERNAL_MODULES": modules, "VERL_PLATFORM": "cpu"}
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "SENDER <class 'verl_patches.weight_socket.ends.Sender'>" in run.stdout, run.stderr
