"""Entropies that are not finite: refused by row where one may wait, else a gradient that is not finite either."""

import torch

from recipe.primitives.finite import check_finite, nan_unless_finite
from tests.no_sync import no_sync
from tests.pure_support import DEVICE, raises


def entropies(value):
    entropy = torch.ones(3, 4, device=DEVICE)
    entropy[1, 2] = value
    return entropy, torch.ones(3, 4, dtype=torch.bool, device=DEVICE)


def test_the_row_is_named():
    for value in ("nan", "inf", "-inf"):
        entropy, mask = entropies(float(value))
        with raises(ValueError, "row 1 ", "not finite"):
            check_finite(entropy, mask)
        mask[1, 2] = False
        check_finite(entropy, mask)


def test_a_loss_times_it_has_a_gradient_that_is_not_finite_without_a_wait():
    entropy, mask = entropies(float("nan"))
    log_prob = torch.zeros(3, 4, device=DEVICE, requires_grad=True)
    with no_sync():
        (log_prob.exp() * nan_unless_finite(entropy, mask.int())).sum().backward()
    assert log_prob.grad.isfinite().all(dim=1).tolist() == [True, False, True]
    mask[1, 2] = False
    assert nan_unless_finite(entropy, mask).tolist() == [[1.0], [1.0], [1.0]]
