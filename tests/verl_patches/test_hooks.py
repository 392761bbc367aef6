"""What is read of verl's trainer and of Ray's processes, with stand-ins for them."""

import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import ray

from verl_patches.ray_processes import about
from verl_patches.trainer_hooks import HookedTrainer

PARENT = "import subprocess, sys; subprocess.run(['VLLM::Engine', '-c', 'input()'], executable=sys.executable)"


def test_the_ranks_are_counted_from_the_places_that_verl_sends_them_parts():
    trainer = object.__new__(type("T", (HookedTrainer,), dict.fromkeys(("on_sample_end", "on_step_end"))))
    trainer.actor_rollout_wg = SimpleNamespace(_dispatch_info={"actor": [0, 0, 1, 1, 2, 2], "ref": [0]})
    assert trainer.data_parallel_ranks() == 3


def test_an_actor_knows_its_engines_however_deep_they_are(monkeypatch):
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "node"))
    monkeypatch.setattr(ray.util, "get_node_ip_address", lambda: "192.0.2.1")
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        family = psutil.Process(parent.pid)
        while not any(child.cmdline()[:1] == ["VLLM::Engine"] for child in family.children()):
            assert parent.poll() is None
        (engine,) = family.children()
        found = about(None)
        parent.communicate(b"\n")
    assert found == ("node", "192.0.2.1", os.getpid(), [engine.pid])
