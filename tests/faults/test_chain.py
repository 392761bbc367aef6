"""Six faults of the matrix, chained on two runs, and what they go on with: the steps of a run that nobody disturbed."""

import pytest

from tests.faults.chain import Chain, unbroken
from tests.faults.matrix import CELLS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

LAST_STEP = 12
CHAINS = (
    ("SIGTERM / generation", "SIGKILL actor rank / update", "flipped byte in a checkpoint / weight sync"),
    ("full disk / save", "SIGTERM / weight sync", "SIGKILL agent-loop worker / generation"),
)


@pytest.fixture(scope="module")
def reference(demo_inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    unbroken(demo_inputs, folder, LAST_STEP)
    return folder


@pytest.mark.parametrize("names", CHAINS, ids=["first", "second"])
def test_a_run_goes_on_as_if_nothing_had_happened(demo_inputs, reference, tmp_path, names):
    chain = Chain(demo_inputs, reference, tmp_path / "chain", LAST_STEP)
    obstacle = chain.begin(mount=any(cell.mounted for cell in CELLS if cell.name in names))
    try:
        for cell in [*(next(cell for cell in CELLS if cell.name == name) for name in names), None]:
            if cell and cell.mounted and obstacle:
                continue
            outcome, _, differs = chain.attempt(cell)
            assert differs == ""
            if outcome:
                assert outcome.fault == "", outcome
    finally:
        chain.leave()
