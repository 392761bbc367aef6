"""The sampler's entropy and temperature against float64, and against the driver's score."""

import json
import math
from dataclasses import replace

import torch

from recipe.adaptive_temperature.temperature import (
    REQUEST_KEY,
    RowParameters,
    adapt_temperature,
    log_entropy,
    request_parameters,
)
from recipe.hapo import ENTROPY_FLOOR, EntropyStatistics, HAPOConfig, entropy_score, entropy_statistics
from tests.pure_support import DEVICE, raises

NAN, INF = float("nan"), float("inf")
LOWEST = torch.tensor(ENTROPY_FLOOR).log().item()
# h is 1 from a log-entropy of 0 on, -1 down from -3.
STATISTICS = EntropyStatistics(center=-1.0, std=0.5, max=2.0, min=-4.0)
RELEASED = replace(STATISTICS, variant="released")


def columns(*rows):
    return torch.tensor(rows, device=DEVICE).T.contiguous()


def asking(tau, statistics=STATISTICS):
    return RowParameters.of_request(request_parameters(statistics, tau))


def bits(tensor):
    if DEVICE != "cpu":  # there a division by 1 gives a NaN other bits
        tensor = tensor.where(~tensor.isnan(), NAN)
    return tensor.view(torch.int32)


def exact_entropy(logits):
    return torch.special.entr(logits.double().softmax(-1)).sum(-1)


def peaked(others, gap, top=0.0):
    """Logits of one token above `others` by `gap`, and their entropy by a formula in which nothing cancels."""
    logits = torch.full((1, others + 1), top - gap, device=DEVICE)
    logits[0, others // 2] = top
    rest = others * math.exp(-gap)
    return logits, math.log1p(rest) + (gap * rest / (1 + rest) if rest else 0.0)


def random_logits(rows=64, width=97):
    """Entropies from about log(width) down to 1e-4, some tokens masked."""
    g = torch.Generator().manual_seed(0)
    logits = torch.randn(rows, width, generator=g) * torch.logspace(-1, 1.2, rows)[:, None]
    logits[torch.rand(rows, width, generator=g) < 0.2] = -INF
    return logits.to(DEVICE)


def test_entropy_of_equally_likely_tokens():
    for width in (2, 97, 4099):
        for k in {2, width // 2 + 1, width}:
            logits = torch.full((1, width), -INF, device=DEVICE)
            logits[0, -k:] = 3.5
            assert abs(log_entropy(logits).item() - math.log(math.log(k))) < 1e-6, (width, k)


def test_entropy_of_two_tokens():
    for p in (0.5, 0.4, 0.1, 0.01, 1e-3):
        logits = torch.tensor([[math.log(p), -INF, math.log1p(-p)]], device=DEVICE)
        expected = math.log(-p * math.log(p) - (1 - p) * math.log1p(-p))
        assert abs(log_entropy(logits).item() - expected) < 1e-5, p


def test_entropy_of_nearly_certain_tokens():
    # float32 bounds the absolute error here, and not the logarithm's, because 1 + the other tokens' weight is rounded
    for others, absolute in ((1, 1.2e-7), (30, 2.4e-7), (4098, 1e-6)):
        for gap in (8.0, 12.0, 14.0, 16.0, 18.0, 20.0, 25.0, 40.0, 60.0, 2e4, INF):
            for top in (0.0, -7.0, 1024.0):
                logits, entropy = peaked(others, gap, top)
                error = log_entropy(logits).double().exp().item() - max(entropy, ENTROPY_FLOOR)
                assert abs(error) < absolute + 2e-6 * entropy, (others, gap, top)
                if entropy < 1e-7:
                    assert log_entropy(logits).item() == LOWEST


def test_entropy_does_not_depend_on_a_constant_or_on_the_scale_of_the_logits():
    logits = (random_logits() * 256).round() / 256  # so that the sums below are exact
    reference = log_entropy(logits)
    exact = exact_entropy(logits)
    assert ((reference.double().exp() - exact).abs() < 1e-6 * (1 + exact)).all()
    for constant in (-1024.0, 3.0, 16384.0):
        assert torch.equal(log_entropy(logits + constant), reference)
    g = torch.Generator().manual_seed(1)
    for scale in (1e4, 1e6):
        large = torch.randn(16, 97, generator=g).to(DEVICE)
        large[:8] = 1 + large[:8] / scale  # of nearly the same size, and far apart
        large *= scale
        exact = exact_entropy(large)
        assert ((log_entropy(large).double().exp() - exact.clamp(min=ENTROPY_FLOOR)).abs() < 1e-6 * (1 + exact)).all()


def test_the_temperature_is_that_of_the_drivers_score():
    logits = random_logits()
    entropy = exact_entropy(logits)
    # of all rows, so that h reaches both ends, and narrower, so that entropies lie beyond them
    for rows in (slice(None), slice(20, 40)):
        for variant in ("paper", "released"):
            part = entropy[rows].unsqueeze(0)
            statistics = entropy_statistics(part, torch.ones_like(part), HAPOConfig(entropy_pivot=0.6, variant=variant))
            score = entropy_score(entropy, statistics)
            for tau in (0.05, 0.5, 0.95):
                found = adapt_temperature(logits.clone(), columns(*[asking(tau, statistics)] * len(logits)))
                expected = logits.double() / (1 + tau * score).unsqueeze(-1)
                # h is known to 1e-4 where the entropy is, and 1 + tau * h may be as small as 1 - tau
                torch.testing.assert_close(found.double(), expected, rtol=1e-6 + 1e-4 * tau / (1 - tau), atol=0.0)
            if variant == "paper":
                assert score.min() == -1
                assert score.max() == 1


def test_each_row_has_its_own_parameters():
    logits = random_logits(rows=6)
    statistics = (STATISTICS, RELEASED, EntropyStatistics(center=0.5, std=1.0, max=3.0, min=-3.0))
    rows = [asking(tau, s) for tau, s in zip((0.1, 0.9, 0.3, 0.0, 0.6, 0.6), statistics * 2, strict=True)]
    together = adapt_temperature(logits.clone(), columns(*rows))
    for i, row in enumerate(rows):
        torch.testing.assert_close(together[i : i + 1], adapt_temperature(logits[i : i + 1].clone(), columns(row)))
        assert torch.equal(together[i], logits[i]) == (row.tau == 0), i


def test_high_entropies_are_heated_and_low_ones_cooled():
    high, low = torch.linspace(-0.1, 0.1, 97), torch.linspace(0, 970, 97)
    logits = torch.stack([high, low]).to(DEVICE)
    for tau in (0.05, 0.5, 0.95):
        hot, cold = torch.tensor(1.0) + tau, torch.tensor(1.0) - tau  # far beyond the statistics' extremes
        for statistics, factors in ((STATISTICS, (hot, cold)), (RELEASED, (hot, hot))):
            found = adapt_temperature(logits.clone(), columns(*[asking(tau, statistics)] * 2))
            torch.testing.assert_close(found, logits / torch.stack(factors).unsqueeze(-1).to(DEVICE), rtol=3e-7, atol=0.0)


def test_rows_that_do_not_ask_are_bit_identical():
    logits = random_logits(rows=12, width=7)
    for i, special in enumerate((NAN, INF, -INF, -0.0, 1e-45, 3e38)):
        logits[i, i] = special
    logits[6], logits[7], logits[8] = NAN, INF, -INF
    before = bits(logits.clone())
    with_center = RowParameters(0.0, -1.0, 1.0, 0.5)
    assert torch.equal(bits(adapt_temperature(logits.clone(), columns(*[RowParameters()] * 12))), before)
    assert torch.equal(bits(adapt_temperature(logits.clone(), columns(*[with_center] * 12))), before)
    asks = torch.arange(12) % 3 == 1
    rows = [asking(0.5) if ask else with_center for ask in asks.tolist()]
    after = bits(adapt_temperature(logits, columns(*rows)))
    assert torch.equal(after[~asks], before[~asks])
    assert not torch.equal(after[10], before[10])


def test_statistics_without_a_spread_change_nothing():
    logits = random_logits()
    for variant in ("paper", "released"):
        rows = [asking(0.9, EntropyStatistics(variant=variant))] * len(logits)
        assert torch.equal(adapt_temperature(logits.clone(), columns(*rows)), logits)


def test_the_logits_are_changed_in_place():
    logits = random_logits()
    before = logits.clone()
    found = adapt_temperature(logits, columns(*[asking(0.5)] * len(logits)))
    assert found is logits
    assert not torch.equal(logits, before)


def test_the_sampler_agrees_with_what_the_driver_measures():
    logits = random_logits()[:40]  # above 0.05 nats; below, the driver's own float32 decides
    log_p = logits.log_softmax(-1)
    entropy = -(log_p.exp() * log_p.nan_to_num(neginf=0.0)).sum(-1)
    for variant in ("paper", "released"):
        statistics = entropy_statistics(entropy[None], torch.ones(1, 40, device=DEVICE), HAPOConfig(variant=variant))
        factor = 1 + 0.3 * entropy_score(entropy, statistics)
        found = adapt_temperature(logits.clone(), columns(*[asking(0.3, statistics)] * 40))
        torch.testing.assert_close(found, logits / factor[:, None], rtol=1e-5, atol=0.0)


def test_request_parameters_survive_json():
    assert RowParameters.of_request(None) == RowParameters() == (0, 0, 0, 0)
    for statistics in (STATISTICS, RELEASED, EntropyStatistics()):
        for tau in (0, 0.0, 0.05, 0.99):
            sent = json.loads(json.dumps(request_parameters(statistics, tau)))
            expected = (tau, statistics.center, statistics.slope_above, statistics.slope_below)
            assert RowParameters.of_request(sent) == expected


def test_malformed_parameters_name_the_request_key():
    good = request_parameters(STATISTICS, 0.05)
    missing = {key: value for key, value in good.items() if key != "tau"}
    wrong = {
        "tau is 1.0": good | {"tau": 1.0},
        "tau is -0.1": good | {"tau": -0.1},
        "tau is nan": good | {"tau": NAN},
        "tau is True": good | {"tau": True},
        "tau is '0.05'": good | {"tau": "0.05"},
        "KeyError: 'tau'": missing,
        "'pivot'": good | {"pivot": 0.8},
        "finite numbers": good | {"center": NAN},
        "std >= 0": good | {"std": -1.0},
        "TypeError": good | {"center": "-1.0"},
        "OverflowError": good | {"center": 10**400},
        "'final'": good | {"variant": "final"},
        "mapping": [0.05, 0.0, 1.0, 1.0],
    }
    for words, given in (*wrong.items(), ("mapping", 0.05), ("mapping", "paper"), ("mapping", False)):
        with raises(ValueError, REQUEST_KEY, words):
            RowParameters.of_request(given)
    assert good == request_parameters(STATISTICS, 0.05)
    assert RowParameters.of_request({"tau": 0.05}) == (0.05, 0, 0, 0)
