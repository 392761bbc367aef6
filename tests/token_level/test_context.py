"""What is handed over is there inside the block alone, and its absence is named."""

import pytest

from recipe.token_level.context import LossInputs, estimator_inputs, handing_estimator, handing_loss, loss_inputs


def test_inputs_are_there_inside_the_block_and_the_outer_ones_come_back():
    outer, inner = LossInputs({"a": 1}), LossInputs({"a": 2})
    with handing_loss(outer) as given:
        assert given is loss_inputs("m", "a") is outer
        with handing_loss(inner):
            assert loss_inputs("m", "a") is inner
        assert loss_inputs("m", "a") is outer
    with pytest.raises(ValueError, match=r"policy loss 'm' was called without a:.*python -m recipe\.m\.main"):
        loss_inputs("m", "a")


def test_an_error_inside_leaves_nothing_behind():
    def fails():
        with handing_loss(LossInputs({"a": 1})), handing_estimator("inputs"):
            assert estimator_inputs("m") == "inputs"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    with pytest.raises(ValueError, match="called without a"):
        loss_inputs("m", "a")
    with pytest.raises(ValueError, match=r"estimator 'm' needs token entropies.*python -m recipe\.m\.main"):
        estimator_inputs("m")


def test_every_missing_field_is_named():
    with handing_loss(LossInputs({"b": 1})), pytest.raises(ValueError, match="without a, c: it needs the m trainer"):
        loss_inputs("m", "a", "b", "c")
