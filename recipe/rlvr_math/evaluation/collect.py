"""Generate and score many responses with a bounded number in flight; knows nothing of verl, Ray or vLLM."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from recipe.rlvr_math.evaluation.benchmarks import Problem
from recipe.rlvr_math.evaluation.samples import Sample


@dataclass(frozen=True)
class Request:
    """One response that is still to be made. prompt_ids: the prompt's tokens."""

    benchmark: str
    problem: Problem
    sample: int
    prompt_ids: list[int]


@dataclass(frozen=True)
class Response:
    """What the model answered. tokens: its length; cut_off: it hit the length limit."""

    output: str
    tokens: int
    cut_off: bool


async def collect(
    requests: Iterable[Request],
    generate: Callable[[Request], Awaitable[Response]],
    scorers: Sequence[Callable[[Problem, str], Awaitable[dict[str, Any]]]],
    record: Callable[[Request, Sample], None],
    in_flight: int,
) -> None:
    """Make all responses, score each as soon as it is there, and hand it to `record`, in whatever order they end.

    At most `in_flight` requests are being generated, and as many responses wait for one of the `scorers`, which work on one
    each. The first error ends everything and is raised; what was recorded before stays.
    """
    waiting = iter(requests)
    finished: asyncio.Queue = asyncio.Queue(maxsize=in_flight)

    async def generating():
        for request in waiting:  # shared: each takes the next one
            await finished.put((request, await generate(request)))

    async def scoring(score):
        while (item := await finished.get()) is not None:
            request, response = item
            record(request, _sample(request, response, await score(request.problem, response.output)))

    try:
        async with asyncio.TaskGroup() as group:
            for score in scorers:
                group.create_task(scoring(score))
            await asyncio.gather(*[group.create_task(generating()) for _ in range(in_flight)])
            for _ in scorers:
                await finished.put(None)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _sample(request: Request, response: Response, verdict: dict[str, Any]) -> Sample:
    verdict = dict(verdict)
    known = {key: verdict.pop(key) for key in ("score", "acc", "pred")}
    return Sample(
        problem=request.problem.id,
        sample=request.sample,
        ground_truth=str(request.problem.ground_truth),
        output=response.output,
        tokens=response.tokens,
        cut_off=response.cut_off,
        **known,
        extra=verdict,
    )
