"""The test-time-scaling plot: pass@k over the number of samples k."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from recipe.rlvr_math.report.summary import AVERAGE, Estimate

# Okabe & Ito's colours, which people with any colour vision tell apart; without yellow, too pale for a line, and black.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")  # seven to six colours: 42 runs differ in at least one
COLUMNS = 3
STYLE = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "grid.linewidth": 0.4,
    "grid.color": "0.88",
    "text.parse_math": False,  # names of runs may hold dollar signs
    "svg.hashsalt": "rlvr_math",  # ids in the SVG are random without it
    "svg.fonttype": "path",
}


def plot_pass_at_k(estimates: Sequence[Estimate], stem: Path) -> list[Path]:
    """Draw pass@k with its 95 % bands, a panel for each benchmark and a line for each run, to stem.png and stem.svg.

    The same numbers give the same bytes (with one version of matplotlib). In the SVG the line of run j in panel i is the group
    `pass_at_k-<i>-<j>`, the band `band-<i>-<j>`. Returns both paths.
    """
    rows = [row for row in estimates if row.metric == "pass@k"]
    panels, runs = list(dict.fromkeys(row.benchmark for row in rows)), list(dict.fromkeys(row.run for row in rows))
    columns = min(COLUMNS, len(panels))
    lines = -(-len(panels) // columns)
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **STYLE}):
        figure = Figure(figsize=(max(3.4, 2.45 * columns), 2.15 * lines + 0.3 * -(-len(runs) // 3)), layout="constrained")
        axes = figure.subplots(lines, columns, squeeze=False).flat
        for i, (panel, ax) in enumerate(zip(panels, axes, strict=False)):
            in_panel = [row for row in rows if row.benchmark == panel]
            for j, run in enumerate(runs):
                _draw(ax, [row for row in in_panel if row.run == run], i, j)
            _dress(ax, panel, in_panel)
        for ax in list(axes)[len(panels) :]:
            ax.remove()
        figure.supxlabel("number of samples k", fontsize=8)
        figure.supylabel("pass@k", fontsize=8)
        handles = [Line2D([], [], **_look(j)) for j in range(len(runs))]
        figure.legend(handles, runs, loc="outside upper center", ncols=min(3, len(runs)), frameon=False)
        paths = [stem.with_suffix(".png"), stem.with_suffix(".svg")]
        figure.savefig(paths[0], dpi=250)
        figure.savefig(paths[1], metadata={"Date": None})
    return paths


def _draw(ax, rows: list[Estimate], panel: int, run: int) -> None:
    if not rows:
        return
    rows = sorted(rows, key=lambda row: row.k)
    ks, look = [row.k for row in rows], _look(run)
    band = ax.fill_between(
        ks, [row.low for row in rows], [row.high for row in rows], color=look["color"], alpha=0.13, linewidth=0
    )
    band.set_gid(f"band-{panel}-{run}")
    for edge in ("low", "high"):  # where bands overlap their colours mix
        ax.plot(ks, [getattr(row, edge) for row in rows], color=look["color"], alpha=0.5, linewidth=0.5)
    (line,) = ax.plot(ks, [row.value for row in rows], **look)
    line.set_gid(f"pass_at_k-{panel}-{run}")


def _look(run: int) -> dict[str, Any]:
    colour, marker = COLOURS[run % len(COLOURS)], MARKERS[run % len(MARKERS)]
    return {"color": colour, "marker": marker, "markersize": 3.2, "linewidth": 1.3}


def _dress(ax, title: str, rows: list[Estimate]) -> None:
    problems = {row.problems for row in rows}
    name = "average over benchmarks" if title == AVERAGE else title
    ax.set_title(f"{name} ({problems.pop()} problems)" if len(problems) == 1 and title != AVERAGE else name)
    ax.set_xscale("log", base=2)
    ticks = sorted({row.k for row in rows if row.k & (row.k - 1) == 0} or {row.k for row in rows})
    ticks = ticks[:: -(-len(ticks) // 7)]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda k, _: f"{k:g}")
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    low, high = min(row.low for row in rows), max(row.high for row in rows)
    margin = max(0.02, 0.06 * (high - low))
    ax.set_ylim(max(-0.02, low - margin), min(1.02, high + margin))
    ax.grid(True)
    ax.set_axisbelow(True)
