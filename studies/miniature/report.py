"""`make study-report`: the table and the figures, from results/ alone. Writes TABLE.md and figures/*.png beside this file."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from studies.miniature import figures, results
from studies.miniature.comparison import KS, Comparison, differences, interval, mean_at, pass_at, widening
from studies.miniature.study import arms

HERE = Path(__file__).resolve().parent
DIFFICULTIES = ("easy", "medium", "hard")
PRIMARY = "HTPO, paper minus DAPO: mean@256 (primary)"


def table(found: dict[str, dict[int, dict]], titles: dict[str, dict], compared: dict[str, Comparison]) -> str:
    """Markdown: every arm, then the comparisons."""
    lines = [
        "| arm | seeds | mean@256 | mean@32 | " + " | ".join(DIFFICULTIES) + " | pass@256 | tokens | entropy | outside |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, title in {"start": {"title": "before training"}, **titles}.items():
        if runs := list(found.get(name, {}).values()):
            cells = [
                _share([mean_at(run) for run in runs]),
                _share([mean_at(run, 32) for run in runs]),
                *(_share([mean_at(run, difficulty=d) for run in runs]) for d in DIFFICULTIES),
                _share([pass_at(run, KS[-1]) for run in runs]),
                f"{np.mean([run['test']['tokens'] for run in runs]):.0f}",
                *_of_training([run["steps"] for run in runs if run["steps"]]),
            ]
            missing = f" of {title['seeds']}" if len(runs) < title.get("seeds", 1) else ""
            lines.append(f"| {title['title']} | {len(runs)}{missing} | " + " | ".join(cells) + " |")
    lines += [
        "",
        "Percent; ± is half of the 95 % interval over seeds. tokens: of a response; entropy: of the policy in the last five",
        "steps, nats; outside: training tokens with an importance ratio outside the clip range, percent, mean over steps.",
        "",
        "| comparison, percentage points | difference [95 %] | seeds |",
        "|---|---|---|",
        *(
            f"| {label} | {interval(c.differences)} | {c.planned} |"
            if c.finished
            else f"| {label} | not finished | {len(c.differences)} of {c.planned} |"
            for label, c in compared.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def comparisons(found: dict[str, dict[int, dict]], titles: dict[str, dict]) -> dict[str, Comparison]:
    """Those of PLAN.md by their labels, the primary one first."""

    def minus(name: str, other: str, metric) -> Comparison:
        planned = min(titles[name]["seeds"], titles[other]["seeds"])
        return Comparison(differences(found.get(name, {}), found.get(other, {}), metric), planned)

    return {
        PRIMARY: minus("htpo_paper", "dapo", mean_at),
        "HTPO, paper minus DAPO: pass@256 minus pass@1": minus("htpo_paper", "dapo", widening),
        "HTPO, paper minus DAPO: mean@256, hard": minus("htpo_paper", "dapo", partial(mean_at, difficulty="hard")),
        **{
            f"{titles[name]['title']} minus DAPO: mean@256": minus(name, "dapo", mean_at)
            for name in ("htpo_released", "hapo", "forking_tokens")
        },
        **{
            f"{titles[name]['title']} minus HTPO, paper: mean@256": minus(name, "htpo_paper", mean_at)
            for name in titles
            if name.startswith("without_")
        },
    }


def _of_training(steps: list[dict]) -> list[str]:
    """The cells of entropy and share outside the clip range; empty for the model before training."""
    if not steps:
        return ["", ""]
    entropy = np.mean([run["actor/entropy"][-5:] for run in steps])
    return [f"{entropy:.2f}", f"{100 * np.mean([figures.outside(run) for run in steps]):.2f}"]


def _share(values: list[float]) -> str:
    over_seeds = interval(values)
    half = "" if over_seeds.n == 1 else f" ± {100 * (over_seeds.high - over_seeds.mean):.1f}"
    return f"{100 * over_seeds.mean:.1f}{half}"


def main(source: Path | None = None, out: Path = HERE) -> None:
    """Read, write, and print the table and the verdict."""
    titles = arms()
    found = results.read_all(titles, source)
    compared = comparisons(found, titles)
    text = table(found, titles, compared)
    (out / "figures").mkdir(parents=True, exist_ok=True)
    (out / "TABLE.md").write_text(text)
    for name, figure in {
        "differences": figures.differences({label: c.differences for label, c in compared.items() if c.finished}),
        "pass_at_k": figures.pass_curves(found, titles),
        "training": figures.training_curves(found, titles),
        "groups": figures.group_curves(found),
    }.items():
        figure.savefig(out / f"figures/{name}.png", dpi=110, metadata={"Software": None})
    print(text)
    print(f"primary comparison: {compared[PRIMARY].verdict}")


if __name__ == "__main__":
    main()
