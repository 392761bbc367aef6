"""From a composed config to verl's driver: environment, checks, then `run_ppo`."""

from __future__ import annotations

import errno
import os
import sys
import traceback

from omegaconf import DictConfig, open_dict

from recipe.runs import stopping, watchdog
from recipe.runs.alone import take_folder
from recipe.runs.checkpoints import resumes_from
from recipe.runs.preflight.run import require_files_and_numbers
from recipe.runs.settle import settle
from recipe.runs.start_checks import checks_before_start
from recipe.runs.weight_bucket import fit_weight_bucket
from recipe.text.secret import masked
from recipe.text.visible import in_log, visible
from recipe.token_level.method import Method
from verl_patches import driver

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
        alone = take_folder(config)
    except ValueError as error:
        end(error, status=2)
    except Exception as error:
        print_traceback(error)
        end(f"a check before the start broke: {type(error).__name__}: {' '.join(str(error).split())}", status=1)

    with alone:
        _run(config, method)


def _run(config: DictConfig, method: Method) -> None:
    import ray

    stopping.forget(config)
    watchdog.hang_file(config).unlink(missing_ok=True)
    started = False

    def on_ray_up():
        nonlocal started
        started = True
        stopping.listen(config)

    try:
        driver.run(config, method.trainers, on_ray_up=on_ray_up)
    except KeyboardInterrupt:
        if not (stopping.heard.is_set() or stopping.asked(config)):
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
            print(f"\n{visible(str(cause))}", file=sys.stderr)
            raise SystemExit(cause.status) from None
        print_traceback(error)
        if words := watchdog.last_words(config):
            sentence, finished = words
            if finished:  # a resumed run would have nothing to train
                print(f"\nwarning: {sentence}; all steps are trained, what the trackers had not sent is lost", file=sys.stderr)
                return
            end(f"{sentence}; {resumes_from(config)}", status=stopping.TRY_AGAIN)
        end(_explain(cause, config), status=1)
    except Exception as error:
        if started:
            raise
        print_traceback(error)
        end(f"Ray could not be started or joined: {type(error).__name__}: {' '.join(str(error).split())}", status=1)


def print_traceback(error: Exception) -> None:
    """To stderr; what it quotes of data cannot command a terminal."""
    print(in_log("".join(traceback.format_exception(error))), file=sys.stderr, end="", flush=True)


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
    print(f"\nerror: {visible(masked(str(error), os.environ))}", file=sys.stderr)
    raise SystemExit(status)


def _prepare(config: DictConfig, method: Method) -> None:
    settle(config, method)
    for check in checks_before_start(config, method).values():
        check()
    require_files_and_numbers(config, method)
    fit_weight_bucket(config)
    with open_dict(config):
        mode = config.trainer.v1.trainer_mode.removeprefix(f"{method.name}_")
        config.trainer.v1.trainer_mode = f"{method.name}_{mode}"
