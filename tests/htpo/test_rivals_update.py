"""Each rival makes updates in verl's own actor, on the fixed rollouts; without Ray."""

import math

import pytest

from tests.htpo.test_rivals import RIVALS, VERLS
from tests.token_level.actor_update import Update, run
from tests.token_level.golden_curve import make_model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rivals")
    updates = [Update("htpo", (f"rival={name}", "actor_rollout_ref.actor.optim.lr=1e-4"), updates=2) for name in RIVALS]
    return dict(zip(RIVALS, run(make_model(folder / "model"), 1, updates, folder), strict=True))


@pytest.mark.parametrize("name", RIVALS)
def test_it_trains(results, name):
    found = results[name]
    assert all(map(math.isfinite, found.loss + found.grad_norm))
    assert min(found.grad_norm) > 0
    assert found.loss[1] != found.loss[0]
    # verl's losses know nothing of the groups; of DAPO's table nothing is active.
    shares = [key for key in found.metrics[0] if key == "htpo/active_share"]
    assert bool(shares) == (name not in (*VERLS, "dapo", "gtpo", "edge_grpo"))


def test_no_two_losses_are_the_same(results):
    # Two differ by their advantages, which are given here; Clip-Cov by covariances over a micro-batch, here of one response,
    # whose advantage is one number.
    same = {"dapo", "gtpo", "edge_grpo", "clip_cov"}
    loose = {"dppo_kl", "dppo_tv"}  # whose bounds, at verl's defaults, no token of this batch reaches
    by_choice = {"forking_tokens", "forking_tokens_by_response", "random_tokens"}  # the groups, likewise
    norms = {name: results[name].grad_norm[0] for name in RIVALS}
    for one in RIVALS:
        for other in RIVALS:
            alike = one == other or any({one, other} <= its for its in (same, loose, by_choice))
            assert alike == (norms[one] == pytest.approx(norms[other], rel=1e-9)), (one, other)
