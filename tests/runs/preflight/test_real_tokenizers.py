"""Byte-level BPE with special tokens and several ends: the preflight's rows say what verl and vLLM will do."""

import pytest

from recipe.runs.preflight import prompts, tokenizer
from tests.real_tokenizers import REAL, qwen, save_model
from tests.runs.bad_inputs.rows import row, write
from tests.runs.preflight.support import check

QUESTION = "What is 3 + 4? 求答案。 π ≈ 3.14"


@pytest.fixture(params=REAL)
def model(request, tmp_path):
    """The name of a tokenizer, and the folder of a model with it."""
    save_model(tmp_path / "real", request.param)
    return request.param, tmp_path / "real"


def test_all_ends_are_named_and_the_padding_of_the_embedding_is_none_too_much(run, model):
    name, folder = model
    found = tokenizer.check_tokenizer(run(f"actor_rollout_ref.model.path={folder}"))
    ends = {
        "Qwen": r"a response ends at <\|endoftext\|>, <\|im_end\|>$",
        "Llama 3": r"a response ends at <\|end_of_text\|>, <\|eom_id\|>, <\|eot_id\|>$",
    }
    check(found, "pass", rf"37\d tokens, \d+ rows of padding; {ends[name]}")


def test_the_ends_are_those_of_vllm(model):
    from vllm import SamplingParams
    from vllm.transformers_utils.config import try_get_generation_config

    name, folder = model
    real = REAL[name][0]()
    parameters = SamplingParams()
    settings = try_get_generation_config(str(folder), trust_remote_code=False).to_diff_dict()
    parameters.update_from_generation_config(settings, real.eos_token_id)
    assert parameters.all_stop_token_ids == tokenizer.response_ends(str(folder), real)
    assert len(parameters.all_stop_token_ids) == len(REAL[name][1])


def test_a_base_model_with_the_chat_template_of_its_sibling_warns(run, tmp_path):
    end = qwen().convert_tokens_to_ids("<|endoftext|>")
    save_model(tmp_path / "base", "Qwen", eos_token_id=end)
    qwen("<|endoftext|>").save_pretrained(tmp_path / "base")
    found = tokenizer.check_tokenizer(run(f"actor_rollout_ref.model.path={tmp_path}/base"))
    turn = qwen().convert_tokens_to_ids("<|im_end|>")
    check(found, "warn", r"ends at <\|endoftext\|>, but .* ends a turn with <\|im_end\|>", rf"add {turn} to eos_token_id")


@pytest.mark.parametrize("spare", [0, -1])
def test_a_prompt_has_as_many_tokens_as_verl_gives_it(run, model, tmp_path, spare):
    from verl.utils.tokenizer import normalize_token_ids

    name, folder = model
    chat = [{"role": "user", "content": QUESTION}]
    real = REAL[name][0]()
    ids = normalize_token_ids(real.apply_chat_template(chat, add_generation_prompt=True, tokenize=True))
    starts = [i for i in ids if i == real.bos_token_id]
    assert len(starts) == (name == "Llama 3")  # once, though the template and the tokenizer each would write one
    file = write(tmp_path / "train.parquet", [row(prompt=QUESTION)] * 32)
    built = run(
        f"data.train_files={file}",
        f"data.val_files={file}",
        f"actor_rollout_ref.model.path={folder}",
        f"data.max_prompt_length={len(ids) + spare}",
    )
    tokenizer.check_tokenizer(built)
    if spare < 0:
        check(prompts.check_prompts(built), "fail", "all 1 prompts are longer", f"max_prompt_length={len(ids)}")
    else:
        check(prompts.check_prompts(built), "pass", f"none longer than {len(ids)} tokens")
