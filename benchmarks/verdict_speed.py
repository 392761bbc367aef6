"""Seconds for a batch of responses, this reward beside math_dapo and math-verify: `python -m benchmarks.verdict_speed`.

The responses are made up: `--characters` of reasoning before an answer from the published golds, one in four of them that of
another problem, in the places and ways of writing of `benchmarks.verdicts`. `--threads` threads score them, as a reward worker
of verl does; math-verify runs in the main thread, whose signals its time limit needs.
"""

from __future__ import annotations

import argparse
import random
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.rows import measured
from benchmarks.verdicts.golds import load
from benchmarks.verdicts.graders import GRADERS, quiet
from benchmarks.verdicts.rewritings.tex import TEX

WORDS = (
    "so we see that the sum of $x^2+1$ and $\\frac{a}{b}$ is at most $n$ for every answer that holds, hence let us check it. "
)


def batch(size: int, characters: int) -> list[tuple[str, str]]:
    """(gold, response), the answers as models write them: mostly as published, some in another type."""
    rng, golds = random.Random(8), load()
    pairs = []
    for _ in range(size):
        gold = rng.choice(golds)
        answered = gold if rng.random() < 0.75 else rng.choice(golds)
        ways = [way for rule in TEX if (way := rule(answered.text)) is not None]
        end = rng.choice((r"Therefore $\boxed{@}$.", "Answer: $@$", "**Answer:** @")).replace("@", rng.choice(ways))
        pairs.append((gold.text, WORDS * (characters // len(WORDS)) + "\n" + end))
    return pairs


def measure(name: str, pairs: list[tuple[str, str]], threads: int) -> tuple[float, list[float]]:
    """Seconds on the clock for all, and the seconds of each verdict in ascending order."""
    grader = GRADERS[name]

    def timed(pair: tuple[str, str]) -> float:
        start = time.perf_counter()
        grader(*pair)
        return time.perf_counter() - start

    timed(("1/2", r"\boxed{\sqrt{0.25}}"))  # imports, and the first process
    start = time.perf_counter()
    if name == "math_verify":
        each = list(map(timed, pairs))
    else:
        with ThreadPoolExecutor(threads) as pool:
            each = list(pool.map(timed, pairs))
    return time.perf_counter() - start, sorted(each)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdict_speed", description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--characters", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    quiet()
    pairs = batch(options.size, options.characters)
    print("| grader | seconds | median | 99th percentile | 99.9th | by computer algebra |\n|---|---|---|---|---|---|")
    all_seconds = {}
    for name in ("ours", "math_dapo", "math_verify"):
        seconds, each = measure(name, pairs, options.threads)
        all_seconds[name] = seconds
        share = f"{algebra_share(pairs):.1%}" if name == "ours" else ""
        at = [f"{1000 * each[min(len(each) - 1, int(part * len(each)))]:.2f} ms" for part in (0.5, 0.99, 0.999)]
        print(f"| {name} | {seconds:.1f} | {' | '.join(at)} | {share} |", flush=True)
    measured("verdicts over math-verify's", all_seconds["ours"] / all_seconds["math_verify"], "x")


def algebra_share(pairs: list[tuple[str, str]]) -> float:
    """The share of verdicts for which a verifier process is asked."""
    from recipe.rlvr_math.reward.algebra import NeedsAlgebra
    from recipe.rlvr_math.reward.answers import final_answer
    from recipe.rlvr_math.reward.equality import Judge

    asked = 0
    for gold, response in pairs:
        try:
            Judge().decide(gold, final_answer(response))
        except NeedsAlgebra:
            asked += 1
    return asked / len(pairs)


if __name__ == "__main__":
    main()
