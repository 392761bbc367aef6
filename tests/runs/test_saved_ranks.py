"""A run that cannot read what it would go on from is told so before Ray starts, with the way out."""

import json

import pytest

from recipe.runs.input_checks import check_progress
from recipe.runs.saved_ranks import check_ranks
from tests.runs.config.given import GIVEN

RANKS = ("trainer.nnodes=2", "trainer.n_gpus_per_node=4")
FSDP1 = "actor_rollout_ref.actor.strategy=fsdp"
FSDP2 = "actor_rollout_ref.actor.strategy=fsdp2"


def saved(root, version, ranks):
    folder = root / "global_step_6"
    (folder / "actor").mkdir(parents=True)
    (folder / "actor/fsdp_config.json").write_text(json.dumps({"FSDP_version": version, "world_size": ranks}))
    (root / "latest_checkpointed_iteration.txt").write_text("6")
    return folder


@pytest.mark.parametrize(
    ("strategy", "version", "ranks", "found"),
    [
        (FSDP2, 2, 8, ""),
        (FSDP1, 1, 8, ""),
        (FSDP2, 2, 16, "number of ranks: 16 saved it, 8 load it"),
        (FSDP2, 2, 1, "number of ranks: 1 saved it, 8 load it"),
    ],
)
def test_what_can_be_read_passes(compose, tmp_path, strategy, version, ranks, found):
    assert check_ranks(compose(*GIVEN, *RANKS, strategy), saved(tmp_path, version, ranks)) == found


@pytest.mark.parametrize(
    ("strategy", "version", "ranks"),
    [(FSDP1, 1, 16), (FSDP1, 2, 8), (FSDP2, 1, 8), ("actor_rollout_ref.actor.strategy=megatron", 2, 8)],
)
@pytest.mark.parametrize("by_path", [False, True])
@pytest.mark.parametrize("val_only", [False, True])
def test_what_cannot_be_read_is_refused_with_the_way_out(compose, tmp_path, strategy, version, ranks, by_path, val_only):
    folder = saved(tmp_path, version, ranks)
    where = [f"trainer.default_local_dir={tmp_path}", f"trainer.val_only={val_only}"]
    if by_path:
        where += ["trainer.resume_mode=resume_path", f"trainer.resume_from_path={folder}"]
    with pytest.raises(ValueError, match=rf"{folder} was saved by FSDP{version} on {ranks} ranks, and this run, ") as refused:
        check_progress(compose(*GIVEN, *RANKS, strategy, *where))
    assert f"python -m verl.model_merger merge --backend fsdp --local_dir {folder}/actor --target_dir MODEL" in str(
        refused.value
    )
    check_progress(compose(*GIVEN, *RANKS, strategy, *where, "trainer.resume_mode=disable"))


def test_megatrons_is_no_fsdp_runs(compose, tmp_path):
    (tmp_path / "global_step_6/actor/model/dist_ckpt").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"saved by Megatron, .*--backend megatron"):
        check_ranks(compose(*GIVEN, *RANKS, FSDP2), tmp_path / "global_step_6")
    assert check_ranks(compose(*GIVEN, *RANKS, "actor_rollout_ref.actor.strategy=megatron"), tmp_path / "global_step_6") == ""
