"""An evaluation with byte-level BPE: its prompts are verl's, and a response that ends at any of its ends is whole."""

import asyncio
from types import SimpleNamespace

import pytest

from recipe.rlvr_math.evaluation.benchmarks import encode_prompts
from recipe.rlvr_math.evaluation.collect import Request
from recipe.rlvr_math.evaluation.serve import _Servers
from recipe.runs.preflight.tokenizer import response_ends
from tests.real_tokenizers import REAL, save_model

ANSWER = "答案是 \\boxed{7}"
PROBLEM = SimpleNamespace(id=0, prompt=[{"role": "user", "content": "What is 3 + 4? 求答案。"}])


@pytest.fixture(params=REAL)
def real(request, tmp_path):
    """A tokenizer, the ids at which its responses end, and their texts."""
    tokenizer = save_model(tmp_path, request.param)
    return tokenizer, response_ends(str(tmp_path), tokenizer), REAL[request.param][1]


def answered(real, ids, most):
    tokenizer, ends, _ = real

    async def generate(name, prompt_ids, sampling_params):
        assert sampling_params == {"max_tokens": most}
        return SimpleNamespace(token_ids=ids, stop_reason="completed")

    client = SimpleNamespace(generate=generate)
    servers = _Servers(SimpleNamespace(get_client=lambda: client), tokenizer, ends, {"max_tokens": most}, None)
    return asyncio.run(servers.generate(Request("sums", PROBLEM, 0, [1])))


def test_a_response_at_the_limit_is_cut_off_unless_it_ends_there(real):
    tokenizer, ends, texts = real
    ids = tokenizer.encode(ANSWER, add_special_tokens=False)
    assert len(ends) == len(texts)
    for end in ends:
        response = answered(real, [*ids, end], most=len(ids) + 1)
        assert (response.output, response.tokens, response.cut_off) == (ANSWER, len(ids) + 1, False)
    response = answered(real, ids, most=len(ids))
    assert (response.output, response.cut_off) == (ANSWER, True)
    assert not answered(real, ids, most=len(ids) + 1).cut_off


def test_a_response_that_is_cut_off_within_a_character_can_be_read(real):
    ids = real[0].encode("等于 \U0001f9ee", add_special_tokens=False)
    response = answered(real, ids[:-1], most=len(ids) - 1)
    assert response.cut_off
    assert response.output.startswith("等于 ")
    assert response.output.endswith("\ufffd")


def test_prompts_have_the_tokens_that_training_gives_them(real):
    from verl.utils.tokenizer import normalize_token_ids

    benchmark = SimpleNamespace(name="sums", problems=[PROBLEM])
    expected = normalize_token_ids(real[0].apply_chat_template(PROBLEM.prompt, add_generation_prompt=True, tokenize=True))
    assert encode_prompts(benchmark, real[0], most=len(expected)) == [expected]
    with pytest.raises(ValueError, match=rf"has {len(expected)} tokens, more than"):
        encode_prompts(benchmark, real[0], most=len(expected) - 1)
