"""`make study-report`: the table and the figures, from results/ alone. Writes TABLE.md and figures/*.png beside this file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from recipe.htpo.settings import GROUPS
from studies.miniature import results
from studies.miniature.comparison import KS, difference, interval, mean_at, pass_at, verdict, widening
from studies.miniature.study import arms

HERE = Path(__file__).resolve().parent
DIFFICULTIES = ("easy", "medium", "hard")
COLOURS = dict(zip(("dapo", "forking_tokens", "htpo_paper", "htpo_released", "hapo"), plt.cm.tab10.colors, strict=False))
CURVES = {
    "mean reward": "critic/score/mean",
    "policy entropy (nats)": "actor/entropy",
    "response length (tokens)": "response_length/mean",
    "share outside the clip range": "outside",
}


def table(found: dict[str, dict[int, dict]], titles: dict[str, dict]) -> str:
    """Markdown: every arm, then the plan's comparisons."""
    lines = [
        "| arm | seeds | mean@256 | mean@32 | " + " | ".join(DIFFICULTIES) + " | pass@256 | tokens |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, title in {"start": {"title": "before training"}, **titles}.items():
        if runs := list(found.get(name, {}).values()):
            cells = [
                _share([mean_at(run) for run in runs]),
                _share([mean_at(run, 32) for run in runs]),
                *(_share([mean_at(run, difficulty=d) for run in runs]) for d in DIFFICULTIES),
                _share([pass_at(run, KS[-1]) for run in runs]),
                f"{np.mean([run['test']['tokens'] for run in runs]):.0f}",
            ]
            lines.append(f"| {title['title']} | {len(runs)} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Percent; ± is half of the 95 % interval over seeds.",
        "",
        "| comparison, percentage points | difference [95 %] | seeds |",
    ]
    lines.append("|---|---|---|")
    for label, runs, others, metric in comparisons(found, titles):
        if found_difference := difference(runs, others, metric):
            lines.append(f"| {label} | {found_difference} | {found_difference.n} |")
    return "\n".join(lines) + "\n"


def comparisons(found: dict, titles: dict) -> list[tuple]:
    """Those of PLAN.md, the primary one first: label, runs, runs that are subtracted, metric."""
    dapo, htpo = found.get("dapo", {}), found.get("htpo_paper", {})
    return [
        ("**HTPO, paper minus DAPO: mean@256 (primary)**", htpo, dapo, mean_at),
        ("HTPO, paper minus DAPO: pass@256 minus pass@1", htpo, dapo, widening),
        ("HTPO, paper minus DAPO: mean@256, hard", htpo, dapo, partial(mean_at, difficulty="hard")),
        *(
            (f"{titles[name]['title']} minus DAPO: mean@256", found.get(name, {}), dapo, mean_at)
            for name in ("htpo_released", "hapo", "forking_tokens")
        ),
        *(
            (f"{titles[name]['title']} minus HTPO, paper: mean@256", found.get(name, {}), htpo, mean_at)
            for name in titles
            if name.startswith("without_")
        ),
    ]


def _share(values: list[float]) -> str:
    over_seeds = interval(values)
    half = "" if over_seeds.n == 1 else f" ± {100 * (over_seeds.high - over_seeds.mean):.1f}"
    return f"{100 * over_seeds.mean:.1f}{half}"


def band(axes, x, rows, colour, label) -> None:
    """Mean over seeds and its 95 % interval. rows: one list of values for each seed."""
    columns = [interval(column) for column in np.array(rows, dtype=float).T]
    axes.plot(x, [c.mean for c in columns], color=colour, label=label)
    if len(rows) > 1:
        axes.fill_between(x, [c.low for c in columns], [c.high for c in columns], color=colour, alpha=0.15, linewidth=0)


def pass_curves(found: dict, titles: dict):
    """pass@k over k, for all problems and each difficulty."""
    figure, panels = plt.subplots(1, 4, figsize=(15, 3.8), sharey=True, layout="constrained")
    for axes, difficulty in zip(panels, (None, *DIFFICULTIES), strict=True):
        for name, colour in {"start": "grey", **COLOURS}.items():
            rows = [[pass_at(run, k, difficulty) for k in KS] for run in found.get(name, {}).values()]
            if rows:
                band(axes, KS, rows, colour, titles[name]["title"] if name in titles else "before training")
        axes.set(xscale="log", xticks=KS, xticklabels=KS, xlabel="k", title=difficulty or "all problems")
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("pass@k")
    panels[0].legend(fontsize=8)
    return figure


def outside(steps: dict) -> list[float]:
    """Share of tokens outside the clip range, by step: the groups' or sides' shares, weighted with their tokens."""
    kinds = [name.removesuffix("/outside_clip_share") for name in steps if name.endswith("/outside_clip_share")]
    columns = [(_floats(steps[f"{kind}/token_share"]), _floats(steps[f"{kind}/outside_clip_share"])) for kind in kinds]
    return np.nansum([share * part for share, part in columns], axis=0).tolist()


def _floats(values: list) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def training_curves(found: dict, titles: dict):
    """What training showed, over steps."""
    figure, panels = plt.subplots(1, len(CURVES), figsize=(15, 3.6), layout="constrained")
    for axes, (label, metric) in zip(panels, CURVES.items(), strict=True):
        for name, colour in COLOURS.items():
            runs = [run["steps"] for run in found.get(name, {}).values()]
            rows = [outside(steps) if metric == "outside" else steps[metric] for steps in runs]
            if rows:
                band(axes, range(1, len(rows[0]) + 1), rows, colour, titles[name]["title"])
        axes.set(xlabel="step", title=label)
        axes.grid(alpha=0.3)
    panels[0].legend(fontsize=8)
    return figure


def group_curves(found: dict):
    """The eight groups of HTPO over steps, mean over seeds."""
    kinds = {
        "share of tokens": "token_share",
        "entropy (nats)": "entropy",
        "share outside the clip range": "outside_clip_share",
    }
    figure, panels = plt.subplots(1, len(kinds), figsize=(15, 4.2), layout="constrained")
    runs = [run["steps"] for run in found.get("htpo_paper", {}).values()]
    for axes, (label, kind) in zip(panels, kinds.items(), strict=True):
        for i, (group, colour) in enumerate(zip(GROUPS, plt.cm.tab10.colors, strict=False), 1):
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


def main(source: Path | None = None, out: Path = HERE) -> None:
    """Read, write, and print the table and the verdict."""
    found, titles = results.read_all(source), arms()
    text = table(found, titles)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    (out / "TABLE.md").write_text(text)
    figures = {
        "pass_at_k": pass_curves(found, titles),
        "training": training_curves(found, titles),
        "groups": group_curves(found),
    }
    for name, figure in figures.items():
        figure.savefig(out / f"figures/{name}.png", dpi=110, metadata={"Software": None})
        plt.close(figure)
    primary = difference(found.get("htpo_paper", {}), found.get("dapo", {}), mean_at)
    print(text)
    print(f"primary comparison: {verdict(primary, titles['htpo_paper']['seeds'])}")


if __name__ == "__main__":
    main()
