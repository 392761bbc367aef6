"""An interrupted run of the study goes on if it can, and is never mixed with another."""

import json

import pytest

from recipe.runs.checkpoints import write_list
from studies.miniature.resume import prepare, whole_metrics

MADE_BY = {"inputs": {"model": "a"}, "arm": {"recipe": "htpo", "overrides": ["objectives=dapo"]}}


def trained(run_dir, metrics_until, checkpoint=None):
    """What a run leaves that began with MADE_BY."""
    assert prepare(run_dir, MADE_BY) == 0
    lines = [
        json.dumps({"step": s, "data": {"critic/score/mean": 0.5, "timing_s/step": 1}}) for s in range(1, metrics_until + 1)
    ]
    (run_dir / "metrics-000.jsonl").write_text("\n".join(lines))
    if checkpoint:
        folder = run_dir / f"checkpoints/global_step_{checkpoint}"
        folder.mkdir(parents=True)
        (folder / "weights").write_text("w")
        write_list(str(folder))
        (run_dir / "checkpoints/latest_checkpointed_iteration.txt").write_text(str(checkpoint))


def test_a_run_goes_on_from_its_checkpoint(tmp_path):
    run_dir = tmp_path / "dapo-1"
    trained(run_dir, metrics_until=15, checkpoint=10)
    assert prepare(run_dir, MADE_BY) == 10
    assert list(whole_metrics(run_dir, 10)) == list(range(1, 11))
    assert [p.name for p in tmp_path.iterdir()] == ["dapo-1"]


def test_a_run_without_a_checkpoint_begins_again_in_its_folder(tmp_path):
    trained(tmp_path / "dapo-1", metrics_until=5)
    assert prepare(tmp_path / "dapo-1", MADE_BY) == 0
    assert (tmp_path / "dapo-1/metrics-000.jsonl").exists()


def test_a_run_killed_between_a_checkpoint_and_its_metrics_is_made_anew(tmp_path, capsys):
    for attempt in range(2):
        trained(tmp_path / "dapo-1", metrics_until=9, checkpoint=10)
        assert prepare(tmp_path / "dapo-1", MADE_BY) == 0
        assert "no metrics of step 10" in capsys.readouterr().out
        assert [p.name for p in (tmp_path / "dapo-1").iterdir()] == ["made_by.json"]
        assert (tmp_path / f"dapo-1.aside-{attempt}/checkpoints").exists()


def test_a_run_whose_checkpoint_is_broken_is_made_anew(tmp_path, capsys):
    trained(tmp_path / "dapo-1", metrics_until=10, checkpoint=10)
    (tmp_path / "dapo-1/checkpoints/global_step_10/weights").unlink()
    assert prepare(tmp_path / "dapo-1", MADE_BY) == 0
    assert "lacks weights" in capsys.readouterr().out


def test_a_run_that_was_begun_with_something_else_is_refused(tmp_path):
    trained(tmp_path / "dapo-1", metrics_until=10, checkpoint=10)
    with pytest.raises(ValueError, match="begun with other settings, inputs or versions"):
        prepare(tmp_path / "dapo-1", MADE_BY | {"inputs": {"model": "b"}})
    (tmp_path / "dapo-1/made_by.json").unlink()
    with pytest.raises(ValueError, match="does not say what it was begun with"):
        prepare(tmp_path / "dapo-1", MADE_BY)


def test_a_hole_in_the_metrics_is_no_result(tmp_path):
    trained(tmp_path / "dapo-1", metrics_until=4)
    with pytest.raises(ValueError, match="no metrics of step 5"):
        whole_metrics(tmp_path / "dapo-1", 6)
