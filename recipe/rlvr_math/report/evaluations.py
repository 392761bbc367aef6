"""Read evaluation folders: RUN/settings.json and the counts of RUN/<benchmark>.jsonl that statistics need."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from recipe.files.bounded import read_bounded
from recipe.rlvr_math.evaluation.samples import read_samples
from recipe.rlvr_math.report.majority import Answers, group_answers

FORMAT = 1
SAMPLING = ("temperature", "top_p", "top_k", "max_prompt_tokens", "max_response_tokens", "seed")
_TYPES = {
    "format": int,
    "model": str,
    "n": int,
    "benchmarks": dict,
    "sampling": dict,
    "template": str,
    "verifier": str,
    "versions": dict,
    "hardware": str,
    "date": str,
}
_NAMES = {int: "an integer", str: "a string", dict: "an object"}


@dataclass(frozen=True)
class Benchmark:
    """The samples of a benchmark, problem by problem in the order of their ids; every array has shape [P].

    n, correct: samples and right ones. tokens: mean response length. cut_off: share of responses that hit the length limit.
    """

    name: str
    problems: tuple[str, ...]
    n: NDArray
    correct: NDArray
    tokens: NDArray
    cut_off: NDArray
    answers: tuple[Answers, ...]

    @property
    def smallest_n(self) -> int:
        """The largest k of which every problem has an estimate."""
        return int(self.n.min())


@dataclass(frozen=True)
class Run:
    """An evaluation: its name in the report, settings.json, benchmarks by name, and in what it is unfinished."""

    name: str
    settings: dict[str, Any]
    benchmarks: dict[str, Benchmark]
    unfinished: tuple[str, ...]


def load_run(folder: str | Path, name: str, partial: bool = False) -> Run:
    """Read an evaluation folder. With `partial`, problems may lack samples; the run's `unfinished` says where.

    ValueError, one sentence, for a folder or file that is missing or wrong and for an unfinished evaluation without `partial`.
    """
    folder = Path(folder)
    settings = read_settings(folder)
    benchmarks, unfinished = {}, []
    for key, described in settings["benchmarks"].items():
        path = folder / f"{key}.jsonl"
        benchmark = _load_benchmark(path, key, settings["n"]) if path.exists() else None
        lacking = _lacking(path, benchmark, described["problems"], settings["n"])
        if lacking and not partial:
            raise ValueError(f"{lacking}: the evaluation is unfinished; finish it, or give --partial")
        if lacking:
            unfinished.append(lacking)
        if benchmark:
            benchmarks[key] = benchmark
    if not benchmarks:
        raise ValueError(f"{folder} has no samples yet")
    stray = sorted({path.stem for path in folder.glob("*.jsonl")} - settings["benchmarks"].keys())
    if stray:
        warnings.warn(f"{folder}: settings.json does not name {', '.join(stray)}; not read", stacklevel=2)
    return Run(name, settings, benchmarks, tuple(unfinished))


def read_settings(folder: Path) -> dict[str, Any]:
    """settings.json of an evaluation folder, checked. ValueError names what is missing or of the wrong type."""
    path = folder / "settings.json"
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    if not path.is_file():
        raise ValueError(f"{folder} has no settings.json; is it the folder of an evaluation?")
    try:
        settings = json.loads(read_bounded(path))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from None
    _check_types(path, "", settings, _TYPES)
    if settings["format"] != FORMAT:
        raise ValueError(f"{path} has format {settings['format']}; this version reads format {FORMAT}")
    if settings["n"] < 1:
        raise ValueError(f"{path}: 'n' is {settings['n']}; it must be at least 1")
    _check_types(path, "sampling.", settings["sampling"], dict.fromkeys(SAMPLING))
    if not settings["benchmarks"]:
        raise ValueError(f"{path}: 'benchmarks' is empty")
    for name, described in settings["benchmarks"].items():
        if "/" in name or "\0" in name:
            raise ValueError(f"{path}: 'benchmarks.{name}' is no name of a file beside it")
        _check_types(path, f"benchmarks.{name}.", described, {"file": str, "sha256": str, "problems": int})
        if described["problems"] < 1:
            raise ValueError(f"{path}: 'benchmarks.{name}.problems' is {described['problems']}; it must be at least 1")
    return settings


def _check_types(path: Path, prefix: str, found: Any, types: dict[str, type | None]) -> None:
    """Every key there and of its type; None for any type."""
    if type(found) is not dict:
        raise ValueError(f"{path}: {prefix.removesuffix('.') or 'the content'} is not an object")
    for key, expected in types.items():
        if key not in found:
            raise ValueError(f"{path}: the key '{prefix}{key}' is missing")
        if expected and type(found[key]) is not expected:
            raise ValueError(f"{path}: '{prefix}{key}' is {json.dumps(found[key])}; it must be {_NAMES[expected]}")


def _load_benchmark(path: Path, name: str, n: int) -> Benchmark | None:
    pairs: dict[str, list[tuple[str | None, bool]]] = {}
    tokens, cut_off = Counter(), Counter()
    for sample in read_samples(path):
        if sample.sample >= n:
            raise ValueError(f"{path}: problem {sample.problem!r} has a sample {sample.sample}, but settings.json has n = {n}")
        pairs.setdefault(sample.problem, []).append((sample.pred, sample.acc == 1))
        tokens[sample.problem] += sample.tokens
        cut_off[sample.problem] += sample.cut_off
    if not pairs:
        return None
    problems = tuple(sorted(pairs))
    counts = np.array([len(pairs[problem]) for problem in problems])
    return Benchmark(
        name=name,
        problems=problems,
        n=counts,
        correct=np.array([sum(right for _, right in pairs[problem]) for problem in problems]),
        tokens=np.array([tokens[problem] for problem in problems]) / counts,
        cut_off=np.array([cut_off[problem] for problem in problems]) / counts,
        answers=tuple(group_answers(pairs[problem]) for problem in problems),
    )


def _lacking(path: Path, benchmark: Benchmark | None, problems: int, n: int) -> str:
    """What a benchmark lacks, in words; empty if nothing. ValueError for more problems than there can be."""
    if benchmark is None:
        return f"{path} has no samples"
    found = len(benchmark.problems)
    if found > problems:
        raise ValueError(f"{path} has samples of {found} problems, but settings.json says {problems}; one of them is wrong")
    short = int((benchmark.n < n).sum())
    parts = []
    if found < problems:
        parts.append(f"samples of {found} problems, but settings.json says {problems}")
    if short:
        parts.append(
            f"{short} of {found} problems with fewer than n = {n} samples (the smallest count is {benchmark.smallest_n})"
        )
    return f"{path} has {' and '.join(parts)}" if parts else ""


def differences(runs: list[Run]) -> list[str]:
    """What differs between runs of that on which their numbers depend, one line each; empty if they are comparable.

    Not the seeds: two evaluations of one model with two seeds are two draws of the same number.
    """

    def compare(label: str, values: dict[str, Any]) -> list[str]:
        texts = {name: json.dumps(value, sort_keys=True) for name, value in values.items()}
        return [f"{label}: " + ", ".join(f"{text} in {name}" for name, text in texts.items())] * (len(set(texts.values())) > 1)

    found = []
    for key in dict.fromkeys(key for run in runs for key in run.settings["sampling"] if "seed" not in key):
        found += compare(f"sampling.{key}", {run.name: run.settings["sampling"].get(key) for run in runs})
    for key in ("template", "verifier"):
        found += compare(key, {run.name: run.settings[key] for run in runs})
    for key in ("dtype", "chat_template"):  # not every program that writes such a folder has them
        if all(key in run.settings for run in runs):
            found += compare(key, {run.name: run.settings[key] for run in runs})
    found += compare("vllm", {run.name: run.settings["versions"].get("vllm") for run in runs})
    found += compare("benchmarks, over which the averages are,", {run.name: sorted(run.benchmarks) for run in runs})
    for name in dict.fromkeys(name for run in runs for name in run.benchmarks):
        having = {run.name: run.settings["benchmarks"][name]["sha256"] for run in runs if name in run.benchmarks}
        found += compare(f"sha256 of {name}'s data", having)
    return found
