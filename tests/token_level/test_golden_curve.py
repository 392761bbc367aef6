"""20 updates of each method give the numbers of tests/golden/curves.json: no change of the adapter passes unseen."""

import json

import pytest

from tests.token_level.golden_curve import CURVES, FILE, UPDATES, measure

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    return measure(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", CURVES)
def test_the_curve_is_the_committed_one(measured, name):
    golden, found = json.loads(FILE.read_text())[name], measured[name]
    assert set(found) == set(golden)
    for key, values in golden.items():
        # The loss alone is added up in float32, by verl.
        assert found[key] == pytest.approx(values, rel=1e-5 if key == "loss" else 1e-6, abs=1e-7), key


def test_the_curves_are_worth_comparing():
    golden = json.loads(FILE.read_text())
    for name, curve in golden.items():
        clipped = next(values for key, values in curve.items() if key.endswith("outside_clip_share"))
        assert len(set(clipped)) >= 3, name  # the policy moves through the clip range
        assert len(curve["loss"]) == UPDATES
    assert len({tuple(curve["loss"]) for curve in golden.values()}) == len(golden)  # no two are the same method
