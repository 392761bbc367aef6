"""The study's numbers and figures, from results of known content."""

import numpy as np
import pytest

from recipe.htpo.objectives import GROUPS
from studies.miniature import figures, report, results
from studies.miniature.comparison import Comparison, Interval, differences, interval, mean_at, pass_at, widening
from studies.miniature.study import arms

FIGURES = ("differences", "pass_at_k", "training", "groups")


def result(right: dict[str, int], steps=(), name="dapo"):
    """One problem of each difficulty, of whose 256 responses the first so many are right."""
    arm = {key: value for key, value in arms().get(name, {}).items() if key in ("recipe", "overrides")}
    problems = {
        str(i): {"difficulty": d, "right": np.packbits(np.arange(256) < count).tobytes().hex()}
        for i, (d, count) in enumerate(right.items())
    }
    return {
        "test": {"n": 256, "tokens": 40.0, "problems": problems},
        "steps": dict(steps),
        "made_by": {"inputs": {}, "arm": arm, "versions": {}, "hardware": "CPU"},
    }


def test_mean_at_k_is_of_the_first_k():
    run = result({"easy": 16, "hard": 64})
    assert mean_at(run, 32) == pytest.approx((0.5 + 1) / 2)
    assert mean_at(run, 32, "easy") == 0.5
    assert mean_at(run) == pytest.approx((16 + 64) / 512)
    assert pass_at(run, 1) == pytest.approx((16 + 64) / 512)
    assert pass_at(run, 256) == 1
    assert widening(run) == pytest.approx(1 - 80 / 512)
    assert pass_at(result({"easy": 0, "hard": 1}), 2) == pytest.approx(2 / 256 / 2)


def test_the_interval_is_students():
    # R: t.test(c(1, 2, 3, 4, 6))$conf.int
    found = interval([1, 2, 3, 4, 6])
    assert (found.mean, found.low, found.high) == pytest.approx((3.2, 0.8116, 5.5884), abs=1e-3)
    assert np.isnan(interval([0.5]).low)
    assert str(Interval(0.0123, -0.01, 0.034, 5)) == "+1.2 [-1.0, +3.4]"


def test_differences_are_paired_by_seed():
    ours = {seed: result({"easy": count}) for seed, count in {1: 8, 2: 16, 3: 32, 9: 0}.items()}
    theirs = {seed: result({"easy": count}) for seed, count in {3: 24, 2: 8, 1: 0}.items()}
    # Every pair differs by as much, though the runs of an arm differ a lot.
    assert differences(ours, theirs, mean_at) == pytest.approx([0.25 / 8] * 3)
    assert differences(ours, {}, mean_at) == []


@pytest.mark.parametrize(
    ("differences", "says"),
    [
        ([0.01, 0.02, 0.03, 0.02, 0.02], "HTPO helps here"),
        ([0.1, -0.01, 0.03, 0.02, 0.02], "HTPO does not help here (the interval holds 0)"),
        ([-0.1, 0.01, -0.03, -0.02, -0.02], "HTPO does not help here (the interval holds 0)"),
        ([0.0] * 5, "HTPO does not help here (the interval holds 0)"),
        ([-0.01, -0.02, -0.03, -0.02, -0.02], "HTPO does not help here"),
    ],
)
def test_the_verdict_is_the_plans(differences, says):
    assert Comparison(differences, 5).verdict == says
    assert Comparison(differences[:3], 5).verdict == "not finished: 3 of 5 seeds"
    assert Comparison([], 5).verdict == "not finished: 0 of 5 seeds"


def some_steps(rng, steps=4):
    names = ["critic/score/mean", "actor/entropy", "response_length/mean"]
    names += [f"htpo/{g}/{kind}" for g in GROUPS for kind in ("token_share", "entropy", "outside_clip_share")]
    values = {name: rng.random(steps).tolist() for name in names}
    values[f"htpo/{GROUPS[5]}/entropy"][1] = None  # an empty group
    return values


def write_results(folder, names, seeds):
    rng = np.random.default_rng(0)
    for name in names:
        for seed in range(1, seeds + 1):
            counts = {d: int(rng.integers(0, 256)) for d in report.DIFFICULTIES}
            results.write(result(counts, some_steps(rng), name), results.path_of(name, seed, folder))


def test_a_report_of_all_arms_has_the_plans_comparisons(tmp_path, capsys):
    write_results(tmp_path / "in", arms(), 3)
    write_results(tmp_path / "in", ["start"], 1)
    report.main(tmp_path / "in", tmp_path)
    table = (tmp_path / "TABLE.md").read_text()
    planned = {arm["title"]: "3 of 5" if arm["seeds"] == 5 else "3" for arm in arms().values()}
    assert all(f"| {title} | {seeds} | " in table for title, seeds in planned.items())
    assert "| before training | 1 |" in table
    assert len({line.count("|") for line in table.split("\n\n")[0].splitlines()}) == 1
    comparisons = [line for line in table.splitlines() if " minus " in line]
    assert len(comparisons) == 3 + 3 + 5
    assert comparisons[0] == "| HTPO, paper minus DAPO: mean@256 (primary) | not finished | 3 of 5 |"
    assert all(line.endswith("] | 3 |") for line in comparisons[-5:])  # the ablations have all of their seeds
    assert "primary comparison: not finished: 3 of 5 seeds" in capsys.readouterr().out
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {f"{name}.png" for name in FIGURES}


def test_a_report_of_a_part_of_the_runs(tmp_path):
    write_results(tmp_path / "in", ["dapo"], 1)
    report.main(tmp_path / "in", tmp_path)
    table = (tmp_path / "TABLE.md").read_text()
    assert "| DAPO | 1 of 5 |" in table
    assert all("| not finished | 0 of " in line for line in table.splitlines() if " minus " in line)


def test_the_table_has_entropy_and_clipping_of_training(tmp_path):
    steps = {
        "actor/entropy": [9.0, 0.5, 0.1, 0.1, 0.1, 0.2],
        **dict.fromkeys(("critic/score/mean", "response_length/mean"), [0.0] * 6),
    }
    steps |= {"htpo/a/token_share": [1.0] * 6, "htpo/a/outside_clip_share": [0.0] * 5 + [0.06]}
    results.write(result({"easy": 64, "medium": 8, "hard": 1}, steps), results.path_of("dapo", 1, tmp_path / "in"))
    report.main(tmp_path / "in", tmp_path)
    row = next(line for line in (tmp_path / "TABLE.md").read_text().splitlines() if line.startswith("| DAPO"))
    assert row.endswith("| 40 | 0.20 | 1.00 |")


def test_share_outside_the_clip_range_is_over_all_tokens():
    steps = {
        "htpo/a/token_share": [0.25, 0.5],
        "htpo/a/outside_clip_share": [0.4, None],  # an empty group has no share
        "htpo/b/token_share": [0.75, 0.5],
        "htpo/b/outside_clip_share": [0.0, 0.2],
    }
    assert figures.outside(steps) == pytest.approx([0.1, 0.1])


def test_the_committed_table_is_of_the_committed_results():
    titles = arms()
    found = results.read_all(titles)
    committed = (report.HERE / "TABLE.md").read_text()
    assert committed == report.table(found, titles, report.comparisons(found, titles))
