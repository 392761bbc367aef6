"""A report as Markdown, for people, and as CSV in long form, for programs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any

from recipe.rlvr_math.report.evaluations import SAMPLING, Run
from recipe.rlvr_math.report.majority import DRAWS, EXACT_UP_TO
from recipe.rlvr_math.report.statistics import EXACT_TEST_UP_TO, RESAMPLES, SIGN_FLIPS
from recipe.rlvr_math.report.summary import AVERAGE, SEED, Comparison, Estimate
from recipe.text.visible import one_line

CSV_COLUMNS = ("run", "benchmark", "metric", "k", "value", "low", "high", "problems", "samples")
DAGGER = "†"


def to_csv(estimates: Sequence[Estimate]) -> str:
    """One line for each estimate. Shares are from 0 to 1, `tokens` in tokens; `samples` is the number over all problems."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in estimates:
        values = (getattr(row, column) for column in CSV_COLUMNS)
        writer.writerow([f"{value:.10g}" if isinstance(value, float) else value for value in values])
    return text.getvalue()


def to_markdown(
    runs: Sequence[Run],
    estimates: Sequence[Estimate],
    comparisons: Sequence[Comparison],
    differing: Sequence[str],
    plot: str,
) -> str:
    """The report. `differing`: from runs.differences; `plot`: the image's file name."""
    parts = ["# Evaluation", *_warnings(runs, differing), overview(estimates)]
    parts += ["## pass@k", _over_k(estimates, "pass@k"), f"![pass@k over the number of samples k, with 95 % bands]({plot})"]
    parts += ["## maj@k", _over_k(estimates, "maj@k")]
    if len(runs) > 1:
        parts += [f"## Compared with {cell(runs[0].name)}", *_comparisons(comparisons)]
    parts += ["## How the numbers were made", _method(runs, estimates, comparisons), "## Settings", _settings(runs)]
    return "\n\n".join(parts) + "\n"


def _warnings(runs: Sequence[Run], differing: Sequence[str]) -> list[str]:
    blocks = []
    if differing:
        blocks.append(_quote("**The numbers of these runs are not comparable.** They differ in:", differing))
    unknown = [run.name for run in runs if run.settings["template"] == "unknown"]
    if unknown and len(runs) > 1:
        names = cell(", ".join(unknown))
        blocks.append(f"> The prompt template of {names} is not recorded: whether the runs had the same prompts is not known.")
    unfinished = [f"{run.name}: {lacking}" for run in runs for lacking in run.unfinished]
    if unfinished:
        text = (
            "**Unfinished evaluation.** Problems without samples are left out, all samples that are there count, and k goes up "
            "to the smallest number of samples of a problem:"
        )
        blocks.append(_quote(text, unfinished))
    return blocks


def _quote(text: str, items: Sequence[str]) -> str:
    return "\n".join([f"> {text}", ">", *(f"> - {cell(item)}" for item in items)])


def overview(estimates: Sequence[Estimate]) -> str:
    """mean@k, pass@k and maj@k at each benchmark's largest k, lengths and cut-off share: a line for each benchmark and run."""
    groups: dict[tuple[str, str], dict[str, Estimate]] = {}
    for row in estimates:
        metrics = groups.setdefault((row.benchmark, row.run), {})
        if row.metric not in metrics or row.k > metrics[row.metric].k:
            metrics[row.metric] = row
    shown = ("mean@k", "pass@k", "maj@k")
    ks = {metric: {metrics[metric].k for metrics in groups.values()} for metric in shown}
    one = {metric: len(ks[metric]) == 1 for metric in shown}
    heads = [metric.replace("@k", f"@{min(ks[metric])}") if one[metric] else metric for metric in shown]
    lines = []
    for (benchmark, run), metrics in _by_benchmark(groups).items():
        cells = []
        for metric in shown:
            row = metrics[metric]
            cells.append(_interval(row) + ("" if one[metric] else f" (k = {row.k})"))
        tokens, cut_off = metrics["tokens"], metrics["cut_off"]
        cells += [f"{tokens.value:.0f}", f"{100 * cut_off.value:.1f}"]
        lines.append([benchmark, run, tokens.problems, tokens.samples, *cells])
    heads = ["benchmark", "run", "problems", "samples", *heads, "tokens", "cut off %"]
    text = (
        "Percent, with 95 % intervals over problems. tokens: mean response length; cut off: share of responses that hit the "
        "length limit."
    )
    return f"{table(heads, lines, left=2)}\n\n{text}"


def _over_k(estimates: Sequence[Estimate], metric: str) -> str:
    groups: dict[tuple[str, str], dict[int, Estimate]] = {}
    for row in estimates:
        if row.metric == metric:
            groups.setdefault((row.benchmark, row.run), {})[row.k] = row
    ks = sorted({k for rows in groups.values() for k in rows})
    lines = [
        [benchmark, run, *(_interval(rows[k]) if k in rows else "" for k in ks)]
        for (benchmark, run), rows in _by_benchmark(groups).items()
    ]
    return table(["benchmark", "run", *(f"k = {k}" for k in ks)], lines, left=2)


def _by_benchmark(groups: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """The runs of a benchmark one below the other; the average last."""
    order = {name: i for i, name in enumerate(dict.fromkeys(benchmark for benchmark, _ in groups if benchmark != AVERAGE))}
    return dict(sorted(groups.items(), key=lambda item: order.get(item[0][0], len(order))))


def _comparisons(comparisons: Sequence[Comparison]) -> list[str]:
    if not comparisons:
        return ["The runs have no problem in common."]
    several = len(comparisons) > 1
    lines = [
        [
            row.benchmark,
            row.run,
            row.metric,
            row.problems,
            f"{100 * row.difference:+.1f} [{100 * row.low:+.1f}, {100 * row.high:+.1f}]{DAGGER * row.equal}",
            _p(row.p),
            *([_p(row.p_holm)] if several else []),
        ]
        for row in comparisons
    ]
    heads = ["benchmark", "run", "metric", "problems", "difference", "p", *(["p (Holm)"] if several else [])]
    text = (
        "Run minus first run in percentage points, over the problems that both have, with the 95 % interval of the paired "
        "bootstrap over problems; p: two-sided sign-flip permutation test over problems."
    )
    if several:
        text += f" p (Holm) is corrected for all {len(comparisons)} comparisons of this table: judge by it."
    return [table(heads, lines, left=3), text]


def _method(runs: Sequence[Run], estimates: Sequence[Estimate], comparisons: Sequence[Comparison]) -> str:
    largest = max(int(benchmark.n.max()) for run in runs for benchmark in run.benchmarks.values())
    lines = [
        "mean@k: share of right responses among all samples of a problem, then the mean over problems.",
        "pass@k: 1 - C(n - c, k) / C(n, k) for a problem with c of n samples right, the unbiased estimate (Chen et al. 2021), "
        "then the mean over problems.",
        "maj@k: the most frequent of k answers is right. Answers are grouped by their normalised string; no answer never wins; "
        "ties share evenly. It is the expectation over random subsets of k of the n samples: "
        + (
            "computed exactly."
            if largest <= EXACT_UP_TO
            else f"computed exactly for problems with up to {EXACT_UP_TO} samples, else the mean of {DRAWS} random subsets "
            f"(Monte Carlo, seed {SEED})."
        ),
        f"Intervals: percentile bootstrap over problems, {RESAMPLES} resamples, seed {SEED}. They say how much the number "
        "depends on which problems a benchmark happens to have. With 30 problems they are wide, and still somewhat too narrow.",
    ]
    if any(row.benchmark == AVERAGE for row in estimates):
        lines.append(
            f"{AVERAGE}: every benchmark has the same weight; its interval resamples the problems of each benchmark apart."
        )
    if any(row.equal for row in (*estimates, *comparisons)):
        lines.append(
            f"{DAGGER}: all problems have the same value, so the bootstrap interval has width zero. That does not mean "
            "certainty: where all of P problems are at 0 % or all at 100 %, up to about 3 / P of further problems of the kind "
            "may not be (rule of three, 95 %)."
        )
    if comparisons:
        lines.append(
            f"Tests: all sign patterns for up to {EXACT_TEST_UP_TO} problems that differ, else {SIGN_FLIPS} random ones (seed "
            f"{SEED}), where the smallest possible p is {1 / (1 + SIGN_FLIPS):.0e}."
        )
    return "\n".join(f"- {line}" for line in lines)


def _settings(runs: Sequence[Run]) -> str:
    settings = [run.settings for run in runs]
    lines = [[key, *(one[key] for one in settings)] for key in ("model", "n")]
    keys = dict.fromkeys((*SAMPLING, *(key for one in settings for key in one["sampling"])))
    lines += [[key, *(_plain(one["sampling"].get(key, "")) for one in settings)] for key in keys]
    lines += [[key, *(one[key] for one in settings)] for key in ("template", "verifier")]
    lines.append(["versions", *(", ".join(f"{package} {v}" for package, v in one["versions"].items()) for one in settings)])
    lines += [[key, *(one[key] for one in settings)] for key in ("hardware", "date")]
    names = dict.fromkeys(name for run in runs for name in run.benchmarks)
    for name in names:
        hashes = [run.settings["benchmarks"][name]["sha256"][:12] if name in run.benchmarks else "" for run in runs]
        lines.append([f"sha256 of {name}", *hashes])
    return table(["", *(run.name for run in runs)], lines, left=1 + len(runs))


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _interval(row: Estimate) -> str:
    return f"{100 * row.value:.1f} [{100 * row.low:.1f}, {100 * row.high:.1f}]{DAGGER * row.equal}"


def _p(p: float) -> str:
    return f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def cell(value: Any) -> str:
    """Text that cannot break a table or become markup, a link or a picture, which a reader's program would fetch."""
    return re.sub(r"[\\|*_`<>]|\](?=[(\[])", r"\\\g<0>", one_line(value))


def table(head: Sequence[str], lines: Sequence[Sequence[Any]], left: int) -> str:
    """A Markdown table with `left` columns aligned left and the others right."""
    rule = ["---" if i < left else "---:" for i in range(len(head))]
    rows = [[cell(value) for value in head], rule, *([cell(value) for value in line] for line in lines)]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
