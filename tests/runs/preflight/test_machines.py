"""Nodes, GPUs and packages, with stand-ins for a cluster; test_cluster.py has a real one."""

import sys
from types import SimpleNamespace

import pytest

from recipe.runs.preflight import cluster, memory, on_node, storage
from recipe.runs.preflight.facts import Node, SkipCheck
from tests.runs.preflight.support import EIGHT, ROLLOUT, check


def test_this_machine_is_enough_or_not(run, monkeypatch):
    check(cluster.check_nodes(run()), "pass", "a Ray of its own will be started on this machine, with 1 logical GPU")
    two_nodes = run("trainer.nnodes=2")
    check(cluster.check_nodes(two_nodes), "fail", "no Ray cluster is addressed.* 1 of the 2 GPUs", "RAY_ADDRESS=HEAD:6379")
    monkeypatch.setattr(cluster, "_device_count", lambda: 4)
    check(cluster.check_nodes(run(platform="gpu")), "fail", "has 4 of the 8 GPUs", "lower trainer.nnodes")
    fitting = run("trainer.n_gpus_per_node=4", platform="gpu")
    check(cluster.check_nodes(fitting), "pass", "with 4 GPUs")
    check(cluster.check_packages(fitting), "pass", r"python 3\.\d+.* verl 0.9.1")
    check(cluster.check_inputs_on_nodes(fitting), "skip", "one machine")
    check(storage.check_shared(fitting), "skip", "one machine")


def test_a_cluster_that_does_not_answer_is_named_at_once(run, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(ValueError, match=r"no Ray cluster answers at .*:1 \(.*refused\); set RAY_ADDRESS"):
        cluster.check_nodes(run())


def about(**changes):
    return {"versions": {"verl": "0.9.1"}, "can_import": True, "missing": [], "gpu_bytes": [80 * 2**30]} | changes


@pytest.fixture
def nodes(monkeypatch):
    """Stand-ins for a cluster's nodes; the real ones are in test_cluster.py."""

    def of(run, *found):
        listed = [Node(f"node-{i}", f"id-{i}", gpus, free, facts) for i, (gpus, free, facts) in enumerate(found)]
        monkeypatch.setenv("RAY_ADDRESS", "head:6379")
        monkeypatch.setattr(cluster, "ask_cluster", lambda *_: listed)
        monkeypatch.setattr("recipe.runs.preflight.cluster.cluster_address", lambda *_: "head:6379")
        return cluster.check_nodes(run)

    return of


def test_nodes_and_gpus_are_counted_as_verl_places_them(run, nodes):
    four, full, taken = ["trainer.nnodes=2", "trainer.n_gpus_per_node=8"], (8, 8, about()), (8, 3, about())
    check(nodes(run(*four, platform="gpu"), full, full), "pass", "2 nodes at head:6379, 16 GPUs, 16 of them")
    check(nodes(run(*four, platform="gpu"), full, full, full), "warn", "8 stay idle", "raise trainer.nnodes")
    finding = r"2 nodes with 8 free GPUs are asked for, the cluster at head:6379 has 1; short: node-1 \(3 free of 8\)"
    check(nodes(run(*four, platform="gpu"), full, taken), "fail", finding, "ray status")
    check(
        nodes(run(*four, platform="gpu"), full, (8, 8, None)),
        "fail",
        "1 of 2 nodes do not answer within 60 s: node-1",
        "ray stop",
    )
    separate = ("trainer.v1.trainer_mode=separate_async", f"{ROLLOUT}.nnodes=1", f"{ROLLOUT}.n_gpus_per_node=4")
    check(nodes(run(*four, *separate, platform="gpu"), full, full), "fail", "3 nodes with 8/4 free GPUs")
    check(nodes(run(*four, *separate, platform="gpu"), full, full, (4, 4, about())), "pass", "20 GPUs, 20 of them")


def test_versions_and_inputs_are_compared_on_every_node(run, nodes):
    demo = run()
    here = about(versions=on_node.describe(*cluster._questions(demo))["versions"])
    nodes(demo, (1, 1, here), (1, 1, here))
    check(cluster.check_packages(demo), "pass", "verl 0.9.1.* on 2 nodes")
    check(cluster.check_inputs_on_nodes(demo), "pass", "4 local paths")

    older = here | {"versions": here["versions"] | {"verl": "0.9.0"}}
    nodes(demo, (1, 1, here), (1, 1, older))
    check(cluster.check_packages(demo), "fail", "but node-1 has verl 0.9.0", "requirements.lock")
    nodes(demo, (1, 1, here | {"can_import": False}), (1, 1, here | {"missing": ["/data/model"]}))
    check(cluster.check_packages(demo), "fail", "cannot import recipe.htpo on node-0", "working-dir")
    check(cluster.check_inputs_on_nodes(demo), "fail", "/data/model is missing on node-1", "all nodes share")


def test_a_node_tells_what_it_has(tmp_path):
    found = on_node.describe(["verl", "no-such-package"], "no_such_recipe.htpo", [str(tmp_path), str(tmp_path / "gone")])
    assert found["versions"].keys() == {"python", "verl"}
    assert found["can_import"] is False
    assert found["missing"] == [str(tmp_path / "gone")]


def test_memory_is_compared_with_the_smallest_gpu(run, nodes):
    one = run(EIGHT, platform="gpu")
    nodes(one, (8, 8, about(gpu_bytes=[80 * 2**30] * 8)), (8, 8, about(gpu_bytes=[40 * 2**30] * 8)))
    assert cluster.gpu_memory(one) == 40 * 2**30
    assert cluster.gpu_memory(run("+preflight.gpu_gib=80")) == 80 * 2**30
    check(memory.check_memory(run()), "skip", "no GPU memory; estimate")
    check(memory.check_memory(run(platform="gpu")), "skip", r"preflight.gpu_gib=80\); estimate for training: 2.1 GiB")


def test_the_memory_of_gpus_is_asked_of_nvidias_library(monkeypatch):
    library = SimpleNamespace(
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetHandleByIndex=lambda i: i,
        nvmlDeviceGetMemoryInfo=lambda i: SimpleNamespace(total=(i + 1) * 2**30),
    )
    monkeypatch.setitem(sys.modules, "pynvml", library)
    assert on_node.gpu_bytes() == [2**30, 2**31]


def test_a_ray_client_is_not_asked(run, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(SkipCheck, match="ray://head:10001 is a Ray Client"):
        cluster.check_nodes(run())
