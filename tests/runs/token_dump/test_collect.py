"""From a batch in a stand-in of TransferQueue to a file; an error of the dump is a warning."""

import json
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as parquet
import pytest
import torch
from tensordict import TensorDict
from tensordict.tensorclass import NonTensorStack
from transfer_queue import KVBatchMeta

from recipe.hapo import HAPOConfig
from recipe.hapo.method import HAPO
from recipe.htpo import GROUPS, HTPOConfig
from recipe.htpo.method import HTPO
from recipe.runs.token_dump import collect
from recipe.runs.token_dump.dump_settings import DumpSettings
from tests.runs.token_dump.test_table import byte_tokenizer

LENGTHS = [3, 1, 4, 2, 5, 2]
PROMPT = 2


def nested(rows):
    return torch.nested.as_nested_tensor(rows, layout=torch.jagged)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A trainer and its batch of 2 prompts with 3 answers; `rows` is what TransferQueue holds, `ranks` the actor's."""
    g = torch.Generator().manual_seed(0)
    acc = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0]
    tokenizer = byte_tokenizer()
    per_token = {
        name: nested([torch.randn(t, generator=g) for t in LENGTHS]) for name in ("entropy", "advantages", "old_log_probs")
    }
    rows = TensorDict(
        {
            **per_token,
            "responses": nested([torch.randint(0, 256, (t,), generator=g) for t in LENGTHS]),
            "response_mask": nested([torch.ones(t, dtype=torch.int64) for t in LENGTHS]),
            "prompts": nested([torch.tensor(tokenizer.encode("hi")) for _ in LENGTHS]),
            "rm_scores": nested([torch.eye(t)[-1] * (a - 0.25) for t, a in zip(LENGTHS, acc, strict=True)]),
            "token_groups": nested([torch.arange(1, t + 1, dtype=torch.int8).neg() for t in LENGTHS]),
            "entropy_score": nested([torch.full((t,), 0.5) for t in LENGTHS]),
            "extra_fields": NonTensorStack(*({"reward_extra_info": {"acc": a}} for a in acc)),
            "data_source": NonTensorStack(*["sums"] * 6),
            "reward_model": NonTensorStack(*({"ground_truth": x} for x in ("7", 7, None, ["7"], "<b>", "7"))),
        },
        batch_size=6,
    )
    keys = [f"p{i // 3}_{i % 3}_0" for i in range(6)]
    batch = KVBatchMeta(keys=keys, tags=[{"response_len": t} for t in LENGTHS], partition_id="train")
    order = {key: i for i, key in enumerate(keys)}

    def get(keys, partition_id, select_fields=None):
        found = collect.tu.index_select_tensor_dict(run.rows, [order[key] for key in keys])
        return found if select_fields is None else found.select(*select_fields)

    def compute_log_prob(data):
        """The old log-probs plus 0.1, as verl's nested output over prompt and response, shifted by one."""
        assert len(data) % run.ranks == 0
        assert not data["compute_loss"]
        shifted = [torch.cat([torch.zeros(PROMPT - 1), x + 0.1, torch.zeros(1)]) for x in data["old_log_probs"].unbind()]
        return TensorDict({"log_probs": nested(shifted)}, batch_size=len(data))

    monkeypatch.setattr(collect, "tq", SimpleNamespace(kv_batch_get=get))  # whatever writes would fail
    run = SimpleNamespace(rows=rows, ranks=4, batch=batch)
    workers = SimpleNamespace(_dispatch_info={"actor": list(range(run.ranks))}, compute_log_prob=compute_log_prob)
    config = SimpleNamespace(
        actor_rollout_ref=SimpleNamespace(
            rollout=SimpleNamespace(temperature=1.0),
            model=SimpleNamespace(path="org/model"),
            actor=SimpleNamespace(clip_ratio=0.2, clip_ratio_low=None, clip_ratio_high=0.28),
        )
    )
    run.trainer = SimpleNamespace(
        actor_rollout_wg=workers, config=config, method=HTPO, settings=HTPOConfig(), tokenizer=tokenizer, global_steps=10
    )
    run.dump = collect.TokenDump(DumpSettings(folder=str(tmp_path / "tokens")))
    return run


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
