"""Small files with the columns and nesting of the published data sets. The problems are made up."""

import json
from pathlib import Path

import datasets

from recipe.rlvr_math.data.templates import DAPO


def dapo(problem, answer, index="0"):
    return {
        "data_source": "math_dapo",
        "prompt": [{"content": DAPO.replace("{problem}", problem), "role": "user"}],
        "ability": "MATH",
        "reward_model": {"ground_truth": answer, "style": "rule-lighteval/MATH_v2"},
        "extra_info": {"index": index},
    }


def aime_2024(i):
    return {
        "id": 60 + i,
        "problem": f"Find {i} + $1$.",
        "solution": "...",
        "answer": f"{i + 1:03d}",
        "url": "u",
        "year": "2024",
    }


def aime_2025(i):
    return {"problem": f"What is {i}?", "answer": str(i), "id": str(i)}


def amc_2023(i):
    return {"id": i, "answer": float(i), "url": "https://example.org", "question": f"Compute ${i}$"}


def minerva(i):
    return {"question": f"A star of mass {i} is how bright?", "answer": [f"{i}", "4.5e33", r"\frac{1}{2}"][i % 3]}


def olympiadbench(i, **changed):
    row = {
        "id": 1600 + i,
        "question": f"Solve $x^2={i}$.",
        "solution": ["..."],
        "final_answer": [f"$-{i}$", f"$\\sqrt{{{i}}}$"] if i % 2 else [f"${i}$"],
        "context": None,
        "image_1": None,
        "modality": "Text-only",
        "difficulty": "Competition",
        "is_multiple_answer": bool(i % 2),
        "unit": None,
        "answer_type": "Numerical",
        "error": None,
        "question_type": "Open-ended",
        "subfield": "Algebra",
        "subject": "Math",
        "language": "English",
    }
    return row | changed


def math_500(i):
    return {
        "problem": f"Simplify ${i}+x$.",
        "solution": "...",
        "answer": f"x+{i}",
        "subject": "Algebra",
        "level": 2,
        "unique_id": f"test/algebra/{i}.json",
    }


ROWS = {
    "dapo-math-17k": lambda i: dapo(f"What is ${i}^2$?", str(i * i), f"uuid-{i}"),
    "aime-2024": aime_2024,
    "aime-2025": aime_2025,
    "amc-2023": amc_2023,
    "minerva": minerva,
    "olympiadbench": olympiadbench,
    "math-500": math_500,
}


def write(path, rows) -> Path:
    """Write rows as what the path ends in."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    elif path.suffix == ".csv":
        datasets.Dataset.from_list(rows).to_csv(path)
    else:
        datasets.Dataset.from_list(rows).to_parquet(path)
    return path
