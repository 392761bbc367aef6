"""The study of when the groups bind: its page says what its rows say, and its rows are of its settings."""

import csv

import pytest

from recipe.lab.__main__ import composed
from recipe.lab.settings import check, objective_of
from studies.binding.figure import BEGIN, END, README, figure, of_seeds, read, table
from studies.binding.runs import FILE, SEEDS, SETTING, STEPS, overrides, settings


def test_the_pages_table_is_made_of_the_rows():
    text = README.read_text()
    assert text.partition(BEGIN)[2].partition(END)[0] == table()
    assert table().count("\n") == 2 + len(read())


def test_the_rows_are_of_the_settings_each_in_full():
    wanted = {tuple(map(str, setting.values())) for setting in settings()}
    assert set(read()) <= wanted
    with FILE.open() as lines:
        rows = list(csv.DictReader(lines))
    for setting in read():
        own = [row for row in rows if tuple(row[key] for key in SETTING) == setting]
        assert [(row["seed"], row["step"]) for row in own] == [
            (str(s), str(t)) for s in range(SEEDS) for t in range(1, STEPS + 1)
        ]


def test_each_setting_is_one_of_the_lab():
    for setting in settings():
        config = composed(overrides(setting))
        check(config)
        assert objective_of(config).config.clip_ratio_low == 0.2
        assert config["task"]["numbers_max"] == int(setting["numbers"][-1])


def test_a_seeds_mean_is_over_its_steps():
    runs = {"0": {"x": {1: 1.0, 2: 3.0}}, "1": {"x": {1: 0.0, 2: 0.0}}}
    assert of_seeds(runs, "x") == [2.0, 0.0]
    assert of_seeds(runs, "x", last=1) == [1.0, 0.0]


def test_the_figure_has_a_curve_for_each_setting_of_htpo():
    left, right = figure().axes
    number = sum(setting[0] == "htpo" for setting in read())
    assert len(left.get_lines()) == number + 1  # and the limit of the warning
    (first, *_) = left.get_lines()
    setting = next(setting for setting in read() if setting[0] == "htpo")
    seeds = read()[setting].values()
    expected = sum(100 * seed["htpo/active_share"][1] for seed in seeds) / len(seeds)
    assert first.get_ydata()[0] == pytest.approx(expected)
    assert len(right.get_lines()) == number
