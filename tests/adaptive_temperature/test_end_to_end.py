"""Adaptive temperature under another method than HAPO, on the real stack on CPU: HTPO's objectives, with a correction."""

import pytest

from tests.carried import RECORDED, ROWS, carried_by, check_carried
from tests.recording import read_requests
from tests.training import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def test_htpos_objectives_with_adaptive_temperature_and_token_level_correction(demo_inputs, tmp_path):
    overrides = (
        *RECORDED,
        "adaptive_temperature.enabled=True",
        "adaptive_temperature.tau=0.3",
        "algorithm.rollout_correction.rollout_is=token",
        "trainer.total_training_steps=2",
        "trainer.save_freq=-1",
        "algorithm.filter_groups.enable=False",  # a step has one batch of requests
    )
    steps = Run(demo_inputs, tmp_path / "run", *overrides).start().finish()
    first, second = carried_by(read_requests(tmp_path / "run"))
    assert first == [None] * ROWS
    check_carried(second, steps[1], tau=0.3)
    assert steps[2]["htpo/correct_share"] > 0
    # Without the parameter vLLM samples as the actor computes, with it not. The weights the actor's probabilities over
    # those of the adapted temperature.
    assert steps[1]["training/rollout_probs_diff_max"] < 1e-4 < 1e-2 < steps[2]["training/rollout_probs_diff_max"]
    assert steps[1]["rollout_corr/rollout_is_max"] == pytest.approx(1, abs=1e-3)
    assert steps[2]["rollout_corr/rollout_is_max"] > 1.01
