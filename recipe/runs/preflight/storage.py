"""Checkpoints: how large they are, whether they fit on the disk, and whether all nodes write into the same folder.

A rank saves its own shard of the parameters and of the optimizer's two moments, all in `fsdp_config.model_dtype`. With b bytes
for each of N parameters, of which T are trained, and c copies of each (1; with FSDP1 under HSDP GPUs / fsdp_size; with FSDP2
the other replicas link to the first one's files), a checkpoint has

    c (b N + 2 b T)    and 2 N more for `hf_model` in `actor.checkpoint.save_contents`

Checkpoints that are there take none of the free space any more, and go as new ones come. Free space is the file system's; a
quota is not seen. What the asynchronous modes save of unfinished responses is not counted.
"""

from __future__ import annotations

import os
import shutil
import time
import uuid

from recipe.runs.data_checks import training_rows
from recipe.runs.environment_checks import existing_parent
from recipe.runs.nodes import on_nodes
from recipe.runs.preflight import on_node, results
from recipe.runs.preflight.facts import Run, SkipCheck
from recipe.runs.preflight.launcher import current_step
from recipe.runs.preflight.results import Result, failed, gib, passed, skipped, warned
from recipe.runs.preflight.sizes import parameter_bytes, trained_parameters
from recipe.runs.retention import listed

_TIGHT = 0.9  # of the free space
_PATIENCE = 5.0  # seconds that a file may take to appear on another node


def check_checkpoints(run: Run) -> Result:
    """All checkpoints that will be there at a time fit into the free space."""
    trainer = run.config.trainer
    if trainer.save_freq <= 0:
        return warned(
            f"trainer.save_freq is {trainer.save_freq}: none is saved, and a killed run starts anew", "trainer.save_freq=10"
        )
    folder = existing_parent(trainer.default_local_dir)
    size = checkpoint_bytes(run)
    free, saves = shutil.disk_usage(folder).free, _saves_left(run)
    keep = 1 if trainer.get("remove_previous_ckpt_in_save") else trainer.max_actor_ckpt_to_keep
    there = len(listed(trainer.default_local_dir))
    most = _more_at_a_time(max(keep, 2), there if current_step(run.config) else 0) if keep else None
    count = min((n for n in (saves, most) if n is not None), default=None)
    found = f"{gib(size)} each, " + (f"{there} there, " if there else "")
    if count is None:
        finding = f"{found}{gib(free)} free in {folder}; how many are saved is not known, and none is removed"
        mend = "trainer.max_actor_ckpt_to_keep=2"
        return failed(finding, mend) if size > free else warned(finding, mend)
    more = "more " if there else ""
    finding = f"{found}up to {count} {more}at a time: {gib(count * size)}; {gib(free)} free in {folder}"
    fits = int(_TIGHT * free // size) + max(there - 1, 0)  # so many may stay
    fewer = f"trainer.max_actor_ckpt_to_keep={fits}, " if fits >= 2 and (keep is None or fits < keep) else ""
    mend = f"{fewer}more space, or another trainer.default_local_dir"
    if count * size > free:
        return failed(finding, mend)
    return warned(finding, mend) if count * size > _TIGHT * free else passed(finding)


def _more_at_a_time(keep: int, there: int) -> int:
    """Checkpoints that are written beside those that are there, and that the run goes on from, before any of them is removed.

    verl removes the oldest that this start has written before it writes one more, but never the only one; those of earlier
    starts go when the new one is complete, see retention.py.
    """
    return max(keep + 1 - there, 1) if there else keep


def checkpoint_bytes(run: Run) -> int:
    """Bytes of one checkpoint, by the formula above."""
    actor, model = run.config.actor_rollout_ref.actor, run.model
    if actor.strategy == "megatron":
        raise SkipCheck("sizes are computed for FSDP checkpoints only")
    contents, each, trained = actor.checkpoint.save_contents, parameter_bytes(run), trained_parameters(run)
    adapters = trained if trained < model.parameters else 0
    weights = adapters if adapters and actor.checkpoint.get("save_lora_only") else model.parameters + adapters
    copies = run.layout.gpus // run.layout.shard if actor.strategy == "fsdp" else 1
    size = copies * each * (weights * ("model" in contents) + 2 * trained * ("optimizer" in contents))
    return size + 2 * model.parameters * ("hf_model" in contents)


def _saves_left(run: Run) -> int | None:
    """Checkpoints from the step that the run starts at to its last one; None if its length is not known."""
    trainer = run.config.trainer
    ends = [step for step in (trainer.total_training_steps, _steps_of_all_epochs(run)) if step is not None]
    if not ends:
        return None
    first, last = current_step(run.config), min(ends)
    return max(last // trainer.save_freq - first // trainer.save_freq + (last % trainer.save_freq > 0), 1)


def _steps_of_all_epochs(run: Run) -> int | None:
    try:
        if run.data.elsewhere:
            return None
    except SkipCheck:
        return None
    return training_rows(run.config, run.data) // run.config.data.train_batch_size * run.config.trainer.total_epochs


def check_shared(run: Run) -> Result:
    """The checkpoint folder is one folder on all nodes: each reads a file of the driver's there, the driver one of each."""
    if not run.on_cluster or len(run.nodes) < 2:
        return skipped("there is one machine")
    path = run.config.trainer.default_local_dir
    folder = existing_parent(path)
    token = uuid.uuid4().hex
    asked = os.path.join(folder, f".preflight-{token}")
    try:
        with open(asked, "w") as file:
            file.write(token)
    except OSError as error:
        return failed(f"trainer.default_local_dir={path} cannot be written: {error}", "choose another folder")
    try:
        faults = _ask(run, asked, token)
    finally:
        on_node.remove(asked)
    if faults:
        return failed(
            f"trainer.default_local_dir={path} is not shared by all nodes (tried in {folder}): {results.listed(faults)}",
            "set trainer.default_local_dir to a path on a file system that all nodes mount",
        )
    return passed(f"{len(run.nodes)} nodes read what this process writes into {folder}, and it reads theirs")


def _ask(run: Run, asked: str, token: str) -> list[str]:
    """What is wrong, a sentence for each node that does not share the folder; no file of a node's is left behind."""
    answers = {node.id: f"{asked}-{node.id[:12]}" for node in run.nodes}
    calls = {node: (asked, answer, token, _PATIENCE) for node, answer in answers.items()}
    found = on_nodes(on_node.look_and_answer, calls)
    deadline, unseen, faults = time.monotonic() + _PATIENCE, {}, []
    for node in run.nodes:
        fault = found.get(node.id, "did not answer")
        if fault is None and on_node.look(answers[node.id], token, max(deadline - time.monotonic(), 0)):
            fault = "writes a file that this process does not see"
            unseen[node.id] = (answers[node.id],)
        on_node.remove(answers[node.id])
        if fault is not None:
            faults.append(f"{node.name} {fault}")
    on_nodes(on_node.remove, unseen)
    return faults
