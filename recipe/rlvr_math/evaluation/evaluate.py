"""Evaluate a model: `python -m recipe.rlvr_math.evaluation.evaluate model=PATH benchmarks=[FILE.parquet,...] n=32 out=DIR`.

Begun again after it was stopped or killed, it continues. Status 2: something is wrong with what was given; 85 (RUN_AGAIN):
stopped by a signal or by `python -m recipe.runs.ask_to_end OUT`, the same command continues; 75 (TRY_AGAIN): a node was lost,
likewise; 1: something failed on the way.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig

from recipe.rlvr_math.evaluation.as_trained import take_from_run
from recipe.rlvr_math.evaluation.benchmarks import Benchmark, encode_prompts, read_benchmarks
from recipe.rlvr_math.evaluation.collect import Request, collect
from recipe.rlvr_math.evaluation.evaluation_folder import RunFolder, check_settings, open_run
from recipe.rlvr_math.evaluation.evaluation_settings import check_config, derived_seed, describe
from recipe.rlvr_math.evaluation.model_folder import Model, check_context, find_model, load_tokenizer
from recipe.rlvr_math.evaluation.progress import Progress
from recipe.rlvr_math.evaluation.scoring import check_rewards, describe_verifier, start_scorers
from recipe.rlvr_math.evaluation.serve import count_servers, start_ray, start_servers, takes_request_seeds
from recipe.rlvr_math.evaluation.sharding import Shard, finish, read_shard
from recipe.runs import nodes, search_path
from recipe.runs.hydra_commands import after_composing, before_composing
from recipe.runs.launch import bottom, end, print_traceback
from recipe.runs.settle import apply_environment
from recipe.runs.stopping import RUN_AGAIN, SIGNALS, TRY_AGAIN, asked_in
from recipe.text.visible import visible

search_path.register(verl_folder="trainer")  # `model` is a key here, and a group of verl's


@dataclass(frozen=True)
class Plan:
    """An evaluation after all checks. prompts: token ids by benchmark, in the order of its problems.

    benchmarks: with those problems that are asked here, which `shard` may make a part of all.
    """

    config: DictConfig
    model: Model
    tokenizer: Any
    benchmarks: list[Benchmark]
    prompts: dict[str, list[list[int]]]
    settings: dict[str, Any]
    shard: Shard | None = None

    @property
    def out(self) -> str:
        """The folder of the results."""
        return str(self.shard.folder(self.config.out)) if self.shard else self.config.out

    @property
    def total(self) -> int:
        """How many samples there will be."""
        return self.config.n * sum(len(benchmark.problems) for benchmark in self.benchmarks)


def prepare(config: DictConfig) -> Plan:
    """Check everything that can be checked without Ray, and merge a training checkpoint.

    Raises:
        ValueError: one sentence about what is wrong.
    """
    apply_environment(config, plugin="")  # before verl is imported: it chooses its platform once
    check_config(config)
    count_servers(config)
    shard = read_shard(config.shard)
    benchmarks = whole = read_benchmarks(config.benchmarks)
    if shard:
        benchmarks = [shard.part(benchmark) for benchmark in whole]
    model = find_model(config.model, config.out)
    for sentence in take_from_run(config, model.source):
        print(visible(sentence), file=sys.stderr)
    given = config.actor_rollout_ref.model
    check_context(model.folder, config.max_prompt_tokens + config.max_response_tokens, given.trust_remote_code)
    tokenizer = load_tokenizer(model.folder, given.trust_remote_code, given.custom_chat_template)
    arguments = dict(config.data.apply_chat_template_kwargs)
    prompts = {b.name: encode_prompts(b, tokenizer, config.max_prompt_tokens, **arguments) for b in benchmarks}
    verifier = describe_verifier(config)
    settings = describe(config, model, whole, str(tokenizer.chat_template), verifier, takes_request_seeds())
    if shard:
        settings["shard"] = str(shard)
    plan = Plan(config, model, tokenizer, benchmarks, prompts, settings, shard)
    check_settings(plan.out, settings)
    check_rewards(config, [benchmark for benchmark in benchmarks if benchmark.problems])
    return plan


def still_to_do(plan: Plan, there: dict[str, set[tuple[str, int]]]) -> Iterator[Request]:
    """Requests for the samples that are not `there`: all problems once, then all twice, so that early accuracies are of all.

    there: (problem, sample) by benchmark.
    """
    for sample in range(plan.config.n):
        for benchmark in plan.benchmarks:
            for problem, prompt in zip(benchmark.problems, plan.prompts[benchmark.name], strict=True):
                if (problem.id, sample) not in there[benchmark.name]:
                    yield Request(benchmark.name, problem, sample, prompt)


async def run(
    plan: Plan, folder: RunFolder, there: dict[str, set[tuple[str, int]]], progress: Progress, dead: set[str]
) -> None:
    """Start Ray and the servers, and make the missing samples. SIGINT and the signals that end a training run cancel it.

    dead: gets the nodes that the cluster had lost before.
    """
    config = plan.config
    hardware = start_ray(config)
    dead |= nodes.dead()
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    for number in (signal.SIGINT, *SIGNALS):  # after Ray, which takes SIGTERM for itself
        loop.add_signal_handler(number, task.cancel)
    folder.write_settings(plan.settings | {"hardware": hardware})

    def request_seed(request: Request) -> int:
        return derived_seed(config.seed, request.benchmark, request.problem.id, request.sample)

    def record(request: Request, sample) -> None:
        folder.append(request.benchmark, sample)
        progress.add(request.benchmark, sample)

    # An engine that began again from the same seed would repeat what it answered before it was stopped.
    engine_seed = derived_seed(config.seed, "engine", progress.done, *([str(plan.shard)] if plan.shard else []))
    scorers = start_scorers(config)
    seeds = request_seed if plan.settings["request_seeds"] else None
    generate = await start_servers(config, plan.model.folder, plan.tokenizer, engine_seed, seeds)
    in_flight = count_servers(config) * config.actor_rollout_ref.rollout.max_num_seqs
    asked = loop.create_task(_ended_when_asked(folder.path, task))  # a reference, or it may be collected
    with progress:
        await collect(still_to_do(plan, there), generate, scorers, record, in_flight)
    asked.cancel()


async def _ended_when_asked(folder: Path, task: asyncio.Task) -> None:
    """Where no signal reaches the driver, as before a pod is taken away, a file in the folder asks for the end."""
    while not asked_in(folder):
        await asyncio.sleep(1)
    task.cancel()


def evaluate(config: DictConfig) -> None:
    """Everything; ends the process if something is wrong, see the module's docstring."""
    try:
        plan = prepare(config)
        with open_run(plan.out) as folder:
            progress = Progress([benchmark.name for benchmark in plan.benchmarks], plan.total)
            there = read_there(plan, folder, progress)
            if progress.done < plan.total:
                _run_to_the_end(plan, folder, there, progress)
            elif not plan.total:  # more parts than problems
                folder.write_settings(plan.settings | {"hardware": "none"})
            print(visible(f"\n{progress.table(config.n)}\n\n{folder.path}"))
            if plan.shard:
                print(visible(finish(config.out, plan.shard, [benchmark.name for benchmark in plan.benchmarks])))
    except ValueError as error:
        end(error, status=2)
    except KeyboardInterrupt:
        end("interrupted; the same command continues", status=RUN_AGAIN)


def read_there(plan: Plan, folder: RunFolder, progress: Progress) -> dict[str, set[tuple[str, int]]]:
    """(problem, sample) of the samples that are there, by benchmark; counted by `progress`."""
    there: dict[str, set[tuple[str, int]]] = {}
    for benchmark in plan.benchmarks:
        known = {problem.id for problem in benchmark.problems}
        found = there[benchmark.name] = set()
        for sample in folder.open_benchmark(benchmark.name):
            if sample.problem not in known or sample.sample >= plan.config.n:
                raise ValueError(
                    f"{folder.path}/{benchmark.name}.jsonl holds problem {sample.problem!r}, sample {sample.sample}, which "
                    "this evaluation does not have; restore the file, or give another out="
                )
            found.add((sample.problem, sample.sample))
            progress.add(benchmark.name, sample)
    return there


def _run_to_the_end(plan: Plan, folder: RunFolder, there: dict[str, set[tuple[str, int]]], progress: Progress) -> None:
    import ray

    dead: set[str] = set()

    def saved() -> str:
        return f"{progress.done:,} of {plan.total:,} samples are in {folder.path}; the same command continues"

    try:
        asyncio.run(run(plan, folder, there, progress, dead))
    except (asyncio.CancelledError, KeyboardInterrupt):
        ray.shutdown()
        print(f"\nstopped: {saved()}", file=sys.stderr)
        raise SystemExit(RUN_AGAIN) from None
    except Exception as error:
        cause = bottom(error)
        lost = nodes.lost(dead) if isinstance(cause, ray.exceptions.RayError) else []
        ray.shutdown()  # the workers' last lines come before ours
        if lost:
            end(f"lost of the Ray cluster: {', '.join(lost)}; {saved()}", status=TRY_AGAIN)
        lines = str(cause).strip().splitlines() or [type(cause).__name__]
        if not isinstance(cause, ValueError) or len(lines) > 1:
            print_traceback(error)
        end(f"{lines[0].rstrip('. ')}; {saved()}", status=1)
    ray.shutdown()


@hydra.main(config_path=str(Path(__file__).parent / "config"), config_name="evaluate", version_base=None)
def _composed(config):
    after_composing(config)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    evaluate(config)


def main():
    """Compose the config, then evaluate."""
    before_composing(sys.argv[1:])
    _composed()


if __name__ == "__main__":
    main()
