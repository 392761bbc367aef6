"""What a method says of its display: written and read back, and refused where it does not hold together."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from recipe.hapo.method import HAPO
from recipe.hapo.metrics import SIDES
from recipe.htpo.method import HTPO
from recipe.htpo.objectives import GROUPS
from recipe.token_level.display import Area, Column, Curve, Display, Family, Group, Grouping, Stack
from tests import ROOT


@pytest.mark.parametrize("display", [HTPO.display, HAPO.display, Display("x")], ids=lambda display: display.method)
def test_it_comes_back_as_it_was(display):
    assert Display.from_json(display.to_json()) == display


def test_the_groups_are_those_of_the_metrics():
    assert tuple(group.name for group in HTPO.display.groups) == GROUPS
    assert tuple(group.name for group in HAPO.display.groups) == SIDES
    assert HTPO.display.summary_metrics == [f"htpo/{name}/token_share" for name in GROUPS]
    assert HAPO.display.summary_metrics[:3] == [
        f"hapo/low_entropy/{kind}_share" for kind in ("token", "redistributed", "outside_clip")
    ]


TWO = (Group("a"), Group("b"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Group("a", "red"), "'red' is no color; write #rrggbb"),
        (lambda: Group(7), "name of a Group is 7; it must be a text"),
        (lambda: Family("loss", "Loss", "Mean.", "nats"), "unit of 'loss' is 'nats'; it must be one of share, number"),
        (lambda: Curve("x/y", "Y", "Mean.", tab="time"), "tab of 'x/y' is 'time'; it must be one of overview, prompts"),
        (lambda: Grouping("score", (1.0, 0.0)), r"borders of 'score' are \(1.0, 0.0\); they must be numbers, each greater"),
        (lambda: Grouping("score", (float("nan"),)), "they must be numbers"),
        (lambda: Column("score", "Score", (1.0, 2.0)), "edges of 'score' are 2; give 8 or none"),
        (lambda: Display("x", groups=(Group("a"), Group("a"))), "two groups of one name: a, a"),
        (
            lambda: Display("x", groups=TWO, grouping=Grouping("score", (0.0, 1.0))),
            "2 borders do not split tokens into 2 groups",
        ),
        (lambda: Display("x", groups=TWO, stack=Stack("T", "C", (Area("all", ("a", "c")),))), r"'all' is of \['c'\]"),
        (lambda: Display("x", groups=TWO, stack=Stack("T", "C", (Area("all", ()),))), "'all' is of no group"),
        (lambda: replace(HTPO, display=HAPO.display), "the method 'htpo' has the display of 'hapo'"),
        (lambda: replace(HTPO, dump_columns={}), "the display of 'htpo' shows 'group', which dump_columns lack"),
    ],
)
def test_what_does_not_hold_together_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "it is of format 2, not 1"),
        ({"sides": []}, "its keys are not those of a display"),
        ({"groups": ["a"]}, "its keys are not those of a display"),
        ({"groups": 3}, "its keys are not those of a display"),
        ({"groups": [{"name": "a", "color": "url(x)"}]}, "is no color"),
        ({"label": ["HTPO"]}, "label of a Display"),
    ],
)
def test_a_file_of_another_kind_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        Display.from_json(json.dumps(json.loads(Display("x").to_json()) | change))


def test_a_file_that_is_no_object_is_refused():
    with pytest.raises(ValueError, match="it is no JSON object"):
        Display.from_json("[]")


def test_a_method_without_one_has_its_name():
    display = replace(HTPO, name="mine", display=None).display
    assert (display.method, display.title, display.groups) == ("mine", "mine", ())


def test_reading_one_loads_neither_torch_nor_verl():
    code = "import sys, recipe.insight.__main__; print(sorted({'torch', 'verl', 'ray', 'omegaconf'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"
