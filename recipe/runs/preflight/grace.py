"""Whether a run that is asked to end has the time for it.

Rollouts and validations are broken off, so what has to fit is the rest of a step, at most from its log-probs to its weight
sync, and a save. Earlier attempts of the run have measured both. Before the first one they are estimates: of the update, of
responses of full length at `_FLOPS` a GPU, 8 of them a parameter and token for forward, recomputation and backward pass and 2
for the old log-probs; of the save, from the checkpoint's size and how fast this machine writes into its folder.
"""

from __future__ import annotations

import math
import os
import time
import uuid

from omegaconf import OmegaConf

from recipe.files.metrics import read_metrics
from recipe.runs.preflight.facts import Run
from recipe.runs.preflight.results import Result, passed, skipped, warned
from recipe.runs.preflight.storage import checkpoint_bytes, existing_parent
from recipe.runs.run_folder import run_folder

_FLOPS = 0.4 * 989e12  # 40% of what an H100 has for dense matrices in bf16
_RECENT = 50  # steps
_PROBE = 64 << 20  # bytes


def check_grace(run: Run) -> Result:
    """The notice before the end, `+preflight.grace_s`, against a step's update and a save."""
    grace = OmegaConf.select(run.config, "preflight.grace_s")
    if grace is None:
        return skipped("+preflight.grace_s, the seconds between a signal and the end, is not given")
    update, save, how = measured(run) or estimated(run)
    finding = f"{grace:,.0f} s of notice for {update:,.0f} s of a step's update and {save:,.0f} s of a save ({how})"
    if update + save <= grace:
        return passed(finding)
    seconds = math.ceil(1.2 * (update + save) / 60) * 60
    freq = run.config.trainer.save_freq
    return warned(
        f"{finding}: a run that is asked to end then goes back to its last checkpoint",
        f"more notice, with Slurm --signal=B:USR1@{seconds}, with KubeRay a longer grace_s, or a smaller trainer.save_freq "
        f"than {freq}",
    )


def measured(run: Run) -> tuple[float, float, str] | None:
    """The longest of the run's recent steps, in seconds: from the rollouts' end to the save, and the save; None before both."""
    steps = list(read_metrics(run_folder(run.config)).values())[-_RECENT:]
    saves = [data["timing_s/save_checkpoint"] for data in steps if "timing_s/save_checkpoint" in data]
    trained = [data for data in steps if "timing_s/step" in data]
    if not saves:
        return None
    parts = [sum(data.get(f"timing_s/{name}", 0) for name in ("gen", "save_checkpoint")) for data in trained]
    rest = [data["timing_s/step"] - part for data, part in zip(trained, parts, strict=True)]
    return max(rest), max(saves), "the longest of the earlier attempts"


def estimated(run: Run) -> tuple[float, float, str]:
    """As `measured`, before there is anything to measure."""
    data, gpus = run.config.data, run.layout.gpus
    responses = data.train_batch_size * run.config.actor_rollout_ref.rollout.n
    tokens = responses * (data.max_prompt_length + data.max_response_length)
    update = 10 * run.model.parameters * tokens / (gpus * _FLOPS)
    rate = _written_a_second(existing_parent(run.config.trainer.default_local_dir))
    return update, checkpoint_bytes(run) / rate, f"estimates: {rate / 1e6:,.0f} MB/s from here, full-length responses on H100s"


def _written_a_second(folder: str) -> float:
    path = os.path.join(folder, f".preflight-{uuid.uuid4().hex}")
    start = time.perf_counter()
    try:
        with open(path, "wb") as file:
            file.write(os.urandom(_PROBE))
            file.flush()
            os.fsync(file.fileno())
        return _PROBE / (time.perf_counter() - start)
    finally:
        if os.path.exists(path):
            os.remove(path)
