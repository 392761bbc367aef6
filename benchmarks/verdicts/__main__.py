"""Count each grader's false positives and false negatives: `python -m benchmarks.verdicts` (`make verdicts`).

The parts are (a) `cases.jsonl`, (a') `held_out.jsonl`, `unseen.jsonl` and `fresh.jsonl`,
(b) 12 rewritings of each published answer, (c) 12 mutations of each.
Every verdict that is wrong is written to `--out`, one JSON line each; the table is printed as Markdown.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
from collections import Counter
from pathlib import Path

from benchmarks.verdicts.golds import load
from benchmarks.verdicts.graders import GRADERS, quiet, timed
from benchmarks.verdicts.mutations import mutate
from benchmarks.verdicts.rewritings import rewrite

HERE = Path(__file__).parent
SEED = 16


def pairs(part: str) -> list[dict]:
    """Pairs with the verdict that is right, of part cases, held_out, unseen, fresh, rewritings or mutations."""
    if part in ("cases", "held_out", "unseen", "fresh"):
        return [json.loads(line) for line in (HERE / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()]
    draw, right = (rewrite, True) if part == "rewritings" else (mutate, False)
    return [
        {"kind": f"{gold.kind}: {rule}", "place": place, "gold": gold.text, "response": response, "right": right}
        for number, gold in enumerate(load())
        for rule, place, response in draw(gold, random.Random(f"{SEED} {number}"))
    ]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verdicts", description=__doc__.splitlines()[0])
    parser.add_argument("--graders", nargs="+", choices=GRADERS, default=list(GRADERS))
    parser.add_argument("--parts", nargs="+", default=["cases", "held_out", "unseen", "fresh", "rewritings", "mutations"])
    parser.add_argument("--every", type=int, default=1, help="take every n-th pair only")
    parser.add_argument("--out", type=Path, default=Path("runs/verdicts"))
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    print(
        "| grader | part | pairs | wrong judged right | right judged wrong | raised | seconds |\n|---|---|---|---|---|---|---|"
    )
    for name in options.graders:
        with multiprocessing.get_context("spawn").Pool(options.processes, quiet) as pool:
            for part in options.parts:
                tasks = [(name, pair) for pair in pairs(part)[:: options.every]]
                done = pool.map(timed, tasks, chunksize=20)
                wrong = [(pair, verdict) for pair, verdict, _ in done if bool(verdict) != pair["right"]]
                count = Counter(pair["right"] for pair, _ in wrong)
                raised = sum(verdict is None for _, verdict, _ in done)
                seconds = sum(time for *_, time in done)
                print(
                    f"| {name} | {part} | {len(tasks)} | {count[False]} | {count[True]} | {raised} | {seconds:.0f} |",
                    flush=True,
                )
                lines = [json.dumps(pair | {"verdict": verdict}, ensure_ascii=False) + "\n" for pair, verdict in wrong]
                (options.out / f"{name}-{part}.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
