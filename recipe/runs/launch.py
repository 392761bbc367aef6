"""From a composed config to verl's driver: environment, checks, then `run_ppo`."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from functools import partial

from omegaconf import DictConfig, open_dict

from recipe.runs import stopping, watchdog
from recipe.runs.checkpoints import resumes_from
from recipe.runs.start_checks import checks_before_start
from recipe.runs.weight_bucket import fit_weight_bucket
from recipe.token_level.method import Method
from verl_patches import driver
from verl_patches.weight_socket import give_own_socket

# The last two are what torch.save makes of a write that was cut short.
_DISK_FULL = ("No space left", "PytorchStreamWriter failed writing file", "unexpected pos ")


def launch(config: DictConfig, method: Method) -> None:
    """Train.

    Ends with status 2 and one sentence on stderr if the config, the model or the data are wrong, RUN_AGAIN if it saved and
    ended because a signal asked for it, TRY_AGAIN if it hung, or had nothing to save when it was asked to end, 1 if something
    failed on the way.
    """
    try:
        _prepare(config, method)
    except ValueError as error:
        end(error, status=2)

    import ray

    stopping.forget(config)
    watchdog.hang_file(config).unlink(missing_ok=True)
    try:
        driver.run(config, method.trainers, on_ray_up=partial(stopping.listen, config))
    except KeyboardInterrupt:
        if not stopping.request_file(config).exists():
            raise  # Ctrl-C
        ray.shutdown()
        stopping.forget(config)
        print(f"\nasked to end again before the run had saved; {resumes_from(config)}", file=sys.stderr)
        raise SystemExit(stopping.TRY_AGAIN) from None
    except ray.exceptions.RayError as error:
        ray.shutdown()  # the workers' last lines come before ours
        cause = bottom(error)
        if isinstance(cause, stopping.Stopped):
            stopping.forget(config)
            print(f"\n{cause}", file=sys.stderr)
            raise SystemExit(cause.status) from None
        traceback.print_exception(error)
        if words := watchdog.last_words(config):
            sentence, finished = words
            if finished:  # a resumed run would have nothing to train
                print(f"\nwarning: {sentence}; all steps are trained, what the trackers had not sent is lost", file=sys.stderr)
                return
            end(f"{sentence}; {resumes_from(config)}", status=stopping.TRY_AGAIN)
        end(_explain(cause, config), status=1)


def bottom(error: Exception) -> Exception:
    """The exception at the bottom of Ray's, one of which is added for each actor on the way."""
    while getattr(error, "cause", None) is not None:
        error = error.cause
    return error


def _explain(cause: Exception, config: DictConfig) -> str:
    """One sentence: what a user can mend, or else what failed and where a resumed run begins."""
    if isinstance(cause, ValueError):
        return str(cause)
    name = f"{type(cause).__name__}: {str(cause).strip().splitlines()[0] if str(cause).strip() else ''}".rstrip(":. ")
    if getattr(cause, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(text in str(cause) for text in _DISK_FULL):
        name = f"a disk is full ({name}); free space or lower trainer.max_actor_ckpt_to_keep"
    elif getattr(cause, "errno", None) == errno.EROFS or "Read-only file system" in str(cause):
        name = f"a disk can only be read ({name}); have it mounted for writing, or take another folder"
    return f"{name}; {resumes_from(config)}"


def end(error: Exception | str, status: int) -> None:
    """End this process with one sentence on stderr."""
    print(f"\nerror: {error}", file=sys.stderr)
    raise SystemExit(status)


def _prepare(config: DictConfig, method: Method) -> None:
    give_own_socket(config)
    apply_environment(config, method.plugin)  # before verl is imported: it chooses its platform once
    for check in checks_before_start(config, method).values():
        check()
    fit_weight_bucket(config)
    with open_dict(config):
        mode = config.trainer.v1.trainer_mode.removeprefix(f"{method.name}_")
        config.trainer.v1.trainer_mode = f"{method.name}_{mode}"


def apply_environment(config: DictConfig, plugin: str) -> None:
    """Give this process and, through Ray's runtime environment, every worker the same variables.

    They are the config's `ray_kwargs.ray_init.runtime_env.env_vars`, and `VERL_USE_EXTERNAL_MODULES` with the plugin added,
    so that workers load it without this project being installed.
    """
    runtime_env = config.ray_kwargs.ray_init.runtime_env
    variables = {key: str(value) for key, value in (runtime_env.get("env_vars") or {}).items()}
    modules = [os.environ.get("VERL_USE_EXTERNAL_MODULES", ""), variables.get("VERL_USE_EXTERNAL_MODULES", ""), plugin]
    names = dict.fromkeys(name for part in modules for name in part.split(",") if name)
    variables["VERL_USE_EXTERNAL_MODULES"] = ",".join(names)
    os.environ.update(variables)
    # A submitted job may bring some of these variables itself; Ray calls that a conflict unless the later value may win.
    os.environ.setdefault("RAY_OVERRIDE_JOB_RUNTIME_ENV", "1")
    ray_init = config.ray_kwargs.ray_init
    with open_dict(config):
        runtime_env.env_vars = variables
        if (os.environ.get("RAY_ADDRESS") or ray_init.get("address") or "local") != "local":
            # A running cluster has its resources already, and Ray refuses to be told otherwise.
            for key in ("num_cpus", "num_gpus", "include_dashboard"):
                ray_init.pop(key, None)
        elif ray_init.get("num_gpus") is not None:
            # Resources can only be given to a new cluster; without this, Ray would join one that happens to run here.
            os.environ["RAY_ADDRESS"] = "local"
