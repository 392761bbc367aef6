"""Broken model folders, each refused by one sentence."""

import json
import re

import pytest

from recipe.runs.preflight import tokenizer


def edit(model, file, **changes):
    content = json.loads((model / file).read_text())
    content = {key: value for key, value in (content | changes).items() if value is not None}
    (model / file).write_text(json.dumps(content))


def without(*names):
    def remove(model):
        for name in names:
            (model / name).unlink()

    return remove


def cut(name, to):
    return lambda model: (model / name).write_bytes((model / name).read_bytes()[:to])


def text(name, content):
    return lambda model: (model / name).write_text(content)


MODELS = {
    "an empty folder": (lambda model: [file.unlink() for file in model.iterdir()], r"where there is no config.json"),
    "no config": (without("config.json"), r"where there is no config.json"),
    "config of text": (text("config.json", "hello"), r"the config.json of .* cannot be read \("),
    "an empty config": (text("config.json", ""), r"the config.json of .* cannot be read \("),
    "config of a list": (text("config.json", "[]"), r"the config.json of .* cannot be read \("),
    "an unknown architecture": (lambda model: edit(model, "config.json", model_type="qwen99"), r"qwen99"),
    "no architecture": (lambda model: edit(model, "config.json", model_type=None), r"the config.json of .* cannot be read \("),
    "no weights": (without("model.safetensors"), r"are no weights"),
    "half of the weights": (cut("model.safetensors", 5000), r"model.safetensors .* is not whole"),
    "empty weights": (cut("model.safetensors", 0), r"model.safetensors is empty"),
    "a git-lfs pointer": (
        text("model.safetensors", "version https://git-lfs.github.com/spec/v1\n"),
        r"is not whole.*git lfs pull",
    ),
    "a missing shard": (
        lambda model: text("model.safetensors.index.json", json.dumps({"weight_map": {"x": "model-1-of-2.safetensors"}}))(
            model
        ),
        r"model-1-of-2.safetensors is missing",
    ),
    "a broken index": (text("model.safetensors.index.json", "{"), r"model.safetensors.index.json is no index of weights"),
    "no tokenizer": (without("tokenizer.json", "tokenizer_config.json"), r"the tokenizer in"),
    "a broken tokenizer": (text("tokenizer.json", "{"), r"the tokenizer in .* cannot be loaded \("),
    "a vocabulary that is too small": (
        lambda model: edit(model, "config.json", vocab_size=5),
        r"tokens, the model's embedding 5 rows",
    ),
    "fewer positions than a sequence": (
        lambda model: edit(model, "config.json", max_position_embeddings=40),
        r"more than the model's 40 positions|cuts prompts",
    ),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_broken_model_is_refused(refusal, model, name):
    break_it, pattern = MODELS[name]
    break_it(model)
    sentence = refusal(f"actor_rollout_ref.model.path={model}")
    assert re.search(pattern, sentence), sentence


def test_a_tokenizer_without_template_is_refused(refusal, model):
    for file in model.glob("chat_template*"):
        file.unlink()
    edit(model, "tokenizer_config.json", chat_template=None)
    assert "has no chat template" in refusal(f"actor_rollout_ref.model.path={model}")


@pytest.mark.timeout(120)
def test_a_template_without_an_end_is_refused(refusal, monkeypatch):
    monkeypatch.setattr(tokenizer, "CHAT_S", 1)
    loops = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    sentence = refusal(f"actor_rollout_ref.model.custom_chat_template={json.dumps(loops)}")
    assert "the chat template takes more than 1 s to write a question and an answer" in sentence


def test_a_template_that_cannot_write_a_prompt_is_refused(refusal):
    template = "{{ raise_exception('no system prompt') }}"
    sentence = refusal(f"actor_rollout_ref.model.custom_chat_template={json.dumps(template)}")
    assert re.search(r"data.train_files: the chat template cannot write the prompt '0\+1=' \(no system prompt\)", sentence), (
        sentence
    )
