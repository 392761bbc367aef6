"""The size of checkpoints and the space for them."""

import shutil
from collections import namedtuple

import pytest
import torch

from recipe.runs.checkpoints import write_list
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


@pytest.mark.parametrize(
    ("there", "overrides", "finding"),
    [
        ([], [], "each, up to 2 at a time: 7.0 MiB"),  # the first two, before verl removes one
        ([1, 2], [], "each, 2 there, up to 1 more at a time: 3.5 MiB"),
        ([1], [], "each, 1 there, up to 2 more at a time: 7.0 MiB"),
        ([1, 2, 3, 4, 5], [], "each, 5 there, up to 1 more at a time"),
        ([1, 2], ["trainer.resume_mode=disable"], "each, 2 there, up to 2 more at a time"),  # which then stay
        ([1, 2], ["trainer.max_actor_ckpt_to_keep=null"], "each, 2 there, up to 5 more at a time"),  # at 4, 6, 8, 10 and 11
    ],
)
def test_what_earlier_starts_have_left_is_counted(run, monkeypatch, tmp_path, there, overrides, finding):
    for step in there:
        folder = tmp_path / f"checkpoints/global_step_{step}"
        folder.mkdir(parents=True)
        write_list(folder)
        (folder.parent / "latest_checkpointed_iteration.txt").write_text(str(step))
    settings = ("trainer.max_actor_ckpt_to_keep=2", "trainer.save_freq=2", "trainer.total_training_steps=11", *overrides)
    demo = run(*settings)
    free(monkeypatch, 20 * storage.checkpoint_bytes(demo))
    check(storage.check_checkpoints(demo), "pass", finding)


def test_as_many_may_stay_as_there_is_space_for(run, monkeypatch, tmp_path):
    for step in (1, 2, 3):
        folder = tmp_path / f"checkpoints/global_step_{step}"
        folder.mkdir(parents=True)
        write_list(folder)
    (folder.parent / "latest_checkpointed_iteration.txt").write_text("3")
    demo = run("trainer.max_actor_ckpt_to_keep=6", "trainer.save_freq=1", "trainer.total_training_steps=11")
    free(monkeypatch, int(2.5 * storage.checkpoint_bytes(demo)))
    check(storage.check_checkpoints(demo), "fail", "3 there, up to 4 more at a time", "max_actor_ckpt_to_keep=4, more space")
