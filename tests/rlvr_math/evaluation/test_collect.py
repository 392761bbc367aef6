"""Requests are made with a bounded number in flight, scored as they end, and the first error ends everything."""

import asyncio

import pytest

from recipe.rlvr_math.evaluation.benchmarks import Problem
from recipe.rlvr_math.evaluation.collect import Request, Response, collect


def requests(number):
    return [Request("sums", Problem(str(i), "sums", [], str(i), {}), 0, [i]) for i in range(number)]


async def right(problem, output):
    return {"score": 1.0, "acc": 1.0, "pred": output, "extra_key": 3}


def test_all_are_made_once_with_at_most_so_many_in_flight_and_the_servers_kept_busy():
    running, most, made, recorded = 0, 0, [], []

    async def generate(request):
        nonlocal running, most
        running += 1
        most = max(most, running)
        made.append(request.problem.id)
        await asyncio.sleep(0.001 * (1 + request.prompt_ids[0] % 3))
        running -= 1
        return Response(f"answer {request.problem.id}", 5, False)

    asyncio.run(collect(requests(50), generate, [right, right], lambda r, s: recorded.append((r, s)), in_flight=8))
    assert most == 8
    assert sorted(made, key=int) == sorted((s.problem for _, s in recorded), key=int) == [str(i) for i in range(50)]
    sample = recorded[0][1]
    assert (sample.output, sample.tokens, sample.ground_truth) == (f"answer {sample.problem}", 5, sample.problem)
    assert sample.extra == {"extra_key": 3}


def test_requests_are_not_taken_before_there_is_room():
    taken = []

    def lazily():
        for request in requests(1000):
            taken.append(request)
            yield request

    async def scenario():
        async def generate(request):
            await asyncio.Event().wait()

        task = asyncio.create_task(collect(lazily(), generate, [right], None, in_flight=8))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert len(taken) == 8


def test_a_slow_verifier_holds_the_servers_back_instead_of_filling_the_memory():
    made = []

    async def generate(request):
        made.append(request)
        return Response("", 1, False)

    async def stuck(problem, output):
        await asyncio.Event().wait()

    async def scenario():
        task = asyncio.create_task(collect(requests(1000), generate, [stuck], None, in_flight=8))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(scenario())
    assert len(made) == 1 + 8 + 8  # being scored, waiting for it, waiting for room there


@pytest.mark.parametrize("where", ["generate", "score"])
def test_the_first_error_ends_it_and_what_was_recorded_stays(where):
    recorded = []

    async def generate(request):
        if where == "generate" and request.problem.id == "20":
            raise RuntimeError("the server is gone")
        await asyncio.sleep(0)
        return Response("", 1, False)

    async def score(problem, output):
        if where == "score" and problem.id == "20":
            raise RuntimeError("the server is gone")
        return await right(problem, output)

    with pytest.raises(RuntimeError, match="the server is gone"):
        asyncio.run(collect(requests(1000), generate, [score], lambda r, s: recorded.append(s), in_flight=4))
    assert 10 < len(recorded) < 30
