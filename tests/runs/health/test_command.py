"""What the signs say of a run that is over."""

import pytest

from recipe.runs.health.__main__ import main
from tests.runs.health.curves import HERE


def test_a_run_that_is_over_is_looked_at(capsys):
    main([str(HERE / "certain")])
    out, err = capsys.readouterr()
    assert out == "24 steps; not over: 1\n"
    assert err.startswith(
        "warning: step 5: training/rollout_probs_diff_mean is 0.228 (mean of 5 steps; sound is less than 0.03)"
    )


def test_a_folder_without_steps_is_named(tmp_path, capsys):
    for file in (None, "broken\n"):
        if file:
            (tmp_path / "metrics.jsonl").write_text(file)
        with pytest.raises(SystemExit):
            main([str(tmp_path)])
        assert str(tmp_path) in capsys.readouterr().err
