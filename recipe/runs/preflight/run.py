"""The checks in their order, each turned into a row of the table."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace

from omegaconf import DictConfig

from recipe.primitives.ranges import check_choice
from recipe.runs.preflight import batch, cluster, grace, memory, model, prompts, storage, thinking, tokenizer
from recipe.runs.preflight.facts import Run, SkipCheck
from recipe.runs.preflight.launcher import ACCEPTED, launcher_checks
from recipe.runs.preflight.results import Result, exit_status, failed, skipped, table
from recipe.runs.settle import settle
from recipe.token_level.method import Method


def preflight(config: DictConfig, method: Method) -> None:
    """Print the table to stdout and exit with status 0 if nothing failed, else 2. Whatever else is printed goes to stderr."""
    for handler in logging.getLogger().handlers:  # Hydra's writes to stdout
        if getattr(handler, "stream", None) is sys.stdout:
            handler.setStream(sys.stderr)
    with contextlib.redirect_stdout(sys.stderr):
        results = run_checks(config, method)
    print(table(results))
    raise SystemExit(exit_status(results))


# What needs no other machine and no estimate: the launcher refuses what fails here, too.
FILES_AND_NUMBERS: dict[str, Callable[[Run], Result]] = {
    "model": model.check_model,
    "tokenizer": tokenizer.check_tokenizer,
    "prompts": prompts.check_prompts,
    "thinking": thinking.check_thinking,
    "parallelism": batch.check_parallelism,
    "batch": batch.check_batch,
    "token budget": batch.check_token_budget,
    "heads": batch.check_heads,
    "rollout": batch.check_rollout,
    "requests": batch.check_requests,
    "context": batch.check_context_length,
}

_ON_MACHINES: dict[str, Callable[[Run], Result]] = {
    "nodes": cluster.check_nodes,
    "packages": cluster.check_packages,
    "inputs": cluster.check_inputs_on_nodes,
    "checkpoints": storage.check_checkpoints,
    "shared path": storage.check_shared,
    "grace": grace.check_grace,
    "memory": memory.check_memory,
}
_SETTINGS = ("skip", "gpu_gib", "grace_s")
_NAMES = (*ACCEPTED, *FILES_AND_NUMBERS, *_ON_MACHINES)


def require_files_and_numbers(config: DictConfig, method: Method) -> None:
    """Raise ValueError for the first of FILES_AND_NUMBERS that fails, unless `preflight.skip` leaves it out."""
    run, left_out = Run(config, method), _left_out(config)
    for name, check in {**FILES_AND_NUMBERS, "nodes": cluster.check_machine}.items():
        result = skipped("") if name in left_out else _result(check, run)
        if result.status == "fail":
            raise ValueError("; ".join(filter(None, (result.finding, result.mend))))
        if result.status == "warn":
            warnings.warn("; ".join(filter(None, (result.finding, result.mend))), stacklevel=2)


def run_checks(config: DictConfig, method: Method) -> list[Result]:
    """One result of each check; a Ray cluster that is asked for is joined and left again."""
    try:
        settle(config, method)
    except ValueError as error:
        return [replace(failed(str(error)), name="config")]
    run = Run(config, method)
    checks = {
        **launcher_checks(run),
        **FILES_AND_NUMBERS,
        **_ON_MACHINES,
    }
    try:
        left_out = _left_out(config)
        return [
            replace(skipped("left out by preflight.skip") if name in left_out else _result(check, run), name=name)
            for name, check in checks.items()
        ]
    except ValueError as error:
        return [replace(failed(str(error)), name="preflight")]
    finally:
        _leave_cluster()


def _left_out(config: DictConfig) -> list[str]:
    """The names in `preflight.skip`. ValueError for one that no check has, and for an unknown setting of the preflight."""
    settings = config.get("preflight") or {}
    if unknown := sorted(set(settings) - set(_SETTINGS)):
        raise ValueError(f"preflight has no setting {unknown[0]!r}; its settings are {', '.join(_SETTINGS)}")
    names = settings.get("skip") or ()
    names = [names] if isinstance(names, str) else list(names)
    for name in names:
        check_choice("preflight.skip", name, _NAMES)
    return names


def _result(check: Callable[[Run], Result], run: Run) -> Result:
    """The check's result; an exception is a failure."""
    try:
        return check(run)
    except SkipCheck as reason:
        return skipped(str(reason))
    except ValueError as error:
        return failed(" ".join(str(error).split()))
    except Exception as error:
        traceback.print_exc()
        return failed(f"{type(error).__name__}: {' '.join(str(error).split())}")


def _leave_cluster() -> None:
    ray = sys.modules.get("ray")
    if ray is not None and ray.is_initialized():
        ray.shutdown()
