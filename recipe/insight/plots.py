"""What the page plots: sections of rows of plots, as plain data that the page's script draws.

A section is {"id", "title", "notes", "legend", "rows"}, a row {"title", "caption", "format", "plots"}, a plot {"run",
"traces", "stacked", "range"}, a trace {"key", "x", "y"}, with null for y in gaps, and, of a thinned line, "mean" {"x", "y"}.
A legend item is {"of", "key", "label", "color", "dash"}; its color is a variable of page.css, so that each theme has its own.
A trace has its item's key.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from recipe.insight.described import Described, curves, described
from recipe.insight.metrics import with_gaps
from recipe.insight.runs import Run
from recipe.insight.thinning import BINS, POINTS, bin_means, thin
from recipe.text.visible import visible
from recipe.token_level.display import Area, Curve

_DASHES = ("solid", "dash", "dot", "dashdot")
_OVERVIEW = (
    ("Reward", "critic/score/mean", "Mean score of the step's responses; with group filtering, of the kept groups.", ".3~g"),
    ("Entropy", "actor/entropy", "Mean over response tokens, nats. A steady fall towards 0 is entropy collapse.", ".3~g"),
    ("Response length", "response_length/mean", "Mean, tokens.", ",.0f"),
    (
        "Longest responses",
        "response_length/clip_ratio",
        "Share of responses as long as the step's longest one, at which they are cut off if it is the limit.",
        ".1%",
    ),
    ("Gradient norm", "actor/grad_norm", "Before clipping.", ".3~g"),
)
# Phases of a step that do not overlap (timing_s/<name>); other timings are parts of these.
_PHASES = (
    *("gen", "reward", "old_log_prob", "ref", "values", "adv", "update_critic", "update_actor", "update_weights"),
    *("token_dump", "switch_wait", "switch_to_trainer", "switch_to_rollout", "save_checkpoint"),
)
_PROMPTS = (
    ("Right answers of all rollouts", "rollouts/acc", "Share, with the prompts that group filtering dropped."),
    ("Prompts with all answers right", "rollouts/all_right_share", "Share; nothing is learned from them."),
    ("Prompts with all answers wrong", "rollouts/all_wrong_share", "Share; nothing is learned from them."),
)
_FORMATS = {"share": ".1%", "number": ".3~g"}
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
        _row(title, caption, form, [_plot([_trace(_run_key(i), *run.metrics.curve(name)) for i, run in enumerate(runs)])])
        for title, name, caption, form in metrics
    ]
    rows += _curve_rows(runs, curves(runs, "overview"))
    return _section("overview", "Overview", rows, _run_legend(runs))


def groups(runs: Sequence[Run]) -> dict[str, Any]:
    """The groups of each method, one plot a run."""
    rows, legend = [], []
    for one in described(runs):
        having = [run for run in one.runs if run.has_groups]
        if not having:
            continue
        for number, group in enumerate(one.display.groups, start=1):
            key, dash = one.color(number), "dash" if group.faint else "solid"
            legend.append(_item(visible(one.display.groups_title), key, key, dash, visible(group.name)))
        for family in one.display.families:
            plots = [_of_groups(one, run, family.kind) for run in having]
            rows.append(_row(visible(family.title), visible(family.caption), _FORMATS[family.unit], plots))
        plots = [_of_groups(one, run, "loss", times_share=True) for run in having]
        if any(plot["traces"] for plot in plots):
            rows.append(_row("Loss contribution", _CONTRIBUTION, ".3~g", plots))
    nothing = "There are no token groups to show: no run logged any that its display.json names."
    return _section("groups", "Groups", rows, legend, [] if rows else [nothing])


def prompts(runs: Sequence[Run]) -> dict[str, Any]:
    """What the methods say of prompts and the tokens they have, and how many answers were right."""
    own = curves(runs, "prompts")
    notes = [
        f"{run.name}: no metrics of prompts were logged beside those that all methods have."
        for run in runs
        if not any(curve.metric in run.metrics.names for curve in own)
    ]
    rows = _curve_rows(runs, own, span=[0, 1])
    for title, name, caption in _PROMPTS:
        rows += _curve_rows(runs, [Curve(name, title, caption)], span=[0, 1])
    legend = _run_legend(runs) if rows else []
    for one in described(runs):
        having = [run for run in one.runs if run.has_groups]
        if one.display.stack and having:
            stack = one.display.stack
            plots = [_areas(one, run) for run in having]
            rows.append(_row(visible(stack.title), visible(stack.caption), ".1%", plots))
            legend += [_item("Tokens", *_area_keys(one, area), label=visible(area.name)) for area in stack.areas]
    return _section("prompts", "Prompts", rows, legend, notes)


def times(runs: Sequence[Run]) -> dict[str, Any]:
    """Throughput, and the seconds of each phase of a step, stacked."""
    traces = [_trace(_run_key(i), *run.metrics.curve("perf/throughput")) for i, run in enumerate(runs)]
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


def _curve_rows(runs: Sequence[Run], wanted: Sequence[Curve], span: list | None = None) -> list[dict[str, Any]]:
    """A row with one plot of all runs for each curve that any of them logged. span: the range of shares."""
    rows = []
    for curve in wanted:
        traces = [_trace(_run_key(i), *run.metrics.curve(curve.metric)) for i, run in enumerate(runs)]
        if any(trace["x"] for trace in traces):
            plot = _plot(traces, span=span if curve.unit == "share" else None)
            rows.append(_row(visible(curve.title), visible(curve.caption), _FORMATS[curve.unit], [plot]))
    return rows


def _within(run: Run, group: str, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """A group's metric, with gaps where the step has groups but not this one's number: the group was empty."""
    name = f"{run.display.method}/{group}/"
    logged = ~np.isnan(run.metrics.column(name + "token_share"))
    return run.metrics.steps[logged], run.metrics.column(name + kind)[logged]


def _of_groups(one: Described, run: Run, kind: str, times_share: bool = False) -> dict[str, Any]:
    """The plot of a run with a curve for each group that logged the metric at all, or of its product with the token share."""
    traces = []
    for number, group in enumerate(one.display.groups, start=1):
        steps, values = _within(run, group.name, kind)
        if not np.isnan(values).all():
            factor = _within(run, group.name, "token_share")[1] if times_share else 1
            traces.append(_trace(one.color(number), steps, values * factor))
    return _plot(traces, run.name)


def _areas(one: Described, run: Run) -> dict[str, Any]:
    shares = [
        np.array([run.metrics.column(f"{one.display.method}/{name}/token_share") for name in area.groups])
        for area in one.display.stack.areas
    ]
    logged = ~np.isnan(np.concatenate(shares)).all(axis=0)
    traces = [
        _stacked(_area_keys(one, area)[0], np.nansum(share, axis=0)[logged], run.metrics.steps[logged])
        for area, share in zip(one.display.stack.areas, shares, strict=True)
    ]
    return _plot(traces, run.name, True, [0, 1])


def _area_keys(one: Described, area: Area) -> tuple[str, str]:
    """The key of an area, and the variable of its color."""
    return f"{one.place}/{visible(area.name)}", one.color(one.number(area.groups[-1]))


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
    steps, values = with_gaps(steps, values)
    x, y = thin(steps, values)
    trace = {"key": key, **_points(x, y), "thinned": len(x) < len(steps)}
    if trace["thinned"]:
        middle, means = bin_means(steps, values[None])
        trace["mean"] = _points(middle, means[0])
    return trace


def _stacked(key: str, values: np.ndarray, steps: np.ndarray) -> dict[str, Any]:
    steps, values = with_gaps(steps, values)
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
