"""A socket of its own for each run's weights, so that two runs on one machine cannot take each other's.

Wrong upstream (verl 0.9.1): trainer and vLLM workers meet at `/tmp/rl-colocate-zmq-<Ray job>-replica-<n>-rank-<m>.sock`, and
the first job of every Ray cluster is 01000000. Runs with a cluster each (local ones, Slurm jobs that share a node), or a run
and the vLLM workers that a killed one left behind, have one path: they wait for ever, or load the wrong weights. Here the path
has the run's own token in it, which a variable of the runtime environment carries to every process.

    __init__.py     the token and the variables, set by the launcher; imports no verl
    registered.py   verl's registry of rollouts gets our sender; one of the modules that verl loads from outside
    ends.py         the two ends: verl's sender in a training rank, verl's extension of a vLLM worker
    sums.py         on demand: what one end sent, and what the other has then
"""

from __future__ import annotations

import os
import secrets
import tempfile

from omegaconf import DictConfig, open_dict

from verl_patches.external_modules import load_everywhere

_LONGEST = 107  # bytes in the path of a Unix socket
TOKEN = "VERL_PATCHES_WEIGHT_SOCKET"
_MODULE = "verl_patches.weight_socket.registered"
_RECEIVER = "verl_patches.weight_socket.ends.Receiver"
_RECEIVERS = (_RECEIVER, "verl_patches.cpu.vllm_weights.CpuWorkerExtension")


def give_own_socket(config: DictConfig) -> None:
    """Put a new token, and the modules of both ends, into the config.

    A worker extension of the user's own in `engine_kwargs.vllm.worker_extension_cls` keeps verl's path, unless it inherits from
    `Receiver` and the user sets the rest; engines other than vLLM have none of this.
    """
    rollout = config.actor_rollout_ref.rollout
    if rollout.name != "vllm":
        return
    with open_dict(config):
        engine = rollout.setdefault("engine_kwargs", {}).setdefault("vllm", {})
        if not engine.get("worker_extension_cls"):
            engine.worker_extension_cls = _RECEIVER
        if engine.worker_extension_cls not in _RECEIVERS:
            return
    load_everywhere(config, _MODULE, **{TOKEN: secrets.token_hex(4)})


def of_this_run(path: str) -> str:
    """verl's path of the socket, made this run's own; verl's where the launcher gave no token.

    In the folder for temporary files, which a Slurm job has for itself: what arrives there is unpickled. A folder with a long
    name would not fit into a socket's address.
    """
    token = os.environ.get(TOKEN)
    if not token:
        return path
    own = path.replace("/rl-colocate-zmq-", f"/rl-colocate-zmq-{token}-", 1)
    placed = own.replace("ipc:///tmp/", f"ipc://{tempfile.gettempdir()}/", 1)
    return placed if len(placed.removeprefix("ipc://")) <= _LONGEST else own
