"""What is handed over is there inside the block alone, and its absence is named."""

from dataclasses import replace

import pytest

from recipe.htpo.method import HTPO
from recipe.token_level.context import LossInputs, estimator_inputs, handing_estimator, handing_loss, loss_inputs

FIELDS = {"token_groups": 1}


def test_inputs_are_there_inside_the_block_and_the_outer_ones_come_back():
    outer, inner = LossInputs(None, FIELDS), LossInputs(None, FIELDS)
    with handing_loss(outer) as given:
        assert given is loss_inputs(HTPO) is outer
        with handing_loss(inner):
            assert loss_inputs(HTPO) is inner
        assert loss_inputs(HTPO) is outer
    with pytest.raises(ValueError, match=r"policy loss 'htpo' was called without token_groups:.*python -m recipe\.htpo\.main"):
        loss_inputs(HTPO)


def test_an_error_inside_leaves_nothing_behind():
    def fails():
        with handing_loss(LossInputs(None, FIELDS)), handing_estimator("inputs"):
            assert estimator_inputs(HTPO) == "inputs"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with pytest.raises(ValueError, match="called without token_groups"):
        loss_inputs(HTPO)
    with pytest.raises(ValueError, match=r"estimator 'htpo' needs token entropies.*python -m recipe\.htpo\.main"):
        estimator_inputs(HTPO)


def test_every_missing_field_is_named():
    method = replace(HTPO, token_fields=("a", "token_groups", "c"))
    with handing_loss(LossInputs(None, FIELDS)), pytest.raises(ValueError, match="without a, c: it needs the htpo trainer"):
        loss_inputs(method)
