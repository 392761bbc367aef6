"""A checkpoint is loaded by another number of ranks than saved it, and training goes on as if nothing had changed."""

import pickle

import pytest
import torch

from tests.token_level.actor_update import run_ranks
from tests.verl_patches.other_ranks import LOADED, SAVED, SETTINGS
from verl_patches.checkpoints.other_ranks import part


@pytest.fixture(scope="module")
def found(tmp_path_factory, demo_inputs):
    folder = tmp_path_factory.mktemp("ranks")
    run_ranks("tests.verl_patches.other_ranks", 4, demo_inputs / "model", folder)
    return {name: pickle.loads((folder / f"{name}.pkl").read_bytes()) for name in SAVED | LOADED}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("name", LOADED)
def test_all_is_loaded_and_the_next_update_is_the_same(found, name, setting):
    before, now = (found[x][setting] for x in (name.partition(" on ")[0], name))
    for kind in ("weights", "moments"):
        saved, loaded = (x["at the checkpoint"][kind] for x in (before, now))
        assert saved.keys() == loaded.keys()
        assert saved
        for key in saved:
            assert torch.equal(saved[key], loaded[key]), key
    assert before["at the checkpoint"]["schedule"] == now["at the checkpoint"]["schedule"] == 2
    if name == "2 x 2 on 3":  # the rows of a batch cannot be dealt to three ranks
        return
    expected, updated = (x["after the next update"]["weights"] for x in (before, now))
    assert any(not torch.equal(expected[key], before["at the checkpoint"]["weights"][key]) for key in expected)
    for key in expected:
        torch.testing.assert_close(updated[key], expected[key], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("whole", [1, 5, 8, 9])
@pytest.mark.parametrize("shards", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("dim", [0, 1])
def test_parts_of_shards_are_parts_of_the_tensor(whole, shards, dim):
    tensor = torch.arange(2.0 * whole).view(2, whole) if dim else torch.arange(2.0 * whole).view(whole, 2)
    pieces = list(tensor.chunk(shards, dim))
    pieces += [tensor.narrow(dim, 0, 0)] * (shards - len(pieces))  # a rank without a share
    for start in range(whole + 1):
        for length in range(whole + 1 - start):
            assert torch.equal(part(pieces, dim, start, length), tensor.narrow(dim, start, length))
