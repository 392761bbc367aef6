"""Sampling with a cache, beside the pass that scores the same responses; a row depends on nothing but itself."""

import pytest
import torch

from recipe.lab.policy import PAD, Policy, Sizes
from recipe.lab.rollout import END, log_probs_and_entropy, sample

SIZES = Sizes(9, width=32, layers=2, head=8, inner=48)


def policy(copies=1, scale=1.0):
    made = Policy(SIZES, copies)
    made.initialise(torch.Generator().manual_seed(0))
    with torch.no_grad():  # copies that differ, and distributions that are not flat
        for weight in made.parameters():
            noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(1))
            weight.add_(scale * 0.2 * noise)
    return made


def prompts(rows, width=6):
    made = torch.randint(2, 9, (rows, width), generator=torch.Generator().manual_seed(2))
    for row in range(rows):
        made[row, : row % (width - 1)] = PAD
    return made


def noise(rows, width=12, seed=3):
    return torch.rand(rows, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("copies", [1, 3])
def test_the_sampled_log_probs_are_those_of_the_scoring_pass(copies):
    model = policy(copies)
    rollouts = sample(model, prompts(12), noise(12))
    log_prob, entropy = log_probs_and_entropy(model, rollouts)
    mask = rollouts.response_mask
    assert torch.allclose(log_prob[mask], rollouts.log_prob[mask], atol=1e-5)
    assert ((entropy[mask] > 0) & (entropy[mask] <= torch.tensor(9.0).log() + 1e-6)).all()


def test_a_response_ends_with_its_end_token():
    rollouts = sample(policy(), prompts(64), noise(64, 20))
    ended = 0
    for ids, mask in zip(rollouts.responses, rollouts.response_mask, strict=True):
        length = int(mask.sum())
        assert mask[:length].all()
        assert END not in ids[: length - 1]
        assert (ids[length:] == PAD).all()
        ended += ids[length - 1] == END
    assert ended > 10


def test_a_row_depends_on_its_own_prompt_and_noise_alone():
    model, given, drawn = policy(), prompts(8), noise(8)
    together = sample(model, given, drawn)
    alone = sample(model, given[5:6], drawn[5:6])
    assert together.responses[5, : alone.width].tolist() == alone.responses[0].tolist()


def test_a_wider_prompt_changes_nothing():
    model, given, drawn = policy(), prompts(4), noise(4)
    wider = torch.nn.functional.pad(given, (5, 0), value=PAD)
    a, b = sample(model, given, drawn), sample(model, wider, drawn)
    assert a.responses.tolist() == b.responses.tolist()
    assert torch.allclose(a.log_prob, b.log_prob, atol=1e-5)


def test_each_copy_answers_its_own_rows():
    model, given, drawn = policy(2), prompts(4), noise(4)
    both = sample(model, given.repeat(2, 1), drawn.repeat(2, 1))
    for copy in range(2):
        one = Policy(SIZES)
        with torch.no_grad():
            for name, weight in one.weights.items():
                weight.copy_(model.weights[name][copy : copy + 1])
        alone = sample(one, given, drawn)
        assert both.responses[4 * copy : 4 * copy + 4, : alone.width].tolist() == alone.responses.tolist()


def test_sampling_follows_the_distribution():
    model, rows = policy(scale=2.0), 20_000
    given = prompts(1).repeat(rows, 1)
    rollouts = sample(model, given, noise(rows, 1))
    shares = torch.bincount(rollouts.responses[:, 0], minlength=9) / rows
    for token in shares.nonzero().flatten():
        p = rollouts.log_prob[rollouts.responses[:, 0] == token][0, 0].exp()
        assert abs(shares[token] - p) < 5 * (p * (1 - p) / rows).sqrt() + 1e-6


def test_no_temperature_takes_the_most_likely_and_an_adaptive_one_changes_the_draw():
    model, given = policy(scale=2.0), prompts(64)
    assert sample(model, given, noise(64), 0).tokens.tolist() == sample(model, given, noise(64, seed=9), 0).tokens.tolist()
    plain = sample(model, given, noise(64))
    hot = torch.tensor([0.9, -20.0, 1e-3, 1.0]).unsqueeze(1).repeat(1, 64)  # every score positive
    assert sample(model, given, noise(64), adaptive=hot).tokens.tolist() != plain.tokens.tolist()
    off = torch.zeros(4, 64)
    assert sample(model, given, noise(64), adaptive=off).tokens.tolist() == plain.tokens.tolist()
