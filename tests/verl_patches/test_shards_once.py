"""Under hybrid sharding each shard is written once, and every rank loads it."""

import os
import pickle
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
import torch

from tests.token_level.actor_update import run_ranks
from verl_patches.checkpoints import shards_once
from verl_patches.checkpoints.shards_once import link

RANKS = range(4)  # two replicas of two shards


@pytest.fixture(scope="module")
def run(tmp_path_factory, demo_inputs):
    folder = tmp_path_factory.mktemp("hybrid")
    run_ranks("tests.verl_patches.hybrid_checkpoint", len(RANKS), demo_inputs / "model", folder)
    return folder


@pytest.mark.slow
def test_the_first_replica_writes_and_the_others_link_to_it(run):
    checkpoint = run / "checkpoint"
    for name in ("model", "optim"):
        files = [checkpoint / f"{name}_world_size_4_rank_{rank}.pt" for rank in RANKS]
        assert [file.is_symlink() for file in files] == [False, False, True, True]
        assert [os.readlink(file) for file in files[2:]] == [file.name for file in files[:2]]
    assert not any((checkpoint / f"extra_state_world_size_4_rank_{rank}.pt").is_symlink() for rank in RANKS)
    assert not list(checkpoint.glob("*.link"))


def same(found, expected):
    return found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.slow
def test_every_rank_goes_on_as_if_it_had_not_been_saved(run):
    for rank in RANKS:
        found = pickle.loads((run / f"rank-{rank}.pkl").read_bytes())
        assert same(found["loaded"], found["saved"])
        assert same(found["resumed"], found["unbroken"])
        assert not same(found["saved"], found["start"])
        assert not same(found["unbroken"], found["saved"])


@pytest.mark.slow
def test_verls_merger_reads_it(run):
    from transformers import AutoModelForCausalLM

    command = [sys.executable, "-m", "verl.model_merger", "merge", "--backend", "fsdp", "--local_dir", run / "checkpoint"]
    environment = os.environ | {"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"}
    subprocess.run([*command, "--target_dir", run / "merged"], check=True, env=environment, capture_output=True)
    merged = AutoModelForCausalLM.from_pretrained(run / "merged").state_dict()
    for name, value in pickle.loads((run / "rank-0.pkl").read_bytes())["saved"].items():
        assert torch.equal(merged[name].bfloat16(), value.bfloat16()), name


def test_a_file_that_comes_later_is_waited_for(tmp_path):
    threading.Timer(0.3, (tmp_path / "first.pt").touch).start()
    assert link(tmp_path / "second.pt", "first.pt")
    assert (tmp_path / "second.pt").is_file()


def test_without_a_common_folder_or_links_the_rank_writes_its_own(tmp_path, monkeypatch):
    from verl.utils.checkpoint.fsdp_checkpoint_manager import FSDPCheckpointManager

    def save_checkpoint(self, local_path, hdfs_path=None, global_step=0, max_ckpt_to_keep=None):
        assert self.checkpoint_save_contents == ["extra"]

    monkeypatch.setattr(shards_once, "VISIBLE_S", 0.0)
    monkeypatch.setattr(FSDPCheckpointManager, "save_checkpoint", save_checkpoint)
    monkeypatch.setattr(shards_once, "writer", lambda model: 1)
    shards_once.apply()
    manager = object.__new__(FSDPCheckpointManager)
    contents = ["model", "optimizer", "extra"]
    state = SimpleNamespace(state_dict=lambda: {"x": torch.ones(2)})
    vars(manager).update(rank=3, world_size=4, model=state, optimizer=state, checkpoint_save_contents=contents)
    manager.save_checkpoint(str(tmp_path))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model_world_size_4_rank_3.pt", "optim_world_size_4_rank_3.pt"]
    assert torch.load(tmp_path / "model_world_size_4_rank_3.pt")["x"].tolist() == [1, 1]
    assert manager.checkpoint_save_contents == contents


def test_verl_does_not_write_through_a_link_of_an_earlier_attempt(tmp_path, monkeypatch):
    from verl.utils.checkpoint.fsdp_checkpoint_manager import FSDPCheckpointManager

    def save_checkpoint(self, local_path, hdfs_path=None, global_step=0, max_ckpt_to_keep=None):
        (tmp_path / "model_world_size_4_rank_3.pt").write_text("of rank 3")

    (tmp_path / "model_world_size_4_rank_1.pt").write_text("of rank 1")
    (tmp_path / "model_world_size_4_rank_3.pt").symlink_to("model_world_size_4_rank_1.pt")
    monkeypatch.setattr(FSDPCheckpointManager, "save_checkpoint", save_checkpoint)
    monkeypatch.setattr(shards_once, "writer", lambda model: None)  # no hybrid sharding this time
    shards_once.apply()
    manager = object.__new__(FSDPCheckpointManager)
    vars(manager).update(rank=3, world_size=4, model=None, checkpoint_save_contents=["model"])
    manager.save_checkpoint(str(tmp_path))
    assert (tmp_path / "model_world_size_4_rank_1.pt").read_text() == "of rank 1"
