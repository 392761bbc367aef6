"""Benchmarks for an evaluation: parquet files in verl's format, checked before anything is started."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recipe.rlvr_math.data.data_files import manifest_of, sha256

_COLUMNS = ("data_source", "prompt", "reward_model", "extra_info")


@dataclass(frozen=True)
class Problem:
    """One row. id: its `extra_info.index`. ground_truth: as the reward function gets it."""

    id: str
    data_source: str
    prompt: list[dict[str, Any]]
    ground_truth: Any
    extra_info: dict[str, Any]


@dataclass(frozen=True)
class Benchmark:
    """One file. name: of the file, without its ending. template: from the manifest beside it, "unknown" without one."""

    name: str
    file: str
    sha256: str
    template: str
    problems: tuple[Problem, ...]


def read_benchmarks(files: Iterable[str]) -> list[Benchmark]:
    """Read and check all files.

    Raises:
        ValueError: a file that cannot be read, lacks a column or a value, repeats a problem, or is not the one that its
            manifest describes; two files of one name; no file at all.
    """
    found = [_read(Path(file).expanduser().resolve()) for file in files]
    if not found:
        raise ValueError("there are no benchmarks; give benchmarks=[FILE.parquet,...]")
    name, count = Counter(benchmark.name for benchmark in found).most_common(1)[0]
    if count > 1:
        raise ValueError(f"{count} benchmarks are named {name}.parquet, and results are kept by name; rename one of the files")
    return found


def _read(path: Path) -> Benchmark:
    import pyarrow.parquet as parquet

    if not path.is_file():
        raise ValueError(f"benchmarks names {path}, which does not exist")
    try:
        table = parquet.read_table(path)
    except Exception as error:
        raise ValueError(f"{path} is not a readable parquet file ({error})") from None
    for column in _COLUMNS:
        if column not in table.column_names:
            raise ValueError(f"{path} has no column {column!r}; its columns are {', '.join(table.column_names)}")
    rows = table.select(_COLUMNS).to_pylist()
    if not rows:
        raise ValueError(f"{path} has no rows")
    problems = tuple(_problem(row, f"row {number} of {path}") for number, row in enumerate(rows))
    problem, count = Counter(problem.id for problem in problems).most_common(1)[0]
    if count > 1:
        raise ValueError(
            f"{path} has {count} rows with extra_info.index {problem}; repeated problems would be counted again and again: "
            "make the file anew with recipe.rlvr_math.data.prepare, which removes them"
        )
    digest = sha256(path)
    return Benchmark(path.name.removesuffix(".parquet"), str(path), digest, _template(path, digest), problems)


def _problem(row: dict[str, Any], where: str) -> Problem:
    prompt, reward_model, extra_info = row["prompt"], row["reward_model"], row["extra_info"]
    turns = prompt if isinstance(prompt, list) else [None]
    if not all(isinstance(turn, dict) and {"role", "content"} <= turn.keys() for turn in turns):
        raise ValueError(f"the prompt in {where} is no list of messages with 'role' and 'content'")
    if not any(str(turn["content"] or "").strip() for turn in prompt if turn["role"] == "user"):
        raise ValueError(f"the prompt in {where} is empty")
    truth = reward_model.get("ground_truth") if isinstance(reward_model, dict) else None
    if truth is None or not str(truth).strip():
        raise ValueError(f"there is no reward_model.ground_truth in {where}")
    index = extra_info.get("index") if isinstance(extra_info, dict) else None
    if index is None:
        raise ValueError(f"there is no extra_info.index in {where}, by which results name a problem")
    return Problem(str(index), str(row["data_source"]), prompt, truth, extra_info)


def _template(path: Path, digest: str) -> str:
    manifest = manifest_of(path)
    if not manifest.is_file():
        return "unknown"
    try:
        described = json.loads(manifest.read_text())
        template, known = described["template"], described["sha256"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise ValueError(
            f"{manifest} is no manifest of recipe.rlvr_math.data.prepare; make the file anew, or remove it"
        ) from None
    if known != digest:
        raise ValueError(
            f"{path} was changed after {manifest.name} was written; make it anew with recipe.rlvr_math.data.prepare"
        )
    return str(template)


def encode_prompts(benchmark: Benchmark, tokenizer, most: int, **arguments) -> list[list[int]]:
    """Token ids of each prompt in the chat template, which also gets `arguments`.

    Raises:
        ValueError: the template refuses a prompt, or it has more than `most` tokens.
    """
    encoded = []
    for problem in benchmark.problems:
        try:
            text = tokenizer.apply_chat_template(problem.prompt, add_generation_prompt=True, tokenize=False, **arguments)
        except Exception as error:  # whatever a template raises
            raise ValueError(f"the chat template refuses problem {problem.id} of {benchmark.name}: {error}") from None
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        if len(ids) > most:
            raise ValueError(
                f"the prompt of problem {problem.id} of {benchmark.name} has {len(ids):,} tokens, more than "
                f"max_prompt_tokens={most}; raise it"
            )
        encoded.append(ids)
    return encoded
