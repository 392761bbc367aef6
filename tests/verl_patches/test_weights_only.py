"""A checkpoint of FSDP2 is loaded; code that is pickled in one is not run, and its folder is named."""

import os
import random
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from verl_patches.checkpoints.weights_only import apply, weights_only


class Code:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def test_what_is_allowed_comes_back(tmp_path):
    state = {
        "rng": {"cpu": torch.get_rng_state(), "numpy": np.random.get_state(), "random": random.getstate()},
        "lr_scheduler": {"base_lrs": [1e-6], "last_epoch": 3, "lr_lambdas": [{}]},
    }
    torch.save(state, tmp_path / "extra.pt")
    with weights_only(str(tmp_path)):
        found = torch.load(tmp_path / "extra.pt", weights_only=False)
    assert found["lr_scheduler"] == state["lr_scheduler"]
    assert found["rng"]["random"] == state["rng"]["random"]
    assert np.array_equal(found["rng"]["numpy"][1], state["rng"]["numpy"][1])
    assert torch.equal(found["rng"]["cpu"], state["rng"]["cpu"])


@pytest.mark.parametrize("before", [None, "0"])
def test_code_is_not_run_and_the_switch_is_as_it_was(tmp_path, monkeypatch, before):
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", raising=False)
    if before:
        monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", before)
    torch.save({"state": Code(tmp_path / "ran")}, tmp_path / "data.pt")
    refusal = rf"a file in {tmp_path} holds what no checkpoint .*may run code \(.*GLOBAL.*add_safe"
    with pytest.raises(ValueError, match=refusal), weights_only(str(tmp_path)):
        torch.load(tmp_path / "data.pt", weights_only=False)
    assert not (tmp_path / "ran").exists()
    assert os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD") == before
    torch.load(tmp_path / "data.pt", weights_only=False)
    assert (tmp_path / "ran").exists()  # what stock verl would do


def test_a_type_of_the_users_own_is_loaded_with_torchs_permission(tmp_path):
    torch.save({"every": timedelta(seconds=3)}, tmp_path / "data.pt")
    with pytest.raises(ValueError, match=r"datetime.timedelta"), weights_only(str(tmp_path)):
        torch.load(tmp_path / "data.pt", weights_only=False)
    with torch.serialization.safe_globals([timedelta]), weights_only(str(tmp_path)):
        assert torch.load(tmp_path / "data.pt", weights_only=False) == {"every": timedelta(seconds=3)}


@pytest.mark.parametrize(("version", "switch"), [(2, "1"), (1, None)])
def test_verls_manager_loads_so_for_fsdp2_alone(monkeypatch, version, switch):
    import verl.utils.fsdp_utils
    from verl.utils.checkpoint.fsdp_checkpoint_manager import FSDPCheckpointManager

    seen = []

    def load_checkpoint(self, local_path, hdfs_path=None, del_local_after_load=False):
        seen.append((local_path, del_local_after_load, os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD")))

    monkeypatch.setattr(FSDPCheckpointManager, "load_checkpoint", load_checkpoint)
    monkeypatch.setattr(verl.utils.fsdp_utils, "fsdp_version", lambda model: version)
    apply()
    apply()
    manager = object.__new__(FSDPCheckpointManager)
    manager.model = None
    manager.load_checkpoint(local_path="here", del_local_after_load=True)
    assert seen == [("here", True, switch)]
