"""`make study` with the real stack: a run of two steps is trained, evaluated, written down, and not made again."""

import json

import pytest

from studies.miniature import figures, results, study
from studies.miniature.make_data import main as make_data


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_missing_run_is_made_once(tmp_path, monkeypatch, capsys):
    short = {
        "hapo": {**study.arms()["hapo"], "seeds": 7, "overrides": ["trainer.total_training_steps=2", "trainer.save_freq=2"]}
    }
    monkeypatch.setattr(study, "arms", lambda: short)
    monkeypatch.setattr(study, "STEPS", 2)
    monkeypatch.setattr(results, "N", 8)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")

    runs = tmp_path / "runs"
    make_data(str(runs / "data"))
    # One start of the stack less: the model before training is evaluated as those after it are.
    made_by = {"inputs": study.inputs(runs / "data"), "versions": study.versions(), "hardware": study.hardware()}
    results.write({"made_by": made_by}, results.path_of("start", 0))

    study.main(["--seeds", "7", "--runs", str(runs)])
    found = results.read_all(short)
    assert {arm: list(runs) for arm, runs in found.items()} == {"hapo": [7], "start": [0]}
    run = found["hapo"][7]
    assert len(run["steps"]["actor/entropy"]) == 2
    assert len(figures.outside(run["steps"])) == 2
    assert results.right_answers(run).shape == (30, 8)
    assert 0 < results.right_answers(run).mean() < 1
    assert run["made_by"]["arm"]["recipe"] == "hapo"
    assert run["made_by"]["versions"] == study.versions()
    assert run["made_by"].items() >= study.code().items()

    path = results.path_of("hapo", 7)
    path.write_text(json.dumps(run | {"mark": True}))
    study.main(["--seeds", "7", "--runs", str(runs)])
    assert json.loads(path.read_text())["mark"]
    assert "every run that was asked for has its result" in capsys.readouterr().out
