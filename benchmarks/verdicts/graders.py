"""The graders that are compared: each a function of (gold, response) that says whether the response is right.

Others are imported where they are used, with the defaults that their users get.
"""

from __future__ import annotations

import contextlib
import io
import logging
import time


def ours(gold: str, response: str) -> bool:
    """This project's reward."""
    from recipe.rlvr_math.reward.score import compute_score

    return bool(compute_score("", response, gold)["acc"])


def math_dapo(gold: str, response: str) -> bool:
    """verl's reward of DAPO: normalised strings."""
    from verl.utils.reward_score import math_dapo

    return bool(math_dapo.compute_score(response, gold)["acc"])


def prime_math(gold: str, response: str) -> bool:
    """verl's reward of PRIME: its own place of the answer, PRM800K's grader, then that of Qwen2.5-Math."""
    from verl.utils.reward_score import prime_math

    return bool(prime_math.compute_score(response, gold)[0])


def math_verify(gold: str, response: str) -> bool:
    """math-verify by itself: its own search for the answer in the response, its own comparison."""
    from math_verify import parse, verify

    return bool(verify(parse(rf"\boxed{{{gold}}}"), parse(response)))


def qwen(gold: str, response: str) -> bool:
    """Qwen2.5-Math's `math_equal`, as verl has it, on the answer that this project finds (its place is in no package)."""
    from verl.utils.reward_score.prime_math.grader import math_equal

    from recipe.rlvr_math.reward.answers import clean, final_answer

    answer = final_answer(response)
    return answer is not None and bool(math_equal(clean(answer), gold, timeout=10))


GRADERS = {grader.__name__: grader for grader in (ours, math_dapo, prime_math, math_verify, qwen)}


# For a pool of processes, which finds nothing of a `__main__`.


def quiet() -> None:
    """No messages of the graders."""
    logging.disable(logging.CRITICAL)


def timed(task: tuple[str, dict]) -> tuple[dict, bool | None, float]:
    """(grader, pair) gives the pair, the verdict (None where the grader raises) and the seconds that it took."""
    name, pair = task
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            verdict = GRADERS[name](pair["gold"], pair["response"])
        except Exception:
            verdict = None
    return pair, verdict, time.perf_counter() - start
