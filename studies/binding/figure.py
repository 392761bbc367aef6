"""`python -m studies.binding.figure`: shares.csv as shares.png and as the table of README.md, which it writes anew."""

from __future__ import annotations

import csv
import math
import statistics
from collections import defaultdict
from pathlib import Path

from matplotlib.figure import Figure

from studies.binding.runs import FILE, SETTING

HERE = Path(__file__).parent
README, PICTURE = HERE / "README.md", HERE / "shares.png"
BEGIN, END = "<!-- made by figure.py -->\n", "<!-- until here -->\n"
FIRST = 1  # step that counts; the first has the base model's rollouts
HEAD = "| method | updates | learning rate | staleness | numbers | active | in the first step | clipped | entropy | right |\n"


def read() -> dict[tuple, dict[str, dict[str, dict[int, float]]]]:
    """{setting: {seed: {metric: {step: value}}}}; settings as text, in the order of the file."""
    found: dict = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    with FILE.open() as lines:
        for row in csv.DictReader(lines):
            setting = tuple(row.pop(key) for key in SETTING)
            seed, step = row.pop("seed"), int(row.pop("step"))
            for metric, value in row.items():
                if value:
                    found[setting][seed][metric][step] = float(value)
    return found


def of_seeds(runs: dict, metric: str, last: int | None = None) -> list[float]:
    """Each seed's mean over the steps from FIRST to `last`."""
    return [
        statistics.fmean(x for step, x in seed[metric].items() if FIRST <= step <= (last or step)) for seed in runs.values()
    ]


def with_error(values: list[float]) -> str:
    """Mean and standard error over the seeds, in percent."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{statistics.fmean(values):.2%} ± {100 * error:.2f}"


def table() -> str:
    """A row for each setting."""
    text = HEAD + "|---" * HEAD.count(" |") + "|\n"
    for setting, runs in sorted(read().items(), key=lambda item: (item[0][0], *map(float, item[0][1:4]), item[0][4])):
        metric = f"{setting[0]}/active_share"
        others = [statistics.fmean(of_seeds(runs, f"{name}")) for name in ("actor/entropy", "critic/score/mean")]
        cells = [*setting, with_error(of_seeds(runs, metric)), with_error(of_seeds(runs, metric, last=1))]
        cells += [with_error(of_seeds(runs, "actor/pg_clipfrac")), f"{others[0]:.2f}", f"{others[1]:.2f}"]
        text += f"| {' | '.join(cells)} |\n"
    return text


def figure() -> Figure:
    """Active share over steps, a curve a setting, the mean of its seeds; and against the share that the clip silences."""
    picture = Figure(figsize=(12, 4), layout="constrained")
    left, right = picture.subplots(1, 2)
    for setting, runs in read().items():
        if setting[0] != "htpo":
            continue
        named = zip(SETTING, setting, strict=True)
        label = ", ".join(f"{key} {value}" for key, value in named if key in ("updates", "lr") or value != str(SETTING[key]))
        steps = sorted(next(iter(runs.values()))["htpo/active_share"])
        mean = [100 * statistics.fmean(seed["htpo/active_share"][step] for seed in runs.values()) for step in steps]
        (line,) = left.plot(steps, mean, label=label.replace(", method htpo", "").replace("method htpo, ", ""))
        clipped, active = (of_seeds(runs, name) for name in ("actor/pg_clipfrac", "htpo/active_share"))
        right.plot([100 * x for x in clipped], [100 * x for x in active], "o", color=line.get_color())
    left.axhline(0.5, color="grey", linewidth=0.8, linestyle=":")
    left.set(xlabel="step", ylabel="active share, percent")
    right.set(xlabel="tokens without a gradient, percent", ylabel="active share, percent")
    picture.legend(loc="outside right upper", fontsize=7)
    return picture


def main() -> None:
    """Write the picture, and the table into the README."""
    figure().savefig(PICTURE, dpi=120)
    before, _, rest = README.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    README.write_text(before + BEGIN + table() + END + after)


if __name__ == "__main__":
    main()
