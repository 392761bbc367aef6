"""The defaults of adaptive temperatures, and what their settings refuse."""

from dataclasses import asdict

import pytest

from recipe.adaptive_temperature.settings import AdaptiveTemperatureConfig


def test_the_defaults_are_the_papers_and_off():
    assert asdict(AdaptiveTemperatureConfig()) == {"enabled": False, "tau": 0.05, "entropy_pivot": 0.8, "variant": "paper"}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"enabled": "false"}, r"adaptive_temperature.enabled is 'false'; it must be true or false"),
        ({"tau": 1.0}, r"adaptive_temperature.tau is 1.0; it must be a finite number of at least 0 and below 1"),
        ({"tau": -0.1}, r"adaptive_temperature.tau is -0.1"),
        ({"entropy_pivot": 1.1}, r"adaptive_temperature.entropy_pivot is 1.1.*between 0 and 1"),
        ({"variant": "final"}, r"adaptive_temperature.variant is 'final'.*paper, released"),
    ],
)
def test_a_setting_out_of_range_says_what_is_allowed(wrong, message):
    with pytest.raises(ValueError, match=message):
        AdaptiveTemperatureConfig(**wrong)
