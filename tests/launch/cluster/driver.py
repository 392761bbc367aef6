"""A stand-in for a recipe's driver: an actor on each node, steps over all of them, checkpoints on request.

    python driver.py folder=DIR trainer.nnodes=N [gloo=1] [queue=1] [fail_at=STEP] [deaf=1] [hang_at=STEP]

It ends after the first step at which DIR/finish exists. A task of an array has the folder of its number in DIR. On USR1 or TERM
it finishes its step, saves and exits with 85. `queue`: it has a TransferQueue, as verl's driver starts one. `hang_at`: after
this step, or `any`, it ends as a run that its watchdog has ended. `deaf`: it does not answer nor notice that an actor died,
as one that waits in a collective.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import ray
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy


@ray.remote(num_cpus=1, max_restarts=0)
class Worker:
    def place(self) -> dict:
        return {
            "host": os.uname().nodename,
            "address": ray.util.get_node_ip_address(),
            "interface": os.environ["GLOO_SOCKET_IFNAME"],
            "vllm": os.environ["VLLM_HOST_IP"],
            "job": os.environ["SLURM_JOB_ID"],
        }

    def sum_over_hosts(self, rank: int, ranks: int, rendezvous: str) -> float:
        import torch

        torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=ranks)
        value = torch.tensor([rank + 1.0])
        torch.distributed.all_reduce(value)
        torch.distributed.destroy_process_group()
        return value.item()

    def step(self) -> None:
        time.sleep(0.5)


def start_workers(count: int) -> list:
    group = placement_group([{"CPU": 1}] * count, strategy="STRICT_SPREAD")
    ray.get(group.ready(), timeout=60)
    return [Worker.options(scheduling_strategy=PlacementGroupSchedulingStrategy(group, i)).remote() for i in range(count)]


def main() -> int:
    settings = dict(argument.split("=", 1) for argument in sys.argv[1:])
    folder, deaf = Path(settings["folder"], os.environ.get("SLURM_ARRAY_TASK_ID", "")), "deaf" in settings
    folder.mkdir(exist_ok=True)
    asked = []
    for number in (signal.SIGUSR1, signal.SIGTERM):
        signal.signal(number, lambda number, _: asked.append(signal.Signals(number).name))
    saved = folder / "step"
    step = int(saved.read_text()) if saved.exists() else 0
    print(f"starting after step {step}", flush=True)

    ray.init()
    workers = start_workers(int(settings["trainer.nnodes"]))
    places = ray.get([worker.place.remote() for worker in workers])
    (folder / "places.json").write_text(json.dumps(places))
    if "gloo" in settings:
        address = places[0]["address"]
        rendezvous = f"tcp://[{address}]:29511" if ":" in address else f"tcp://{address}:29511"
        sums = [worker.sum_over_hosts.remote(rank, len(workers), rendezvous) for rank, worker in enumerate(workers)]
        (folder / "sums.json").write_text(json.dumps(ray.get(sums)))
    if "queue" in settings:
        import transfer_queue

        from verl_patches.queue_key import registered  # noqa: F401

        transfer_queue.init()
    while True:
        try:
            ray.get([worker.step.remote() for worker in workers])
        except ray.exceptions.RayActorError:
            if not deaf:
                raise
            time.sleep(0.5)
            continue
        step += 1
        saved.write_text(str(step))
        print(f"step {step} done", flush=True)
        if str(step) == settings.get("fail_at"):
            return 3
        if settings.get("hang_at") in ("any", str(step)):
            return 75
        if asked and not deaf:
            print(f"saved on {asked[0]}", flush=True)
            return 85
        if (folder / "finish").exists():
            return 0


if __name__ == "__main__":
    sys.exit(main())
