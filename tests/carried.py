"""What the requests of a run carried that was recorded by tests/recording.py, against the metrics of the step before."""

import pytest

ROWS = 8 * 8  # prompts x responses of a step of tests/training.py
VALIDATION = (
    # Validation requests are told from training requests by their temperature.
    "actor_rollout_ref.rollout.val_kwargs.do_sample=True",
    "actor_rollout_ref.rollout.val_kwargs.temperature=0.5",
)
RECORDED = ("+actor_rollout_ref.rollout.engine_kwargs.vllm.logits_processors=[tests.recording:RequestRecorder]", *VALIDATION)


def carried_by(records):
    """What the training requests carried, a list for each step; validation requests must carry nothing."""
    assert all(r["carried"] is None for r in records if r["temperature"] == 0.5)
    training = [r["carried"] for r in records if r["temperature"] == 1.0]
    assert len(training) % ROWS == 0
    return [training[i : i + ROWS] for i in range(0, len(training), ROWS)]


def check_carried(carried, metrics, tau):
    """All requests of a step carry the statistics that `metrics`, those of the step before, report."""
    assert all(c == carried[0] for c in carried)
    assert carried[0]["tau"] == tau
    assert carried[0]["variant"] == "paper"
    assert carried[0]["center"] == pytest.approx(metrics["adaptive_temperature/log_entropy_center"], abs=1e-9)
    assert carried[0]["std"] == pytest.approx(metrics["adaptive_temperature/log_entropy_std"], abs=1e-9)
    top = carried[0]["center"] + carried[0]["std"] * carried[0]["max"]
    assert top == pytest.approx(metrics["adaptive_temperature/log_entropy_max"], abs=1e-9)
