"""Evaluation folders made up for tests."""

import json

SAMPLING = {
    "temperature": 1.0,
    "top_p": 0.7,
    "top_k": -1,
    "max_prompt_tokens": 1024,
    "max_response_tokens": 2048,
    "seed": 0,
}


def line(problem="0", sample=0, acc=1.0, pred="42", **changed):
    """A line's object; a key set to ... is left out."""
    record = {
        "problem": problem,
        "sample": sample,
        "score": 1.0,
        "acc": acc,
        "pred": pred,
        "ground_truth": "42",
        "output": "so 42",
        "tokens": 100,
        "cut_off": False,
    }
    return {key: value for key, value in (record | changed).items() if value is not ...}


def write_lines(path, records, end="\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(record) for record in records) + end)
    return path


def write_run(folder, answers, n, **changed):
    """answers: benchmark -> {problem: its answers}; "42" is right, each answer has 10 tokens more than the one before."""
    settings = {
        "format": 1,
        "model": "org/model",
        "n": n,
        "benchmarks": {
            name: {"file": f"{name}.parquet", "sha256": f"{name}-hash", "problems": len(problems)}
            for name, problems in answers.items()
        },
        "sampling": SAMPLING,
        "template": "dapo",
        "verifier": "math_verify 0.9.0",
        "versions": {"verl": "0.9.1"},
        "hardware": "1 CPU",
        "date": "2026-01-01",
    }
    for name, problems in answers.items():
        records = [
            line(problem, i, float(answer == "42"), answer, tokens=100 + 10 * i, cut_off=i == 0)
            for problem, given in problems.items()
            for i, answer in enumerate(given)
        ]
        write_lines(folder / f"{name}.jsonl", records)
    settings = {key: value for key, value in (settings | changed).items() if value is not ...}
    (folder / "settings.json").write_text(json.dumps(settings))
    return folder
