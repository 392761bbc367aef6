"""The reward function of an evaluation: loaded as verl loads it for training, tried out first, run in Ray workers."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from recipe.files.scalars import scalar
from recipe.rlvr_math.evaluation.benchmarks import Benchmark, Problem
from recipe.rlvr_math.reward.contract import returned
from recipe.runs.launch import bottom
from recipe.runs.reward_function import call_reward, load_reward

PATIENCE = 600.0  # seconds that a reward function may take for one response
_NAMED = 5  # problems named in a message


def describe_verifier(config: DictConfig) -> str:
    """The function, its arguments, and its module's VERIFIER, or the version of its package, or the digest of its file."""
    function = load_reward(config)
    function = inspect.unwrap(function.args[0] if hasattr(function, "args") else function)
    given = config.reward.custom_reward_function
    package = function.__module__.partition(".")[0]
    if given.path and not given.path.startswith("pkg://"):
        name, package = f"{Path(given.path).name}:{function.__qualname__}", None
    else:
        name = f"{function.__module__}.{function.__qualname__}"
    version = getattr(function, "VERIFIER", None) or function.__globals__.get("VERIFIER")
    try:
        version = version or (metadata.version(package) if package else None)
    except metadata.PackageNotFoundError:
        version = None
    if version is None:
        version = f"sha256 {hashlib.sha256(Path(inspect.getsourcefile(function)).read_bytes()).hexdigest()[:12]}"
    arguments = OmegaConf.to_container(given.get("reward_kwargs") or OmegaConf.create({}), resolve=True)
    return f"{name} {version}" + "".join(f", {key}={value}" for key, value in sorted(arguments.items()))


def score(function, problem: Problem, output: str) -> dict[str, Any]:
    """Call the reward function as verl's reward loop does; a plain number is both score and verdict, as there.

    Returns `score`, `acc`, `pred` (None if the function gives none) and further keys of the function, all of JSON's types.

    Raises:
        ValueError: it returns something else than `recipe.rlvr_math.reward.contract` says.
    """
    result = call_reward(function, problem.data_source, output, problem.ground_truth, problem.extra_info)
    return {"pred": None} | {key: scalar(value) for key, value in returned(result, "the reward function").items()}


def check_rewards(config: DictConfig, benchmarks: list[Benchmark]) -> None:
    """Try the reward function on every problem, with no answer and with the ground truth itself in the usual forms.

    Raises:
        ValueError: there is none for a data source, it fails for a problem, gives no verdict, or takes not even the ground
            truth of a problem for a right answer to it, as it does for others.
    """
    function = load_reward(config)
    if inspect.iscoroutinefunction(getattr(function, "func", function)):
        return  # it asks a service, which may need what only a running cluster has
    for benchmark in benchmarks:
        never_right = []
        for problem in benchmark.problems:
            truth = problem.ground_truth
            forms = ("", str(truth), f"\\boxed{{{truth}}}", f"Answer: {truth}", f"</think>\\boxed{{{truth}}}")
            try:
                if not any(score(function, problem, form)["acc"] for form in forms):
                    never_right.append(problem.id)
            except NotImplementedError:
                sources = sorted({problem.data_source for problem in benchmark.problems})
                raise ValueError(
                    f"there is no reward function for data_source {problem.data_source!r} of {benchmark.file} (it has "
                    f"{', '.join(sources)}); set reward.custom_reward_function.path and .name"
                ) from None
            except Exception as error:
                raise ValueError(
                    f"the reward function fails for problem {problem.id} of {benchmark.file}, ground truth {truth!r}: "
                    f"{str(error) or type(error).__name__}"
                ) from None
        if len(never_right) == len(benchmark.problems):
            print(
                f"warning: the reward function takes not even a ground truth of {benchmark.file} for a right answer; that is "
                "well only if it wants answers in a form of its own",
                file=sys.stderr,
            )
        elif never_right:
            raise ValueError(
                f"the ground truth of {len(never_right)} of {len(benchmark.problems)} problems of {benchmark.file} cannot be "
                f"parsed: the reward function takes no answer for right, not even the ground truth itself, for problems "
                f"{', '.join(never_right[:_NAMED])}{', ...' if len(never_right) > _NAMED else ''}; mend or remove these rows"
            )


class _Worker:
    """A Ray actor: the function runs in its main thread, so that a verifier may use signals for its time limit."""

    def __init__(self, config: DictConfig):
        self.function = load_reward(config)

    def score(self, problem: Problem, output: str) -> dict[str, Any]:
        return score(self.function, problem, output)


def start_scorers(config: DictConfig) -> list:
    """`reward.num_workers` coroutine functions (problem, output) -> verdict, each with a process of its own in the cluster."""
    import ray

    workers = [
        ray.remote(_Worker).options(scheduling_strategy="SPREAD").remote(config) for _ in range(config.reward.num_workers)
    ]

    def scorer(worker):
        async def scored(problem: Problem, output: str) -> dict[str, Any]:
            try:
                return await asyncio.wait_for(worker.score.remote(problem, output), PATIENCE)
            except TimeoutError:
                raise ValueError(
                    f"the reward function has not finished a response to problem {problem.id} in {PATIENCE:.0f} s; it needs a "
                    "time limit of its own"
                ) from None
            except ray.exceptions.RayTaskError as error:
                cause = bottom(error)
                raise ValueError(
                    f"the reward function fails for a response to problem {problem.id}: {type(cause).__name__}: {cause}"
                ) from None

        return scored

    return [scorer(worker) for worker in workers]
