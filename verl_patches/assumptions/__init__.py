"""The list: what this project assumes of verl, Ray, vLLM, TransferQueue and torch beyond their documented interfaces.

kind.py     what an assumption is
trainer.py  the driver, the registries and the trainer of verl
workers.py  agent loops, training ranks, vLLM
cluster.py  Ray, outside of verl's part of a run
queue.py    TransferQueue's sockets
cpu.py      the platform `cpu`
"""

from verl_patches.assumptions.cluster import CLUSTER
from verl_patches.assumptions.cpu import CPU
from verl_patches.assumptions.kind import Assumption
from verl_patches.assumptions.queue import QUEUE
from verl_patches.assumptions.trainer import TRAINER
from verl_patches.assumptions.workers import WORKERS

# Which process checks a part, and where.
PROCESSES = {
    "driver": "the launcher and the preflight, before the plugin is looked for",
    "plugin": "every process that imports verl, when a method's plugin is imported",
    "task runner": "the trainer's process, when the trainers are registered",
    "agent loop": "the trainer's process and the agent-loop workers, with adaptive temperatures",
    "rank": "each training rank, when the loss function arrives",
    "FSDP rank": "each training rank with FSDP, at the same time",
    "vLLM server": "each vLLM server, when the watchdog asks it who it is",
    "vLLM worker": "each vLLM worker, with adaptive temperatures",
    "preflight": "the preflight, before it asks a cluster",
    "evaluation": "an evaluation, before it starts the servers",
    "submission": "launch/submit.py, before it talks to the job server",
    "Slurm": "launch/slurm/wait_for_nodes.py",
    "weight socket": "every process of a run that imports verl",
    "queue": "every process of a run that imports verl",
    "vLLM weights": "training ranks and vLLM workers, when verl makes its two ends of the weight sync",
    "CPU": "every process on the platform `cpu`",
    "vLLM worker on the CPU": "each vLLM worker on the platform `cpu`",
}
ASSUMPTIONS: tuple[Assumption, ...] = (*TRAINER, *WORKERS, *CLUSTER, *QUEUE, *CPU)

__all__ = ["ASSUMPTIONS", "PROCESSES", "Assumption"]
