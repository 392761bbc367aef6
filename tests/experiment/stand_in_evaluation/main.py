"""A stand-in for an evaluation, with its arguments, files and exit statuses; the checkpoint says how many are right."""

import json
import signal
import time
from pathlib import Path

from recipe.rlvr_math.evaluation.benchmarks import read_benchmarks
from recipe.rlvr_math.evaluation.evaluation_folder import open_run
from recipe.rlvr_math.evaluation.samples import Sample
from tests.experiment.given import given as arguments

N = 4
ANSWER_S = 0.01


def main() -> int:
    given = arguments()
    skill = json.loads(Path(given["model"], "skill.json").read_text())
    benchmarks = read_benchmarks(given["benchmarks"].strip("[]").split(","))
    sampling = dict.fromkeys(("temperature", "top_p", "top_k", "max_prompt_tokens", "max_response_tokens", "seed"), 1)
    settings = {
        "format": 1,
        "model": given["model"],
        "n": N,
        "benchmarks": {b.name: {"file": b.file, "sha256": b.sha256, "problems": len(b.problems)} for b in benchmarks},
        "sampling": sampling,
        "template": "answer-line",
        "verifier": "stand-in",
        "versions": {},
        "hardware": "none",
        "date": "2026-01-01",
    }
    asked = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    with open_run(given["out"]) as folder:
        there = {(b.name, s.problem, s.sample) for b in benchmarks for s in folder.open_benchmark(b.name)}
        folder.write_settings(settings)
        for benchmark in benchmarks:
            for problem in benchmark.problems:
                for number in range(N):
                    if (benchmark.name, problem.id, number) in there:
                        continue
                    time.sleep(ANSWER_S)
                    right = float(number < int(skill["skill"]))
                    folder.append(benchmark.name, Sample(problem.id, number, right, right, "1", "1", "1", 1, False))
                    if asked:
                        return 85
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
