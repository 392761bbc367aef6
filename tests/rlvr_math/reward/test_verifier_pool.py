"""What the pool does with a process after its reply, with stand-ins for the processes; test_score.py has real ones."""

from types import SimpleNamespace

import pytest

from recipe.rlvr_math.reward.verifier_pool import VerifierPool


@pytest.mark.parametrize("last", [False, True])
def test_a_process_that_has_said_its_last_word_is_ended_and_not_asked_again(last):
    pool, ended = VerifierPool(1), []
    # It may still run for a moment: an answer that was sent to it then would count as not decided.
    running = SimpleNamespace(poll=lambda: None)
    verifier = SimpleNamespace(
        process=running, ask=lambda request: {"result": True, "rules": [], "last": last}, end=lambda: ended.append(True)
    )
    pool._idle.append(verifier)
    assert pool.equal("1", "1", 5.0)
    assert (len(pool), ended) == ((0, [True]) if last else (1, []))
