"""The launcher's own checks as rows, each with what it has accepted."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import partial

from omegaconf import DictConfig

from recipe.runs.checkpoints import newest_complete
from recipe.runs.data_checks import VALIDATION, Data, training_rows
from recipe.runs.preflight.facts import Run, SkipCheck
from recipe.runs.preflight.results import Result, listed, passed, skipped, warned
from recipe.runs.saved_ranks import check_ranks
from recipe.runs.start_checks import checks_before_start

# Checks whose warnings are the recipes' own; verl warns of what the recipes chose.
_WARN = ("config", "data", "reward")


def launcher_checks(run: Run) -> dict[str, Callable[[Run], Result]]:
    """Rows by name: the launcher's check, then the function here that says what it accepted."""
    checks = checks_before_start(run.config, run.method)
    return {name: partial(_checked, name, check, ACCEPTED[name]) for name, check in checks.items()}


def _checked(name: str, check, accepted, run: Run) -> Result:
    config = run.config
    if name != "config" and None in (config.actor_rollout_ref.model.path, config.data.train_files, config.data.val_files):
        raise SkipCheck("model or data are not given")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = accepted(run, check())
    told = [str(w.message) for w in caught if w.category is UserWarning and name in _WARN]
    if not told:
        return result
    return warned("; ".join(told if result.status == "skip" else [result.finding, *told]), result.mend)


def _config(run, _) -> Result:
    config = run.config
    return passed(
        f"{run.method.name} accepts it: estimator {config.algorithm.adv_estimator}, loss "
        f"{config.actor_rollout_ref.actor.policy_loss.loss_mode}, trainer mode {config.trainer.v1.trainer_mode}, "
        f"{config.actor_rollout_ref.actor.strategy}"
    )


def _environment(run, _) -> Result:
    return passed("variables, Ray's address and the checkpoint folder can be used")


def _model_path(run, _) -> Result:
    path = run.config.actor_rollout_ref.model.path
    return passed(f"{path} is a folder with a config.json" if os.path.isabs(path) else f"{path} is a name on the hub")


def _data(run, data: Data) -> Result:
    if data.elsewhere:
        return skipped("only rows of local files read by verl's own data set class can be looked at")
    rows = training_rows(run.config, data)
    steps = rows // run.config.data.train_batch_size
    return passed(
        f"every row can be used; {rows:,} training rows, {steps:,} steps an epoch; {data.rows(VALIDATION):,} validation rows"
    )


def _objective(run, file) -> Result:
    return passed(
        f"as the checkpoints were trained ({file})" if file else "no checkpoint here says that it was trained with another"
    )


def current_step(config: DictConfig) -> int:
    """Step of the newest checkpoint that a run with these settings would resume from; 0 without one."""
    if config.trainer.resume_mode != "auto":
        return 0
    folder, _ = newest_complete(config.trainer.default_local_dir)
    return int(folder.rsplit("_", 1)[1]) if folder else 0


def _resume(run, _) -> Result:
    trainer = run.config.trainer

    def named(folder) -> str:
        ranks = check_ranks(run.config, folder)
        return f"{folder}, {ranks}" if ranks else str(folder)

    if trainer.resume_mode == "resume_path":
        return passed(f"continues from {named(trainer.resume_from_path)}")
    folder, broken = newest_complete(trainer.default_local_dir) if trainer.resume_mode == "auto" else (None, [])
    if broken:
        return warned(
            f"continues from {named(folder)}, because {'; '.join(broken)}", "restore what is broken, or remove its folder"
        )
    return passed(f"continues from {named(folder)}" if folder else "starts at step 0")


def _plugin(run, _) -> Result:
    return passed(f"verl has the loss and the estimator of {run.method.plugin}")


def _reward(run, results) -> Result:
    if not results:
        return skipped("the reward function can be tried only where the workers run")
    shown, right = {}, []
    for (file, source), result in results.items():
        verdict = result.get("acc") if isinstance(result, dict) else result
        if verdict is not None and float(verdict) > 0:
            right.append(f"{source!r} of {file}")
        given = ", ".join(f"{key} {value}" for key, value in result.items()) if isinstance(result, dict) else str(result)
        shown.setdefault(given, []).append(source)
    found = "; ".join(f"{listed(list(dict.fromkeys(sources)))}: {given}" for given, sources in shown.items())
    finding = f"an empty answer to a row of each data source gets {found}"
    if right:
        return warned(
            f"{finding}; it counts as right for {listed(right)}",
            "look at reward.custom_reward_function and the row's ground_truth",
        )
    return passed(finding)


def _verl(run, _) -> Result:
    return passed("verl's own checks accept the config")


# By the names of the launcher's checks.
ACCEPTED = {
    "config": _config,
    "environment": _environment,
    "model path": _model_path,
    "data": _data,
    "objective": _objective,
    "resume": _resume,
    "plugin": _plugin,
    "reward": _reward,
    "verl": _verl,
}
