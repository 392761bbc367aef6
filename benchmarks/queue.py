"""`python -m benchmarks.queue`: what TransferQueue's key costs, over TransferQueue as it comes; on this machine's loopback.

A part of a step: responses put as verl's workers do, and read again. Each variant has its own Ray cluster and process.
"""

from __future__ import annotations

import subprocess
import sys
import time
from statistics import median

from benchmarks.rows import measured

RESPONSES, TOKENS, FIELDS = 512, 8192, 4  # float32: 64 MiB
ROUNDS = 7


def measure(with_key: bool) -> tuple[float, float]:
    """Median seconds of a put and of a get."""
    if with_key:
        from verl_patches.queue_key import registered  # noqa: F401
    import ray
    import torch
    import transfer_queue
    from tensordict import TensorDict

    ray.init(address="local", num_cpus=4, include_dashboard=False, log_to_driver=False)
    transfer_queue.init()
    keys = [str(i) for i in range(RESPONSES)]
    data = TensorDict({f"field{i}": torch.rand(RESPONSES, TOKENS) for i in range(FIELDS)}, batch_size=RESPONSES)
    puts, gets = [], []
    for i in range(ROUNDS):
        start = time.perf_counter()
        transfer_queue.kv_batch_put(keys, partition_id=str(i), fields=data)
        middle = time.perf_counter()
        transfer_queue.kv_batch_get(keys, partition_id=str(i))
        puts.append(middle - start)
        gets.append(time.perf_counter() - middle)
        transfer_queue.kv_clear(keys=keys, partition_id=str(i))
    ray.shutdown()
    return median(puts), median(gets)


def main() -> None:
    """Alternate the two variants, so that a busy machine is busy for both."""
    if len(sys.argv) > 1:
        print(*measure(sys.argv[1] == "key"))
        return
    found: dict[str, list[tuple[float, ...]]] = {"stock": [], "key": []}
    for variant in ("stock", "key") * 3:
        command = [sys.executable, "-m", "benchmarks.queue", variant]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
        found[variant].append(tuple(map(float, output.splitlines()[-1].split())))
    size = RESPONSES * TOKENS * FIELDS * 4 / 2**20
    print(
        f"TransferQueue, {size:.0f} MiB in {FIELDS} fields of {RESPONSES} responses, seconds, stock and with a key, three runs:"
    )
    for i, name in enumerate(("put", "get")):
        pairs = [(stock[i], key[i]) for stock, key in zip(found["stock"], found["key"], strict=True)]
        print(f"  {name}: " + ", ".join(f"{stock:.3f} {key:.3f}" for stock, key in pairs))
        measured(f"TransferQueue with a key over without, {name}", median(key / stock for stock, key in pairs), "x")


if __name__ == "__main__":
    main()
