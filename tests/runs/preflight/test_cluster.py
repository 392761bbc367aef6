"""The checks of nodes and shared folders against a real Ray cluster of three nodes on this machine."""

import os
import shutil
import tempfile

import pytest

from recipe.htpo.method import HTPO
from recipe.runs.preflight import storage
from recipe.runs.preflight.run import run_checks
from tests.runs.preflight.support import ACTOR, arguments, check

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Three nodes with two logical GPUs each; `elsewhere` is started from another folder, so its workers run there."""
    from ray.cluster_utils import Cluster

    folder = tempfile.mkdtemp(prefix="ray-")  # socket paths must be short, and other clusters' records are left alone
    before = os.environ.get("RAY_TMPDIR"), os.getcwd()
    os.environ["RAY_TMPDIR"] = folder
    resources = {"num_cpus": 1, "num_gpus": 2, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=resources | {"node_name": "head"})
    cluster.add_node(**resources, node_name="worker")
    os.chdir(tmp_path_factory.mktemp("elsewhere"))
    try:
        cluster.add_node(**resources, node_name="elsewhere")
        os.chdir(before[1])
        yield cluster.address
    finally:
        os.chdir(before[1])
        cluster.shutdown()
        os.environ.pop("RAY_TMPDIR") if before[0] is None else os.environ.update(RAY_TMPDIR=before[0])
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def rows(compose, inputs, tmp_path, address):
    """The rows of a run on the cluster, by name."""

    def of(*overrides):
        os.environ["RAY_ADDRESS"] = address
        fitting = ("trainer.nnodes=3", "trainer.n_gpus_per_node=2", f"{ACTOR}.ppo_mini_batch_size=12")
        return {r.name: r for r in run_checks(compose(*arguments(inputs, tmp_path), *fitting, *overrides), HTPO)}

    return of


def test_a_cluster_that_is_ready_passes_and_nothing_is_left_behind(rows, tmp_path):
    found = rows()
    check(found["nodes"], "pass", "3 nodes at .*, 6 GPUs, 6 of them for this run")
    check(found["packages"], "pass", "verl 0.9.1.* on 3 nodes")
    check(found["inputs"], "pass", "4 local paths")
    check(found["shared path"], "pass", f"3 nodes read what this process writes into {tmp_path}")
    assert list(tmp_path.iterdir()) == []


def test_what_the_cluster_lacks_is_named(rows):
    check(rows("trainer.n_gpus_per_node=1")["nodes"], "warn", "3 stay idle")
    finding = r"3 nodes with 4 free GPUs .* has 0; short: .*worker \(2 free of 2\)"
    check(rows("trainer.n_gpus_per_node=4")["nodes"], "fail", finding)
    check(rows("trainer.nnodes=4")["nodes"], "fail", "4 nodes with 2 free GPUs")


def test_gpus_that_another_job_holds_are_not_free(rows, address):
    import ray

    ray.init(address=address, log_to_driver=False)
    group = ray.util.placement_group([{"GPU": 2}])
    ray.get(group.ready(), timeout=60)
    try:
        check(rows()["nodes"], "fail", r"has 2; short: \w+ \(0 free of 2\)")  # and leaves the cluster, which frees them
    finally:
        ray.shutdown()


@pytest.mark.parametrize(
    ("sees_ours", "fault"),
    [(False, "does not see the file"), (True, "writes a file that this process does not see")],
)
def test_a_node_that_mounts_another_folder_is_named_and_left_clean(rows, tmp_path, monkeypatch, sees_ours, fault):
    """One node is handed paths in another folder, as if that were what it has mounted there."""
    other, real = tmp_path / "other", storage.on_nodes
    other.mkdir()

    def on_nodes(function, arguments):
        def moved(value, node):
            mine = str(value).endswith(node[:12])
            return str(value).replace(f"{tmp_path}/", f"{other}/") if mine or not sees_ours else value

        node = max(arguments, default=None)
        given = tuple(moved(value, node) if isinstance(value, str) else value for value in arguments.get(node, ()))
        return real(function, arguments | ({node: given} if node else {}))

    monkeypatch.setattr(storage, "_PATIENCE", 1.0)
    monkeypatch.setattr(storage, "on_nodes", on_nodes)
    check(
        rows()["shared path"], "fail", rf"is not shared by all nodes \(tried in {tmp_path}\): \w+ {fault}$", "all nodes mount"
    )
    assert list(tmp_path.iterdir()) == [other]
    assert list(other.iterdir()) == []
