"""What the page plots: sections of rows of plots, as plain data that the page's script draws.

A section is {"id", "title", "notes", "legend", "rows"}, a row {"title", "caption", "format", "plots"}, a plot {"run", "traces",
"stacked", "range"}, a trace {"key", "x", "y"} and, of a thinned line, "mean" {"x", "y"}. A legend item is {"of", "key",
"label", "color", "dash"}; its color is a variable of page.css, so that each theme has its own. A trace has its item's key.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from recipe.insight.runs import Run
from recipe.insight.text import visible
from recipe.insight.thinning import BINS, POINTS, bin_means, thin

# As in the names of the metrics; not imported, since the methods need torch and a report does not.
QUADRANTS = ("hard_correct", "hard_wrong", "easy_correct", "easy_wrong")
GROUPS = tuple(f"{quadrant}_{level}" for quadrant in QUADRANTS for level in ("low", "high"))
SIDES = ("low_entropy", "high_entropy")

_DASHES = ("solid", "dash", "dot", "dashdot")
_OVERVIEW = (
    ("Reward", "critic/score/mean", "Mean score of the step's responses; with group filtering, of the kept groups.", ".3~g"),
    ("Entropy", "actor/entropy", "Mean over response tokens, nats. A steady fall towards 0 is entropy collapse.", ".3~g"),
    ("Response length", "response_length/mean", "Mean, tokens.", ",.0f"),
    ("Cut-off responses", "response_length/clip_ratio", "Share of responses that reached the length limit.", ".1%"),
    ("Gradient norm", "actor/grad_norm", "Before clipping.", ".3~g"),
)
# Phases of a step that do not overlap (timing_s/<name>); other timings are parts of these.
_PHASES = (
    *("gen", "reward", "old_log_prob", "ref", "values", "adv", "update_critic", "update_actor", "update_weights"),
    *("token_dump", "switch_wait", "switch_to_trainer", "switch_to_rollout", "save_checkpoint"),
)
_PROMPTS = (
    ("Hard prompts", "htpo/hard_prompt_share", "Share of the step's prompts; the rest is easy."),
    ("Right answers", "htpo/correct_share", "Share of the responses trained on; the rest is wrong."),
    ("Right answers of all rollouts", "rollouts/acc", "Share, with the prompts that group filtering dropped."),
    ("Prompts with all answers right", "rollouts/all_right_share", "Share; nothing is learned from them."),
    ("Prompts with all answers wrong", "rollouts/all_wrong_share", "Share; nothing is learned from them."),
)
_GROUP_ROWS = (
    ("Token share", "token_share", "Share of all response tokens.", ".1%"),
    ("Entropy", "entropy", "Mean over the group's tokens, nats.", ".3~g"),
    ("Outside the clip range", "outside_clip_share", "Share of the group's tokens, over the step's mini-batches.", ".1%"),
    ("Detached", "detached_share", "Share of the group's tokens whose loss is silenced.", ".1%"),
)
_SIDE_ROWS = (
    _GROUP_ROWS[0],
    ("Outside the clip range", "outside_clip_share", "Share of the side's tokens, by their adapted range.", ".1%"),
    ("Redistributed", "redistributed_share", "Share of the side's tokens whose advantage was scaled.", ".1%"),
)
_CONTRIBUTION = (
    "Token share x mean loss; with token-mean aggregation they add up to actor/pg_loss. This is not the contribution to the "
    "gradient, which the metrics do not have."
)


def overview(runs: Sequence[Run]) -> dict[str, Any]:
    """Reward, validation accuracy, entropy, length and more, all runs in one plot each."""
    validations = dict.fromkeys(name for run in runs for name in sorted(run.metrics.names) if _is_accuracy(name))
    metrics = list(_OVERVIEW)
    metrics[1:1] = [
        ("Validation accuracy", name, visible(name.removeprefix("val-core/")), ".1%" if "/acc/" in name else ".3~g")
        for name in validations
    ]
    rows = [
        _row(title, caption, form, [_plot([_trace(_run_key(i), *run.metrics.known(name)) for i, run in enumerate(runs)])])
        for title, name, caption, form in metrics
    ]
    return _section("overview", "Overview", rows, _run_legend(runs))


def groups(runs: Sequence[Run]) -> dict[str, Any]:
    """HTPO's eight groups and HAPO's two sides, one plot a run."""
    legend = [
        _item("Groups", name, f"g{i}", "solid" if name.endswith("_high") else "dash") for i, name in enumerate(GROUPS, start=1)
    ] + [_item("HAPO's sides", side, f"s{i}", ("dash", "solid")[i]) for i, side in enumerate(SIDES)]
    rows = []
    for method, parts, shown in (("htpo", GROUPS, _GROUP_ROWS), ("hapo", SIDES, _SIDE_ROWS)):
        having = [run for run in runs if any(name.startswith(f"{method}/{parts[0]}/") for name in run.metrics.names)]
        if not having:
            legend = [item for item in legend if item["key"] not in parts]
            continue
        for title, kind, caption, form in shown:
            plots = [
                _plot([_trace(part, *_within(run, f"{method}/{part}/{kind}")) for part in parts], run.name) for run in having
            ]
            rows.append(_row(title, caption, form, plots))
        rows.append(_row("Loss contribution", _CONTRIBUTION, ".3~g", [_contributions(run, method, parts) for run in having]))
    return _section("groups", "Groups", rows, legend, [] if rows else ["None of the runs logged token groups."])


def prompts(runs: Sequence[Run]) -> dict[str, Any]:
    """Hard and easy prompts, right and wrong answers, and the tokens they have."""
    notes = [
        f"{run.name}: no shares of hard and easy prompts were logged (HTPO logs them)."
        for run in runs
        if "htpo/hard_prompt_share" not in run.metrics.names
    ]
    rows = []
    for title, name, caption in _PROMPTS:
        traces = [_trace(_run_key(i), *run.metrics.known(name)) for i, run in enumerate(runs)]
        if any(trace["x"] for trace in traces):
            rows.append(_row(title, caption, ".1%", [_plot(traces, span=[0, 1])]))
    legend = _run_legend(runs) if rows else []
    stacks = [_quadrants(run) for run in runs if f"htpo/{GROUPS[0]}/token_share" in run.metrics.names]
    if stacks:
        caption = "Share of all response tokens, low and high entropy together."
        rows.append(_row("Tokens by difficulty and verdict", caption, ".1%", stacks))
        legend += [_item("Tokens", name, f"g{2 * i + 2}") for i, name in enumerate(QUADRANTS)]
    return _section("prompts", "Prompts", rows, legend, notes)


def times(runs: Sequence[Run]) -> dict[str, Any]:
    """Throughput, and the seconds of each phase of a step, stacked."""
    traces = [_trace(_run_key(i), *run.metrics.known("perf/throughput")) for i, run in enumerate(runs)]
    rows = [_row("Throughput", "Tokens, of prompts and responses, per second and GPU.", ",.3~s", [_plot(traces)])]
    stacks = [(run.name, *_phases(run)) for run in runs if "timing_s/step" in run.metrics.names]
    used = [phase for phase in (*_PHASES, "other", "testing") if any(phase in stack for _, _, stack in stacks)]
    legend = _run_legend(runs) + [_item("Phases", phase, f"p{i % 8}") for i, phase in enumerate(used)]
    if stacks:
        plots = [_plot([_stacked(*item, steps) for item in stack.items()], name, True) for name, steps, stack in stacks]
        caption = "Seconds, stacked. Testing follows the step; other is what no named phase accounts for."
        rows.append(_row("Time of a step", caption, ".3~g", plots))
    return _section("time", "Time", rows, legend)


def _is_accuracy(name: str) -> bool:
    return name.startswith("val-core/") and name.rsplit("/", 1)[-1].startswith("mean@")


def _within(run: Run, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A metric with gaps where the step has groups but not this one's number: the group was empty."""
    logged = ~np.isnan(run.metrics.column(name.rsplit("/", 1)[0] + "/token_share"))
    return run.metrics.steps[logged], run.metrics.column(name)[logged]


def _contributions(run: Run, method: str, parts: Sequence[str]) -> dict[str, Any]:
    traces = []
    for part in parts:
        steps, share = _within(run, f"{method}/{part}/token_share")
        traces.append(_trace(part, steps, share * _within(run, f"{method}/{part}/loss")[1]))
    return _plot(traces, run.name)


def _quadrants(run: Run) -> dict[str, Any]:
    steps, _ = _within(run, f"htpo/{GROUPS[0]}/token_share")
    shares = [
        sum(np.nan_to_num(_within(run, f"htpo/{name}_{level}/token_share")[1]) for level in ("low", "high"))
        for name in QUADRANTS
    ]
    traces = [_stacked(name, share, steps) for name, share in zip(QUADRANTS, shares, strict=True)]
    return _plot(traces, run.name, True, [0, 1])


def _phases(run: Run) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Steps, and seconds of each phase that took any."""
    logged = ~np.isnan(run.metrics.column("timing_s/step"))
    seconds = {name: np.nan_to_num(run.metrics.column(f"timing_s/{name}"))[logged] for name in ("step", *_PHASES, "testing")}
    whole, testing = seconds.pop("step"), seconds.pop("testing")
    seconds["other"] = np.maximum(whole - sum(seconds.values()), 0)
    seconds["testing"] = testing
    return run.metrics.steps[logged], {name: values for name, values in seconds.items() if values.any()}


def _section(name: str, title: str, rows: list, legend: list, notes: Sequence[str] = ()) -> dict[str, Any]:
    notes = list(notes)
    if any(plot.pop("thinned") for row in rows for plot in row["plots"]):
        notes.append(
            f"Long curves are thinned: pale lines join the lowest and the highest point of each of {POINTS // 2} stretches of "
            f"steps, full lines and areas are the means of {BINS} stretches."
        )
    return {"id": name, "title": title, "notes": notes, "legend": legend, "rows": rows}


def _row(title: str, caption: str, form: str, plots: list) -> dict[str, Any]:
    return {"title": title, "caption": caption, "format": form, "plots": plots if len(plots) == 1 else _share_range(plots)}


def _share_range(plots: list) -> list:
    """Let the plots of a row share their vertical axis, so that runs can be compared."""
    tops, bottoms = [0.0], [0.0]
    for plot in plots:
        lists = [[y for y in trace["y"] if y is not None] for trace in plot["traces"]]
        if plot["stacked"]:
            lists = [[sum(column) for column in zip(*lists, strict=True)]]
        tops += [max(ys) for ys in lists if ys]
        bottoms += [min(ys) for ys in lists if ys]
    low, high = min(bottoms), max(tops)
    margin = 0.05 * (high - low) or 1.0
    for plot in plots:
        plot["range"] = plot["range"] or [low - margin if low < 0 else 0.0, high + margin]
    return plots


def _plot(traces: list, run: str = "", stacked: bool = False, span: list | None = None) -> dict[str, Any]:
    thinned = [trace.pop("thinned") for trace in traces]
    shown = [trace for trace in traces if trace["x"]]
    return {"run": run, "traces": shown, "stacked": stacked, "range": span, "thinned": any(thinned)}


def _trace(key: str, steps: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    x, y = thin(steps, values)
    trace = {"key": key, **_points(x, y), "thinned": len(x) < len(steps)}
    if trace["thinned"]:
        middle, means = bin_means(steps, values[None])
        trace["mean"] = _points(middle, means[0])
    return trace


def _stacked(key: str, values: np.ndarray, steps: np.ndarray) -> dict[str, Any]:
    middle, means = bin_means(steps, values[None])
    return {"key": key, **_points(middle, means[0]), "thinned": len(middle) < len(steps)}


def _points(steps: np.ndarray, values: np.ndarray) -> dict[str, list]:
    return {"x": steps.tolist(), "y": [_short(y) for y in values.tolist()]}


def _short(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.5g}")


def _item(of: str, key: str, color: str, dash: str = "solid", label: str = "") -> dict[str, str]:
    return {"of": of, "key": key, "label": label or key, "color": color, "dash": dash}


def _run_key(index: int) -> str:
    return f"run{index}"


def _run_legend(runs: Sequence[Run]) -> list[dict[str, str]]:
    """A color a run; after eight they come again with another dash."""
    return [_item("Runs", _run_key(i), f"r{i % 8}", _DASHES[i // 8 % 4], run.name) for i, run in enumerate(runs)]
