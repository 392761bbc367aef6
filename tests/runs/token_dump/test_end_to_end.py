"""The token dump of a real run on two ranks: it agrees with the step's metrics, and the run goes on as without it."""

import json

import numpy as np
import pyarrow.parquet as parquet
import pytest

from recipe.htpo import GROUPS
from recipe.htpo.method import HTPO
from recipe.insight.runs import load_runs
from tests.training import Run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

# Tokens by a seed of their own and one update a step, so that two runs can be compared.
COMPARABLE = (
    "+actor_rollout_ref.rollout.engine_kwargs.vllm.logits_processors=[tests.recording:RequestRecorder]",
    "+actor_rollout_ref.rollout.agent.agent_loop_manager_class=tests.recording.SeedingManager",
    "algorithm.filter_groups.enable=False",
    "actor_rollout_ref.actor.ppo_mini_batch_size=8",
    "trainer.n_gpus_per_node=2",
    "trainer.total_training_steps=3",
    "trainer.save_freq=2",
)
ROWS = 8 * 8  # prompts x responses of a step


def check_dump(folder, step, metrics):
    """All responses of the step are in it, so that it can be compared with the metrics."""
    table = parquet.read_table(folder / f"step_{step}.parquet")
    rows = table.to_pylist()
    assert len(rows) == ROWS
    assert {row["step"] for row in rows} == {step}
    assert len({(row["prompt_id"], row["session"]) for row in rows}) == ROWS
    about = json.loads(table.schema.metadata[b"token_dump"])
    assert (about["format"], about["method"], about["groups"]) == (1, "htpo", list(GROUPS))
    for row in rows:
        assert (
            len({len(row[name]) for name in ("token", "token_id", "entropy", "advantage", "ratio", "old_log_prob", "group")})
            == 1
        )
        assert row["token"][-1] == "<|im_end|>" or len(row["token"]) == 8
        assert row["prompt"].startswith("user\n")
        if len(row["token"]) <= 4:  # longer ones are penalised
            assert row["reward"] == row["acc"]
        assert row["acc"] == (row["ground_truth"] == "".join(row["token"]).removesuffix("<|im_end|>").strip())

    assert np.mean([row["acc"] for row in rows]) == pytest.approx(metrics["htpo/correct_share"])
    hard = {row["prompt_id"]: row["solve_rate"] < 0.6 for row in rows}
    assert np.mean(list(hard.values())) == pytest.approx(metrics["htpo/hard_prompt_share"])
    group, entropy, ratio = (np.concatenate([row[name] for row in rows]) for name in ("group", "entropy", "ratio"))
    assert entropy.mean() == pytest.approx(metrics["actor/entropy"], rel=1e-4)
    for i, name in enumerate(GROUPS, start=1):
        tokens = np.abs(group) == i
        assert tokens.mean() == pytest.approx(metrics[f"htpo/{name}/token_share"])
        if tokens.any():
            assert entropy[tokens].mean() == pytest.approx(metrics[f"htpo/{name}/entropy"], rel=1e-4)
            assert (group[tokens] < 0).mean() == pytest.approx(metrics[f"htpo/{name}/detached_share"])
    assert np.isfinite(ratio).all()
    assert 1e-4 < np.abs(ratio - 1).mean() < 1
    assert np.median(ratio) == pytest.approx(1, abs=0.2)


def check_verdicts(folder, step, metrics):
    """All verdicts of the step fit into the sample; the demo's reward compares strings, so it never disagrees with them."""
    table = parquet.read_table(folder / f"verdicts_{step}.parquet")
    about = json.loads(table.schema.metadata[b"verdicts"])
    assert about == {
        **{"format": 1, "responses": ROWS},
        "disagreements": {"equal but wrong": 0, "right but different": 0, "timeout": 0},
    }
    rows = table.to_pylist()
    assert np.mean([row["acc"] for row in rows]) == pytest.approx(metrics["htpo/correct_share"])
    for row in rows:
        assert row["acc"] == (row["pred"] == row["ground_truth"])
        assert row["prompt"].startswith("user\n")
        assert row["response_end"].strip() == row["pred"]
        assert json.loads(row["details"])["score"] == row["acc"]


def test_the_dump_agrees_with_the_metrics_and_does_not_disturb_the_run(demo_inputs, tmp_path):
    dumped = Run(demo_inputs, tmp_path / "dumped", *COMPARABLE, "trainer.token_dump.every=2", "trainer.token_dump.responses=99")
    steps = dumped.start().finish()
    folder = dumped.folder / "tokens"
    kinds = ("step_1", "step_2", "verdicts_1", "verdicts_2")
    assert sorted(path.name for path in folder.iterdir()) == [f"{kind}.parquet" for kind in kinds]
    for step in (1, 2):
        check_dump(folder, step, steps[step])
        check_verdicts(folder, step, steps[step])
        assert steps[step]["timing_s/token_dump"] > 0
    assert "timing_s/token_dump" not in steps[3]
    (read,) = load_runs([dumped.folder])  # for the report page
    assert read.display == HTPO.display
    assert read.lacks == []
    assert len(read.dumps.responses) == 2 * ROWS

    log = dumped.log.read_text(errors="replace")
    for step in (1, 2, 3):
        assert f"step {step}/3  reward " in log
    assert "step:1 " not in log

    without = Run(demo_inputs, tmp_path / "without", *COMPARABLE, "trainer.token_dump.every=0")
    others = without.start().finish()
    assert not (without.folder / "tokens").exists()
    for step in (1, 2, 3):
        for name in ("actor/pg_loss", "actor/grad_norm", "actor/entropy", "critic/score/mean", "htpo/correct_share"):
            assert others[step][name] == pytest.approx(steps[step][name], rel=1e-4, abs=1e-6), (step, name)
