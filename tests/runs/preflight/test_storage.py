"""The size of checkpoints and the space for them."""

import shutil
from collections import namedtuple

import pytest
import torch

from recipe.runs.preflight import storage
from recipe.runs.preflight.facts import SkipCheck
from tests.runs.preflight.support import ACTOR, EIGHT, check

Usage = namedtuple("Usage", "total used free")


def free(monkeypatch, size):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2**50, 0, size))


def test_the_size_of_a_checkpoint_is_what_torch_writes(run, inputs, tmp_path):
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(inputs / "model")
    optimizer = torch.optim.AdamW(loaded.parameters())
    loaded(input_ids=torch.tensor([[1, 2]]), labels=torch.tensor([[1, 2]])).loss.backward()
    optimizer.step()
    torch.save(loaded.state_dict(), tmp_path / "model.pt")
    torch.save(optimizer.state_dict(), tmp_path / "optim.pt")
    written = sum((tmp_path / name).stat().st_size for name in ("model.pt", "optim.pt"))
    assert storage.checkpoint_bytes(run()) == pytest.approx(written, rel=0.03)


def test_the_size_of_a_checkpoint_follows_the_config(run):
    demo = run()
    n = demo.model.parameters
    contents = f"{ACTOR}.checkpoint.save_contents"
    assert storage.checkpoint_bytes(demo) == 12 * n
    assert storage.checkpoint_bytes(run(f"{contents}=[model]")) == 4 * n
    assert storage.checkpoint_bytes(run(f"{contents}=[model,optimizer,extra,hf_model]")) == 14 * n
    assert storage.checkpoint_bytes(run(f"{ACTOR}.fsdp_config.model_dtype=bf16")) == 6 * n
    copies = run(EIGHT, f"{ACTOR}.fsdp_config.fsdp_size=2", platform="gpu")
    assert storage.checkpoint_bytes(copies) == 4 * 12 * n
    lora = demo.model.lora_parameters(8)
    assert storage.checkpoint_bytes(run("actor_rollout_ref.model.lora_rank=8")) == 4 * (n + lora) + 8 * lora
    with pytest.raises(SkipCheck, match="FSDP checkpoints only"):
        storage.checkpoint_bytes(run("model_engine=megatron", platform="gpu"))


def test_checkpoints_fit_are_tight_or_do_not_fit(run, monkeypatch):
    demo = run()  # 12 steps, saved at 6 and 12, one is kept: two at a time
    size = storage.checkpoint_bytes(demo)
    for space, status in ((3 * size, "pass"), (int(2.1 * size), "warn"), (int(1.9 * size), "fail")):
        free(monkeypatch, space)
        check(storage.check_checkpoints(demo), status, r"3.5 MiB each, up to 2 at a time: 7.0 MiB")
    free(monkeypatch, 3 * size)
    many = run("trainer.max_actor_ckpt_to_keep=null", "trainer.save_freq=1")
    check(storage.check_checkpoints(many), "fail", "up to 12 at a time", "max_actor_ckpt_to_keep=2, more space")
    unknown = ("data.custom_cls.path=mine.py", "trainer.total_training_steps=null", "trainer.max_actor_ckpt_to_keep=null")
    check(storage.check_checkpoints(run(*unknown)), "warn", "how many are saved is not known", "max_actor_ckpt_to_keep=2")
    check(storage.check_checkpoints(run("trainer.save_freq=-1")), "warn", "a killed run starts anew", "save_freq=10")


def test_a_resumed_run_saves_what_is_left(run, tmp_path):
    (tmp_path / "checkpoints/global_step_8").mkdir(parents=True)
    (tmp_path / "checkpoints/latest_checkpointed_iteration.txt").write_text("8")
    often = run("trainer.max_actor_ckpt_to_keep=null", "trainer.save_freq=2", "trainer.total_training_steps=11")
    check(storage.check_checkpoints(often), "pass", "up to 2 at a time")  # at 10 and 11
