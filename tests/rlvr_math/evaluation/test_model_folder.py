"""Which folders can be evaluated, and what is said about those that cannot."""

import json
import shutil
import subprocess

import pytest
import torch
from safetensors.torch import save_file

from recipe.rlvr_math.evaluation import model_folder
from recipe.rlvr_math.evaluation.model_folder import find_model, fingerprint, load_tokenizer


@pytest.fixture
def merges(monkeypatch, model):
    """Replaces verl's merger by one that copies `model`; returns the commands."""
    commands = []

    def run(command, **_):
        commands.append(command)
        shutil.copytree(model, command[command.index("--target_dir") + 1])
        return subprocess.CompletedProcess(command, 0, stdout="")

    monkeypatch.setattr(model_folder.subprocess, "run", run)
    return commands


def checkpoint(folder, step=2, ranks=2):
    """What verl's FSDP checkpoint manager leaves, and this project's list of it."""
    from recipe.runs.checkpoints import write_list

    actor = folder / f"global_step_{step}/actor"
    (actor / "huggingface").mkdir(parents=True)
    (actor / "huggingface/config.json").write_text("{}")
    (actor / "fsdp_config.json").write_text(json.dumps({"FSDP_version": 2, "world_size": ranks}))
    for rank in range(ranks):
        (actor / f"model_world_size_{ranks}_rank_{rank}.pt").write_bytes(b"weights")
    write_list(str(actor.parent))
    (folder / "latest_checkpointed_iteration.txt").write_text(str(step))
    return actor


def test_a_hugging_face_folder_is_served_as_it_is(model, tmp_path, merges):
    found = find_model(str(model), str(tmp_path / "out"))
    assert found.source == found.folder == str(model)
    assert merges == []


@pytest.mark.parametrize("named", ["", "global_step_2", "global_step_2/actor"])
def test_a_checkpoint_is_found_and_merged_once_until_it_changes(tmp_path, merges, named):
    actor = checkpoint(tmp_path / "run")
    shutil.copytree(actor.parent, tmp_path / "run/global_step_3")
    (tmp_path / "run/global_step_3/complete.json").unlink()  # was not finished
    found = [find_model(str(tmp_path / "run" / named), str(tmp_path / "out")) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].source == str(actor)
    assert found[0].folder == str(actor / "merged")
    assert len(merges) == 1
    (actor / "model_world_size_2_rank_1.pt").write_bytes(b"other weights")
    find_model(str(actor), str(tmp_path / "out"))
    assert len(merges) == 2
    assert not list(actor.glob("merged.*.part"))


def test_a_checkpoint_that_cannot_be_written_is_merged_below_out(tmp_path, merges, monkeypatch):
    actor = checkpoint(tmp_path / "run")
    monkeypatch.setattr(model_folder.os, "access", lambda path, mode: False)
    assert find_model(str(actor), str(tmp_path / "out")).folder == str(tmp_path / "out/merged")


def test_a_checkpoint_that_has_the_merged_model_already_is_not_merged(tmp_path, model, merges):
    actor = checkpoint(tmp_path / "run")
    shutil.copy(model / "model.safetensors", actor / "huggingface")
    assert find_model(str(actor), str(tmp_path / "out")).folder == str(actor / "huggingface")
    assert merges == []


@pytest.mark.slow
def test_a_failed_merge_says_why_and_leaves_nothing_that_would_be_taken_for_a_model(tmp_path):
    actor = checkpoint(tmp_path / "run")  # its shards are no tensors
    with pytest.raises(ValueError, match=r"cannot be merged: .* \(all of it is in .*merged.log\)"):
        find_model(str(actor), str(tmp_path / "out"))
    assert not (actor / "merged").exists()


def test_what_cannot_be_evaluated(tmp_path, model):
    def refused(path, message):
        with pytest.raises(ValueError, match=message):
            find_model(str(path), str(tmp_path / "out"))

    refused("Qwen/Qwen3-8B", "no folder; fetch a model of the hub by hf download")
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, "neither a Hugging Face folder .* nor an FSDP checkpoint")
    actor = checkpoint(tmp_path / "run")
    shard = actor / "model_world_size_2_rank_1.pt"
    shard.rename(tmp_path / "kept")
    refused(actor, "lacks weights: 1 of 2 shards are missing, the first is model_world_size_2_rank_1.pt")
    refused(tmp_path / "run", "no checkpoint in .* is complete")
    (tmp_path / "kept").rename(shard)
    (actor / "lora_train_meta.json").write_text("{}")
    refused(actor, "holds a LoRA adapter")
    (model / "model.safetensors").write_bytes((model / "model.safetensors").read_bytes()[:-2])
    refused(model, "the model folder is incomplete: in .* model.safetensors .* is not whole")
    (model / "model.safetensors").unlink()
    refused(model, "the model folder is incomplete: in .* are no weights")


def test_a_folder_without_tokenizer_or_chat_template(model):
    assert load_tokenizer(str(model), False, None).chat_template
    (model / "chat_template.jinja").unlink()
    with pytest.raises(ValueError, match=r"has no chat template, .* or set actor_rollout_ref.model.custom_chat_template"):
        load_tokenizer(str(model), False, None)
    assert load_tokenizer(str(model), False, "{{ messages }}").chat_template == "{{ messages }}"
    for file in model.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ValueError, match="the model folder is incomplete: no tokenizer can be loaded from"):
        load_tokenizer(str(model), False, None)


def test_the_fingerprint_is_of_the_weights_wherever_they_are(model, tmp_path):
    before = fingerprint(str(model))
    shutil.copytree(model, tmp_path / "copy")
    assert fingerprint(str(tmp_path / "copy")) == before
    save_file({"weight": torch.tensor([1.0, 1.5])}, model / "model.safetensors")
    assert fingerprint(str(model)) != before
