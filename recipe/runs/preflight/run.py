"""The checks in their order, each turned into a row of the table."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace

from omegaconf import DictConfig, OmegaConf

from recipe.primitives.ranges import check_choice
from recipe.runs.launch import apply_environment
from recipe.runs.preflight import batch, cluster, grace, memory, model, storage, tokenizer
from recipe.runs.preflight.facts import Run, SkipCheck
from recipe.runs.preflight.launcher import launcher_checks
from recipe.runs.preflight.results import Result, exit_status, failed, skipped, table
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


def run_checks(config: DictConfig, method: Method) -> list[Result]:
    """One result of each check; a Ray cluster that is asked for is joined and left again."""
    apply_environment(config, method.plugin)
    run = Run(config, method)
    checks = {
        **launcher_checks(run),
        "model": model.check_model,
        "tokenizer": tokenizer.check_tokenizer,
        "parallelism": batch.check_parallelism,
        "batch": batch.check_batch,
        "token budget": batch.check_token_budget,
        "heads": batch.check_heads,
        "rollout": batch.check_rollout,
        "context": batch.check_context_length,
        "nodes": cluster.check_nodes,
        "packages": cluster.check_packages,
        "inputs": cluster.check_inputs_on_nodes,
        "checkpoints": storage.check_checkpoints,
        "shared path": storage.check_shared,
        "grace": grace.check_grace,
        "memory": memory.check_memory,
    }
    left_out = OmegaConf.select(config, "preflight.skip") or ()
    left_out = [left_out] if isinstance(left_out, str) else left_out
    try:
        for name in left_out:
            check_choice("preflight.skip", name, tuple(checks))
        return [
            replace(skipped("left out by preflight.skip") if name in left_out else _result(check, run), name=name)
            for name, check in checks.items()
        ]
    except ValueError as error:
        return [replace(failed(str(error)), name="preflight")]
    finally:
        _leave_cluster()


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
