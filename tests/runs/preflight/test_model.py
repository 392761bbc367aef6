"""Weight files that are whole, damaged, or not there yet."""

import json
import os
import shutil
import struct
from pathlib import Path
from types import SimpleNamespace

import pytest
from safetensors.torch import load_file, save_file

from recipe.runs.preflight import batch, model
from recipe.runs.preflight.facts import Model, SkipCheck
from tests.runs.preflight.support import check


def of_model(run, folder):
    """The check of another model folder."""
    return model.check_model(run(f"actor_rollout_ref.model.path={folder}"))


def test_parameters_are_counted_as_transformers_counts_them(run, inputs):
    from transformers import AutoModelForCausalLM

    facts = run().model
    loaded = AutoModelForCausalLM.from_pretrained(inputs / "model")
    assert facts.parameters == loaded.num_parameters()
    assert facts.shapes == {name: tuple(p.shape) for name, p in loaded.named_parameters()}
    assert facts.largest_layer == sum(p.numel() for p in loaded.model.layers[0].parameters())
    assert facts.outside_layers + 2 * facts.largest_layer == facts.parameters
    assert model._shapes_by_config(loaded.config) == facts.shapes


def test_layers_are_found_whatever_they_are_called_and_an_odd_architecture_is_skipped():
    shapes = {
        "transformer.wte.weight": (8, 4),
        "transformer.h.0.attn.weight": (4, 4),
        "transformer.h.1.mlp.experts.0.w": (4, 5),
    }
    odd = Model("", SimpleNamespace(), shapes)
    assert (odd.outside_layers, odd.largest_layer, odd.parameters) == (32, 20, 68)
    with pytest.raises(SkipCheck, match="config has no num_attention_heads"):
        odd.heads  # noqa: B018 (it raises)


def test_lora_parameters_are_counted_as_peft_counts_them(run, inputs):
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    adapted = get_peft_model(
        AutoModelForCausalLM.from_pretrained(inputs / "model"),
        LoraConfig(r=8, target_modules="all-linear", task_type="CAUSAL_LM"),
    )
    assert run().model.lora_parameters(8) == sum(p.numel() for p in adapted.parameters() if p.requires_grad)


def shard(folder):
    """The folder's weights in two files with an index."""
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    (folder / "model.safetensors").unlink()
    files = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, part in files.items():
        save_file({name: weights[name].clone() for name in part}, folder / file)
    where = {name: file for file, part in files.items() for name in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": where}))
    return folder


def test_a_whole_folder_passes_also_in_shards(run, model_folder):
    check(of_model(run, model_folder), "pass", r"Qwen3 with 0.3 M parameters; all weight files are whole")
    check(of_model(run, shard(model_folder)), "pass", "all weight files are whole")


def truncate(path):
    os.truncate(path, path.stat().st_size - 1000)


def drop_a_tensor(path):
    weights = load_file(path)
    weights.pop(min(weights))
    save_file(weights, path)


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (Path.unlink, r"b.safetensors is missing"),
        (truncate, r"b.safetensors \([\d,]+ bytes\) is not whole"),
        (lambda path: path.write_bytes(b""), r"b.safetensors is empty"),
        (
            lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0"),
            r"b.safetensors \(55 bytes\)",
        ),
        (lambda path: path.write_bytes(struct.pack("<Q", 2) + b"{}"), r"b.safetensors has no .*, which the index says it has"),
        (drop_a_tensor, r"b.safetensors has no .*weight, which the index"),
    ],
    ids=["missing", "truncated", "empty", "lfs pointer", "no tensors", "one tensor short"],
)
def test_a_damaged_shard_fails_by_name(run, model_folder, damage, finding):
    damage(shard(model_folder) / "b.safetensors")
    check(of_model(run, model_folder), "fail", finding, "copy these files again")


def test_the_other_checks_go_on_with_a_damaged_model(run, model_folder):
    (model_folder / "model.safetensors").unlink()
    broken = run(f"actor_rollout_ref.model.path={model_folder}")
    check(model.check_model(broken), "fail", "are no weights")
    assert broken.model.parameters == run().model.parameters


def test_a_hub_id_is_looked_up_in_the_cache(run, inputs, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    hub_id = "actor_rollout_ref.model.path=org/tiny"
    absent = run(hub_id)
    check(model.check_model(absent), "warn", "org/tiny is not in this machine's Hugging Face cache", "hf download org/tiny")
    with pytest.raises(SkipCheck, match="the model could not be read"):
        batch.check_heads(absent)

    cached = tmp_path / "hub/models--org--tiny"
    shutil.copytree(inputs / "model", cached / "snapshots/abc")
    (cached / "refs").mkdir()
    (cached / "refs/main").write_text("abc")
    check(model.check_model(run(hub_id)), "pass", "all weight files are whole")

    (cached / "snapshots/abc/model.safetensors").unlink()
    check(model.check_model(run(hub_id)), "warn", "are no weights.*the rest is downloaded", "hf download org/tiny")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    check(model.check_model(run(hub_id)), "fail", "are no weights")


def test_what_is_neither_a_folder_nor_a_hub_id_is_named(run):
    with pytest.raises(ValueError, match="models/tiny/v1, which is neither a folder nor a hub id"):
        model.find_folder("models/tiny/v1")
    with pytest.raises(SkipCheck, match="hdfs://"):
        model.find_folder("hdfs://models/tiny")
