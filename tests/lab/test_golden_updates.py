"""The lab's update is the real stack's: 20 updates on the golden curves' rollouts, from the same model, in float64."""

import json

import pytest
import torch
from omegaconf import OmegaConf

from recipe.hapo.settings import HAPOConfig
from recipe.htpo.settings import HTPOConfig
from recipe.lab.objectives import HAPO, HTPO, Batch
from recipe.lab.policy import PAD, Policy, Sizes
from recipe.lab.rollout import Rollouts, log_probs_and_entropy
from recipe.lab.update import make_optimizer, update
from tests.composing import compose
from tests.token_level.actor_update import OVERRIDES, ROWS, around, rollouts
from tests.token_level.golden_curve import CURVES, FILE, UPDATES, make_model


@pytest.fixture(scope="module")
def golden_model(tmp_path_factory):
    from transformers import AutoModelForCausalLM

    folder = make_model(tmp_path_factory.mktemp("model"))
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)


def as_lab(model, copies: int) -> Policy:
    c = model.config
    sizes = Sizes(
        c.vocab_size,
        *(c.hidden_size, c.num_hidden_layers, c.num_attention_heads, c.num_key_value_heads, c.head_dim, c.intermediate_size),
        rope_theta=c.rope_parameters["rope_theta"],
        norm_epsilon=c.rms_norm_eps,
    )
    policy = Policy(sizes, copies).double()
    state = dict(model.state_dict())
    state["model.embed_tokens.weight"] = state["model.embed_tokens.weight"][places(c)]
    policy.load(state)
    return policy


def places(config) -> torch.Tensor:
    """A place for each token id: the model's padding token is the lab's PAD, and the other way round."""
    ids = torch.arange(config.vocab_size)
    ids[[PAD, config.pad_token_id]] = ids[[config.pad_token_id, PAD]]
    return ids


def padded(data, copies: int, place: torch.Tensor) -> Rollouts:
    """verl's nested rows: prompts on the left, responses on the right, the padding outside; `copies` times over."""
    prompts, responses = (data[name].unbind() for name in ("prompts", "responses"))
    start, width = (max(map(len, rows)) for rows in (prompts, responses))
    tokens = torch.full((ROWS, start + width), PAD)
    valid = torch.zeros(ROWS, start + width, dtype=torch.bool)
    for row, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
        own = slice(start - len(prompt), start + len(response))
        tokens[row, own], valid[row, own] = place[torch.cat([prompt, response])], True
    tokens, valid = tokens.repeat(copies, 1), valid.repeat(copies, 1)
    return Rollouts(tokens, valid, valid[:, start:], torch.zeros(len(tokens), width))


def given(values, copies: int) -> torch.Tensor:
    return values.to_padded_tensor(0).repeat(copies, 1)


@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("name", CURVES)
def test_it_is_the_committed_curve(golden_model, name, copies):
    wanted, expected = CURVES[name], json.loads(FILE.read_text())[name]
    config = compose(wanted.method, *OVERRIDES, "actor_rollout_ref.model.path=none", *wanted.overrides)
    OmegaConf.resolve(config)
    actor, node = config.actor_rollout_ref.actor, OmegaConf.to_container(config[wanted.method])
    clip = {key: actor[key] for key in ("clip_ratio_low", "clip_ratio_high", "clip_ratio_c")}
    objective = HTPO(HTPOConfig(**node, **clip)) if wanted.method == "htpo" else HAPO(HAPOConfig(**node, **clip))
    policy = as_lab(golden_model, copies)
    data = rollouts(wanted.method, policy.sizes.vocabulary, objective.config, masked=False)
    batch_of = padded(data, copies, places(golden_model.config))
    with torch.no_grad():
        own, _ = log_probs_and_entropy(policy, batch_of)
    lengths = data["responses"].offsets().diff().tolist()
    old = around([own[row, :length] for row, length in enumerate(lengths)], list(range(ROWS)), seed=2)
    field = {"htpo": "token_groups", "hapo": "entropy_score"}[wanted.method]
    batch = Batch(
        old_log_prob=given(old, copies),
        entropy=torch.zeros_like(own),
        mask=batch_of.response_mask,
        reward=torch.zeros(len(own), dtype=torch.float64),
        acc=torch.zeros(len(own), dtype=torch.float64),
        prompt=torch.arange(len(own)),
        copies=copies,
        advantages=given(data["advantages"], copies),
        token_field=given(data[field], copies),
    )
    optimizer = make_optimizer(policy, actor.optim.lr, actor.optim.weight_decay)
    for i in range(UPDATES):
        found = update(policy, optimizer, objective, batch_of, batch, updates=1, max_grad_norm=actor.grad_clip)
        for copy in range(copies):
            assert found.loss[copy].item() == pytest.approx(expected["loss"][i], rel=1e-5, abs=1e-9), i
            assert found.grad_norm[copy].item() == pytest.approx(expected["grad_norm"][i], rel=1e-5), i
