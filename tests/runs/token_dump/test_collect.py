"""From a batch in a stand-in of TransferQueue to a file; an error of the dump is a warning."""

import json

import numpy as np
import pyarrow.parquet as parquet
import pytest
import torch
from tensordict.tensorclass import NonTensorStack

from recipe.hapo import HAPOConfig
from recipe.hapo.method import HAPO
from recipe.htpo import GROUPS
from recipe.runs.token_dump import collect
from recipe.runs.token_dump.dump_settings import DumpSettings
from tests.runs.token_dump.batch import LENGTHS, nested


def rows_of(path):
    table = parquet.read_table(path)
    return {(row["prompt_id"], row["session"]): row for row in table.to_pylist()}, json.loads(
        table.schema.metadata[b"token_dump"]
    )


def test_every_column_is_the_rows_own(run):
    rows, about = rows_of(run.dump.write(run.trainer, run.batch))
    assert about == {
        **{"format": 1, "method": "htpo", "groups": list(GROUPS), "model": "org/model"},
        **{"clip_ratio_low": 0.2, "clip_ratio_high": 0.28},
    }
    assert len(rows) == 6
    for i in range(6):
        row = rows[f"p{i // 3}", i % 3]
        for column, field in {"entropy": "entropy", "advantage": "advantages", "old_log_prob": "old_log_probs"}.items():
            assert row[column] == run.rows[field][i].tolist()
        assert row["token_id"] == run.rows["responses"][i].tolist()
        assert row["group"] == [-x for x in range(1, LENGTHS[i] + 1)]
        assert row["ratio"] == pytest.approx([np.exp(0.1)] * LENGTHS[i], rel=1e-5)
        assert len(row["token"]) == LENGTHS[i]
        assert row["acc"] == row["reward"] + 0.25
        assert row["solve_rate"] == pytest.approx([1 / 3, 2 / 3][i // 3])
        assert (row["step"], row["data_source"], row["prompt"]) == (10, "sums", "hi")
    assert [rows[f"p{i // 3}", i % 3]["ground_truth"] for i in range(6)] == ["7", "7", "", '["7"]', "<b>", "7"]
    assert "score" not in rows["p0", 0]


def test_hapos_column_and_no_verdicts(run):
    run.trainer.method, run.trainer.settings = HAPO, HAPOConfig()
    run.rows["extra_fields"] = NonTensorStack(*[{}] * 6)
    rows, about = rows_of(run.dump.write(run.trainer, run.batch))
    assert about["groups"] == ["low_entropy", "high_entropy"]
    assert about["method"] == "hapo"
    assert rows["p1", 1]["score"] == [0.5] * LENGTHS[4]
    assert all(np.isnan([row["acc"], row["solve_rate"]]).all() for row in rows.values())
    assert "group" not in rows["p0", 0]


@pytest.mark.parametrize("method", ["htpo", "hapo"])
def test_what_a_tool_wrote_has_no_numbers(run, method):
    if method == "hapo":
        run.trainer.method, run.trainer.settings = HAPO, HAPOConfig()
    mask = [torch.ones(t, dtype=torch.int64) for t in LENGTHS]
    mask[4][1:3] = 0
    run.rows["response_mask"] = nested(mask)
    run.rows["token_groups"] = nested(
        [-torch.arange(1, t + 1, dtype=torch.int8) * m for t, m in zip(LENGTHS, mask, strict=True)]
    )
    rows, _ = rows_of(run.dump.write(run.trainer, run.batch))
    row = rows["p1", 1]
    assert len(row["token"]) == len(row["token_id"]) == LENGTHS[4]
    numbers = ("entropy", "advantage", "old_log_prob", "ratio", *(("score",) if method == "hapo" else ()))
    for name in numbers:
        assert np.isnan(row[name]).tolist() == [False, True, True, False, False], name
        assert not np.isnan(rows["p1", 0][name]).any()
    if method == "htpo":
        assert row["group"] == [-1, 0, 0, -4, -5]


def test_without_verdicts_rewards_tell_right_from_wrong(run, tmp_path):
    run.rows["extra_fields"] = NonTensorStack(*[{}] * 6)
    run.dump = collect.TokenDump(DumpSettings(folder=str(tmp_path), responses=2))
    rows, _ = rows_of(run.dump.write(run.trainer, run.batch))
    assert sorted(row["reward"] for row in rows.values()) == [-0.25, 0.75]
    assert len({prompt for prompt, _ in rows}) == 1


def test_ratios_that_fail_are_nan_and_warned_of_once(run, capsys):
    run.trainer.actor_rollout_wg.compute_log_prob = lambda data: 1 / 0
    for _ in range(2):
        rows, _ = rows_of(run.dump.write(run.trainer, run.batch))
        assert np.isnan(np.concatenate([row["ratio"] for row in rows.values()])).all()
        assert np.isfinite(rows["p0", 0]["entropy"]).all()
    assert capsys.readouterr().err == (
        "warning: the importance ratios of the token dump could not be computed (ZeroDivisionError: division by zero); "
        "training goes on\n"
    )


def test_a_dump_that_fails_is_warned_of_once_until_it_works_again(run, tmp_path, capsys):
    (tmp_path / "tokens").write_text("a file, not a folder")
    for _ in range(2):
        assert run.dump.write(run.trainer, run.batch) is None
    assert capsys.readouterr().err.count("warning: the token dump failed (FileExistsError: ") == 1
    (tmp_path / "tokens").unlink()
    assert run.dump.write(run.trainer, run.batch)
    (tmp_path / "tokens/step_10.parquet").unlink()
    (tmp_path / "tokens").rmdir()
    (tmp_path / "tokens").write_text("again")
    assert run.dump.write(run.trainer, run.batch) is None
    assert capsys.readouterr().err.count("warning") == 1


def test_another_loss_without_the_methods_field_leaves_its_column_out(run):
    del run.rows["token_groups"]
    rows, _ = rows_of(run.dump.write(run.trainer, run.batch))
    assert "group" not in rows["p0", 0]
