"""Tokenizer, chat template and vocabulary."""

import json

from recipe.runs.preflight import tokenizer
from tests.runs.preflight.support import check


def edit(folder, name, **values):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def of_tokenizer(run, folder, *overrides):
    return tokenizer.check_tokenizer(run(f"actor_rollout_ref.model.path={folder}", *overrides))


def test_the_demo_tokenizer_passes(run, model_folder):
    finding = r"82 tokens, 0 rows of padding; a response ends at <\|im_end\|>"
    check(of_tokenizer(run, model_folder), "pass", finding)


def test_a_tokenizer_without_chat_template_fails_unless_one_is_given(run, model_folder):
    (model_folder / "chat_template.jinja").unlink()
    check(of_tokenizer(run, model_folder), "fail", "no chat template", "custom_chat_template")
    given = "actor_rollout_ref.model.custom_chat_template='{{ messages[0].content }}'"
    check(of_tokenizer(run, model_folder, given), "pass")


def test_a_tokenizer_that_does_not_fit_the_vocabulary_is_named(run, model_folder):
    edit(model_folder, "config.json", vocab_size=80)
    check(of_tokenizer(run, model_folder), "fail", "82 tokens, the model's embedding 80 rows", "tokenizer_path")
    edit(model_folder, "config.json", vocab_size=128)
    check(of_tokenizer(run, model_folder), "warn", "46 rows of padding.*much padding", "model's own tokenizer")


def test_a_turn_that_does_not_end_a_response_warns(run, model_folder):
    edit(model_folder, "tokenizer_config.json", eos_token="<|endoftext|>")
    edit(model_folder, "generation_config.json", eos_token_id=79)
    check(
        of_tokenizer(run, model_folder),
        "warn",
        r"ends at <\|endoftext\|>.*ends a turn with <\|im_end\|>",
        "add 81 to eos_token_id",
    )
    edit(model_folder, "generation_config.json", eos_token_id=[79, 81])
    check(of_tokenizer(run, model_folder), "pass", r"ends at <\|endoftext\|>, <\|im_end\|>")


def test_a_tokenizer_without_end_token_fails(run, model_folder):
    settings = json.loads((model_folder / "tokenizer_config.json").read_text())
    (model_folder / "tokenizer_config.json").write_text(json.dumps(settings | {"eos_token": None}))
    check(of_tokenizer(run, model_folder), "fail", "no end token", "eos_token")
