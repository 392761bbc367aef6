"""The trainer's part in stopping and resuming, without verl's half of it: what is saved and resumed from."""

import pickle
import warnings
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from recipe.runs import recovery
from recipe.runs.checkpoints import newest_complete, problem, write_list
from recipe.runs.combinations.checkpoints import keep_the_one_before
from recipe.runs.recovery import ISSUED


def test_a_checkpoint_is_complete_after_it_was_written_and_not_before(trainer):
    trainer._save_checkpoint()
    assert trainer.done == [("save", "was not finished"), ("on_save", {"global_step": 3}, None)]
    assert trainer.saved_step == 3
    assert trainer.writing is None
    assert newest_complete(trainer.folder.parent) == (str(trainer.folder), [])
    (trainer.folder / "model.pt").write_bytes(b"x")
    assert problem(trainer.folder, is_tracked=True) == "has 1 of 2 bytes of model.pt"


def test_one_that_is_saved_asynchronously_has_no_list_also_over_an_older_one(trainer):
    trainer.config.actor_rollout_ref.actor.checkpoint = {"async_save": True}
    trainer.folder.mkdir(parents=True)
    (trainer.folder / "old.pt").touch()
    write_list(trainer.folder)
    (trainer.folder / "old.pt").unlink()
    trainer._save_checkpoint()
    assert trainer.done == [("save", None), ("on_save", {"global_step": 3}, None)]  # as far as verl's tracker says so
    assert problem(trainer.folder, is_tracked=False) == "was not finished"


def load_with_a_broken_newest(trainer):
    old, new = (trainer.folder.parent / f"global_step_{step}" for step in (2, 3))
    for folder in (old, new):
        folder.mkdir(parents=True)
        (folder / "model.pt").write_bytes(b"xy")
        write_list(folder)
    (trainer.folder.parent / "latest_checkpointed_iteration.txt").write_text("3")
    (new / "model.pt").unlink()
    return old, new


def test_a_broken_newest_checkpoint_is_passed_over_with_a_warning(trainer):
    old, new = load_with_a_broken_newest(trainer)
    with pytest.warns(UserWarning, match=f"^{new} lacks model.pt; {old} is used instead$"):
        trainer._load_checkpoint()
    assert (trainer.config.trainer.resume_mode, trainer.config.trainer.resume_from_path) == ("resume_path", str(old))
    assert trainer.done == ["_load_checkpoint"]


def test_the_folder_of_what_is_refused_is_the_one_that_is_loaded(trainer, monkeypatch):
    def load(self):
        raise pickle.UnpicklingError("GLOBAL os.system")

    monkeypatch.setattr(PPOTrainer, "_load_checkpoint", load)
    trainer.config.trainer.update(resume_mode="resume_path", resume_from_path="/elsewhere/global_step_4")
    with pytest.raises(ValueError, match=r"^a file in /elsewhere/global_step_4 holds what no checkpoint"):
        trainer._load_checkpoint()


@pytest.mark.parametrize("case", ["whole", "none", "chosen"])
def test_otherwise_verl_resumes_as_it_is_told(trainer, case):
    if case == "whole":
        trainer._save_checkpoint()
        trainer.done.clear()
    if case == "chosen":
        load_with_a_broken_newest(trainer)
        trainer.config.trainer.resume_mode = "disable"
    before = OmegaConf.to_container(trainer.config)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer._load_checkpoint()
    assert OmegaConf.to_container(trainer.config) == before
    assert trainer.done == ["_load_checkpoint"]


def test_of_two_checkpoints_the_older_stays_until_the_newer_is_complete(trainer):
    for given, kept in (
        ({"max_actor_ckpt_to_keep": 1}, 2),
        ({"remove_previous_ckpt_in_save": True, "max_actor_ckpt_to_keep": None}, 2),
        ({"max_actor_ckpt_to_keep": 3}, 3),
        ({"max_actor_ckpt_to_keep": None}, None),
    ):
        config = OmegaConf.create({"trainer": given})
        keep_the_one_before(config)
        assert config.trainer.max_actor_ckpt_to_keep == kept
        assert not config.trainer.get("remove_previous_ckpt_in_save")


def test_a_byte_that_flipped_is_seen_before_it_is_read(trainer):
    old = trainer.folder.with_name("global_step_2")
    old.mkdir(parents=True)
    write_list(old)
    trainer._save_checkpoint()
    trainer.closed()
    assert (trainer.folder / "digests.json").exists()
    trainer._load_checkpoint()
    assert trainer.config.trainer.resume_mode == "auto"
    assert trainer.files_looked_at == 1
    (trainer.folder / "model.pt").write_bytes(b"xz")
    assert problem(trainer.folder, is_tracked=True) is None
    with pytest.warns(UserWarning, match=r"^.* has a file that changed after it was written, model\.pt; .*_2 is used instead$"):
        trainer._load_checkpoint()
    trainer._save_checkpoint()  # the old digests do not stay with the new content
    trainer.closed()
    trainer.config.trainer.update(resume_mode="auto", resume_from_path=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer._load_checkpoint()


def test_a_callback_that_fails_finds_a_complete_checkpoint(trainer):
    def on_save(**call):
        raise ConnectionError("no bucket")

    trainer.checkpoint_callback = SimpleNamespace(on_save=on_save)
    with pytest.raises(ConnectionError):
        trainer._save_checkpoint()
    assert newest_complete(trainer.folder.parent) == (str(trainer.folder), [])
    assert trainer.checkpoint_callback.on_save is on_save


@pytest.mark.parametrize("marked", [True, False])
def test_an_asynchronous_run_goes_on_with_the_prompts_that_were_issued_and_without_half_a_validation(
    trainer, monkeypatch, marked
):
    cleared, issued = [], []
    trainer.trainer_mode = "colocate_async"
    trainer._save_checkpoint()
    if marked:
        (trainer.folder / ISSUED).touch()
    monkeypatch.setattr(PPOTrainer, "_load_checkpoint", lambda self: setattr(self, "global_steps", 3))
    monkeypatch.setattr(PPOTrainer, "_add_batch_to_generate", lambda self: issued.append(self.global_steps))
    monkeypatch.setattr(recovery.tq, "kv_list", lambda partition: {"val": {"a": {}, "a_0_0": {}}})
    monkeypatch.setattr(recovery.tq, "kv_clear", lambda **rows: cleared.append(rows))
    trainer._load_checkpoint()
    assert cleared == [{"keys": ["a", "a_0_0"], "partition_id": "val"}]
    for step in (4, 5):
        trainer.global_steps = step
        trainer.prepare_step()
    assert issued == ([5] if marked else [4, 5])
    trainer.global_steps = 3
    trainer._save_checkpoint()  # the mark is of that moment
    assert not (trainer.folder / ISSUED).exists()
