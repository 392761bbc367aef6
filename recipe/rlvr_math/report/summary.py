"""From evaluations to the numbers of a report: estimates with intervals, and paired comparisons with the first run."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from recipe.rlvr_math.report.evaluations import Benchmark, Run
from recipe.rlvr_math.report.majority import majority_at_k
from recipe.rlvr_math.report.statistics import bootstrap_means, holm, mean_at_k, paired_test, pass_at_k, percentile_interval

AVERAGE = "average"
OVER_ALL_SAMPLES = ("mean@k", "tokens", "cut_off")
DIGITS = 12  # of a problem's values: 3/5 - 2/5 and 2/5 - 1/5 are equal
SEED = 0


@dataclass(frozen=True)
class Estimate:
    """A metric of a run on a benchmark with its 95 % interval.

    metric: "mean@k", "pass@k", "maj@k", "tokens" or "cut_off". problems, samples: how many there are in all. equal: all
    problems have the same value, so the interval has width zero whatever the uncertainty is.
    """

    run: str
    benchmark: str
    metric: str
    k: int
    value: float
    low: float
    high: float
    problems: int
    samples: int
    equal: bool


@dataclass(frozen=True)
class Comparison:
    """A run minus the first run over the problems that both have, in the metric's unit.

    metric: "mean@8" or the like, where the runs differ in n "mean@8 - mean@32". p_holm: adjusted over all comparisons.
    equal: as in Estimate.
    """

    run: str
    benchmark: str
    metric: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    problems: int
    equal: bool


@dataclass(frozen=True)
class _Table:
    """A benchmark's values: columns (metric, k), values [P, M], bootstrap replicates of their means [resamples, M]."""

    columns: list[tuple[str, int]]
    values: NDArray
    replicates: NDArray
    samples: int

    def labelled(self, k: int) -> _Table:
        """With k for those columns that use all samples, of which unfinished benchmarks differ in number."""
        return replace(self, columns=[(m, k if m in OVER_ALL_SAMPLES else own) for m, own in self.columns])

    def only(self, columns: list[tuple[str, int]]) -> _Table:
        at = [self.columns.index(column) for column in columns]
        return replace(self, columns=columns, values=self.values[:, at], replicates=self.replicates[:, at])


def powers_of_two(n: int) -> list[int]:
    """1, 2, 4, ... up to n, and n itself."""
    return sorted({1 << i for i in range(n.bit_length())} | {n})


def chosen_ks(run: Run, benchmark: Benchmark, ks: Sequence[int] | None) -> list[int]:
    """The k to report: `ks`, or powers of two. ValueError if a problem has fewer samples than one of `ks`."""
    smallest = benchmark.smallest_n
    if ks is not None and max(ks) > smallest:
        raise ValueError(
            f"--k {max(ks)} is more than the {smallest} samples that {run.name} has of a problem of {benchmark.name}"
        )
    return sorted(set(ks)) if ks is not None else powers_of_two(smallest)


def estimates(run: Run, ks: Sequence[int] | None = None) -> list[Estimate]:
    """All metrics of a run: by benchmark, then their unweighted average over benchmarks if there are several.

    The average is over the columns that all benchmarks have; its interval resamples the problems of each benchmark apart.
    """
    tables = {name: _table(benchmark, chosen_ks(run, benchmark, ks)) for name, benchmark in run.benchmarks.items()}
    rows = [row for name, table in tables.items() for row in _rows(run.name, name, [table])]
    if len(tables) > 1:
        smallest = min(benchmark.smallest_n for benchmark in run.benchmarks.values())
        averaged = [table.labelled(smallest) for table in tables.values()]
        shared = [column for column in averaged[0].columns if all(column in table.columns for table in averaged)]
        rows += _rows(run.name, AVERAGE, [table.only(shared) for table in averaged])
    return rows


def _table(benchmark: Benchmark, ks: list[int]) -> _Table:
    n = benchmark.smallest_n
    rng = np.random.default_rng(_seed(benchmark.name))
    majority = np.array([majority_at_k(answers, ks, rng) for answers in benchmark.answers])
    columns = {
        ("mean@k", n): mean_at_k(benchmark.n, benchmark.correct),
        **{("pass@k", k): pass_at_k(benchmark.n, benchmark.correct, k) for k in ks},
        **{("maj@k", k): majority[:, i] for i, k in enumerate(ks)},
        ("tokens", n): benchmark.tokens,
        ("cut_off", n): benchmark.cut_off,
    }
    values = np.round(np.stack(list(columns.values()), axis=1), DIGITS)
    return _Table(list(columns), values, bootstrap_means(values, _seed(benchmark.name)), int(benchmark.n.sum()))


def _rows(run: str, benchmark: str, tables: list[_Table]) -> list[Estimate]:
    """The unweighted mean of tables with the same columns."""
    value = np.mean([table.values.mean(axis=0) for table in tables], axis=0)
    low, high = percentile_interval(np.mean([table.replicates for table in tables], axis=0))
    equal = np.all([np.ptp(table.values, axis=0) == 0 for table in tables], axis=0)
    problems, samples = sum(len(table.values) for table in tables), sum(table.samples for table in tables)
    return [
        Estimate(run, benchmark, metric, k, *map(float, (value[i], low[i], high[i])), problems, samples, bool(equal[i]))
        for i, (metric, k) in enumerate(tables[0].columns)
    ]


def compare(runs: Sequence[Run], ks: Sequence[int] | None = None) -> list[Comparison]:
    """Compare each run with the first: by benchmark, and in the average over the benchmarks if they share several.

    Compared are the accuracy over all samples (mean@k) and pass@k at the largest k that both have (of `ks`, if given).
    Benchmarks without a common problem are left out.
    """
    first, rows = runs[0], []
    for run in runs[1:]:
        pairs = {
            name: (benchmark, run.benchmarks[name])
            for name, benchmark in first.benchmarks.items()
            if name in run.benchmarks and not set(benchmark.problems).isdisjoint(run.benchmarks[name].problems)
        }
        for name, pair in pairs.items():
            rows += _compare(first, run, name, [pair], ks)
        if len(pairs) > 1:
            rows += _compare(first, run, AVERAGE, list(pairs.values()), ks)
    adjusted = holm([row.p for row in rows])
    return [replace(row, p_holm=p) for row, p in zip(rows, adjusted, strict=True)]


def _compare(
    first: Run, run: Run, label: str, pairs: list[tuple[Benchmark, Benchmark]], ks: Sequence[int] | None
) -> list[Comparison]:
    sizes = [min(pair[side].smallest_n for pair in pairs) for side in (0, 1)]
    k = max(ks) if ks else min(sizes)
    mean = f"mean@{sizes[1]}" if sizes[0] == sizes[1] else f"mean@{sizes[1]} - mean@{sizes[0]}"
    rows = []
    for metric, values in ((mean, mean_at_k), (f"pass@{k}", lambda n, c: pass_at_k(n, c, k))):
        parts = []
        for a, b in pairs:
            _, in_a, in_b = np.intersect1d(a.problems, b.problems, assume_unique=True, return_indices=True)
            difference = values(b.n, b.correct)[in_b] - values(a.n, a.correct)[in_a]
            parts.append(np.round(difference, DIGITS))
        replicates = [bootstrap_means(part[:, None], _seed(a.name)) for part, (a, _) in zip(parts, pairs, strict=True)]
        low, high = percentile_interval(np.mean(replicates, axis=0)[:, 0])
        p = paired_test(np.concatenate([part / len(part) for part in parts]), _seed(label))
        mean_difference = np.mean([part.mean() for part in parts])
        equal, problems = all(np.ptp(part) == 0 for part in parts), sum(map(len, parts))
        rows.append(Comparison(run.name, label, metric, *map(float, (mean_difference, low, high)), p, p, problems, equal))
    return rows


def _seed(name: str) -> list[int]:
    """A benchmark's draws do not depend on which other benchmarks there are, and are the same for every run."""
    return [SEED, zlib.crc32(name.encode())]
