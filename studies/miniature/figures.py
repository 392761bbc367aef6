"""The study's figures, from results: each function returns one matplotlib figure."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from recipe.htpo.objectives import GROUPS
from studies.miniature.comparison import KS, interval, pass_at

TEN = colormaps["tab10"].colors
COLOURS = dict(zip(("dapo", "forking_tokens", "htpo_paper", "htpo_released", "hapo"), TEN, strict=False))
CURVES = {
    "mean reward": "critic/score/mean",
    "policy entropy (nats)": "actor/entropy",
    "response length (tokens)": "response_length/mean",
    "share outside the clip range": "outside",
}


def differences(compared: dict[str, list[float]]) -> Figure:
    """The comparisons, paired by seed: each seed's difference, their mean and its 95 % interval."""
    rows = {label: 100 * np.array(values) for label, values in compared.items()}
    figure = Figure(figsize=(9, 0.9 + 0.36 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, values in enumerate(rows.values()):
        over_seeds = interval(values)
        axes.plot([over_seeds.low, over_seeds.high], [y, y], color=TEN[0], linewidth=2)
        axes.plot(over_seeds.mean, y, "D", color=TEN[0], markersize=6)
        axes.plot(values, [y + 0.22] * len(values), "o", color="grey", markersize=3, alpha=0.8)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(yticks=range(len(rows)), yticklabels=rows, xlabel="difference, percentage points")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    return figure


def band(axes, x, rows, colour, label) -> None:
    """Mean over seeds and its 95 % interval. rows: one list of values for each seed."""
    columns = [interval(column) for column in np.array(rows, dtype=float).T]
    axes.plot(x, [c.mean for c in columns], color=colour, label=label)
    if len(rows) > 1:
        axes.fill_between(x, [c.low for c in columns], [c.high for c in columns], color=colour, alpha=0.15, linewidth=0)


def pass_curves(found: dict, titles: dict) -> Figure:
    """pass@k over k, for all problems and each difficulty."""
    figure = Figure(figsize=(15, 3.8), layout="constrained")
    panels = figure.subplots(1, 4, sharey=True)
    for axes, difficulty in zip(panels, (None, "easy", "medium", "hard"), strict=True):
        for name, colour in {"start": "grey", **COLOURS}.items():
            rows = [[pass_at(run, k, difficulty) for k in KS] for run in found.get(name, {}).values()]
            if rows:
                band(axes, KS, rows, colour, titles[name]["title"] if name in titles else "before training")
        axes.set(xscale="log", xticks=KS, xticklabels=KS, xlabel="k", title=difficulty or "all problems")
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    panels[0].set(ylabel="pass@k", ylim=(0, 1))  # intervals of Student's t can leave it
    panels[0].legend(fontsize=8)
    return figure


def outside(steps: dict) -> list[float]:
    """Share of tokens outside the clip range, by step: the groups' or sides' shares, weighted with their tokens."""
    kinds = [name.removesuffix("/outside_clip_share") for name in steps if name.endswith("/outside_clip_share")]
    columns = [(_floats(steps[f"{kind}/token_share"]), _floats(steps[f"{kind}/outside_clip_share"])) for kind in kinds]
    return np.nansum([share * part for share, part in columns], axis=0).tolist()


def _floats(values: list) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def training_curves(found: dict, titles: dict) -> Figure:
    """What training showed, over steps."""
    figure = Figure(figsize=(15, 3.6), layout="constrained")
    panels = figure.subplots(1, len(CURVES))
    for axes, (label, metric) in zip(panels, CURVES.items(), strict=True):
        for name, colour in COLOURS.items():
            runs = [run["steps"] for run in found.get(name, {}).values()]
            rows = [outside(steps) if metric == "outside" else steps[metric] for steps in runs]
            if rows:
                band(axes, range(1, len(rows[0]) + 1), rows, colour, titles[name]["title"])
        axes.set(xlabel="step", title=label)
        axes.grid(alpha=0.3)
    panels[-1].set_ylim(bottom=0)
    panels[0].legend(fontsize=8)
    return figure


def group_curves(found: dict) -> Figure:
    """The eight groups of HTPO over steps, mean over seeds."""
    kinds = {
        "share of tokens": "token_share",
        "entropy (nats)": "entropy",
        "share outside the clip range": "outside_clip_share",
    }
    figure = Figure(figsize=(15, 4.2), layout="constrained")
    panels = figure.subplots(1, len(kinds))
    runs = [run["steps"] for run in found.get("htpo_paper", {}).values()]
    for axes, (label, kind) in zip(panels, kinds.items(), strict=True):
        for i, (group, colour) in enumerate(zip(GROUPS, TEN, strict=False), 1):
            rows = [_floats(steps[f"htpo/{group}/{kind}"]) for steps in runs if f"htpo/{group}/{kind}" in steps]
            if rows:
                known = np.array(rows)
                counts = np.sum(~np.isnan(known), axis=0)
                mean = np.divide(np.nansum(known, axis=0), counts, out=np.full(counts.shape, np.nan), where=counts > 0)
                axes.plot(range(1, len(mean) + 1), mean, color=colour, label=f"{i} {group.replace('_', ' ')}")
        axes.set(xlabel="step", title=label)
        axes.grid(alpha=0.3)
    if runs:
        panels[0].legend(fontsize=7, ncols=2)
    return figure
