"""How many checkpoints stay over all starts of a run, and what is never removed."""

import json
import os
import shutil

import pytest
from verl.trainer.ppo.v1.trainer_base import PPOTrainer

from recipe.runs import retention
from recipe.runs.checkpoints import LIST, newest_complete, of_others, write_list
from recipe.runs.combinations import set_right


def make(directory, step, state="complete"):
    folder = directory / f"global_step_{step}"
    (folder / "actor").mkdir(parents=True)
    (folder / "actor/model.pt").write_bytes(b"xy")
    if state != "foreign":
        write_list(folder)
    if state == "unfinished":
        (folder / LIST).write_text("null")
    if state == "stump":  # verl has removed its part of it
        shutil.rmtree(folder / "actor")
    return folder


def steps(directory):
    return sorted(int(path.name.rsplit("_", 1)[1]) for path in directory.glob("global_step_*[0-9]"))


@pytest.fixture
def start(trainer, monkeypatch):
    """Begin the run once more, as a requeue does; returns a function that saves a step. As verl, which keeps its own count."""
    directory = trainer.folder.parent

    def start(keep=2, **settings):
        verls = []

        def save(self):
            if keep and len(verls) >= keep:  # BaseCheckpointManager.ensure_checkpoint_capacity, with keep above 1
                shutil.rmtree(verls.pop(0) / "actor", ignore_errors=True)
            folder = directory / f"global_step_{self.global_steps}"
            (folder / "actor").mkdir(parents=True, exist_ok=True)
            (folder / "actor/model.pt").write_bytes(b"xy")
            (directory / "latest_checkpointed_iteration.txt").write_text(str(self.global_steps))
            verls.append(folder)

        def load(self):
            chosen = self.config.trainer.resume_from_path
            folder = chosen if self.config.trainer.resume_mode == "resume_path" else newest_complete(directory)[0]
            self.global_steps = int(folder.rsplit("_", 1)[1]) if folder and settings.get("resume_mode") != "disable" else 0

        monkeypatch.setattr(PPOTrainer, "_save_checkpoint", save)
        monkeypatch.setattr(PPOTrainer, "_load_checkpoint", load)
        trainer.config.trainer.update({"max_actor_ckpt_to_keep": keep, "resume_mode": "auto", **settings})
        trainer.own_steps, trainer.resumed_step = frozenset(), 0
        trainer._load_checkpoint()

        def save_step(step):
            trainer.global_steps = step
            trainer._save_checkpoint()
            return steps(directory)

        return save_step

    yield start
    trainer.closed()


def test_the_number_is_kept_over_five_starts(start, trainer):
    most = 0
    for attempt in range(5):
        save = start()
        for step in (10 * attempt + 5, 10 * attempt + 10):
            save(step)
            most = max(most, len(steps(trainer.folder.parent)))
    assert steps(trainer.folder.parent) == [45, 50]
    assert most == 2
    assert newest_complete(trainer.folder.parent)[0].endswith("global_step_50")


@pytest.mark.parametrize(("keep", "left"), [(None, [1, 2, 3, 4]), (2, [3, 4]), (3, [2, 3, 4]), (9, [1, 2, 3, 4])])
def test_as_many_stay_as_are_asked_for(start, trainer, keep, left):
    for step in (1, 2, 3):
        make(trainer.folder.parent, step)
    (trainer.folder.parent / "latest_checkpointed_iteration.txt").write_text("3")
    assert start(keep)(4) == left


def test_unfinished_and_damaged_older_ones_go_and_do_not_count(start, trainer):
    directory = trainer.folder.parent
    for step, state in ((1, "complete"), (2, "stump"), (3, "unfinished"), (4, "complete")):
        make(directory, step, state)
    (directory / "latest_checkpointed_iteration.txt").write_text("4")
    assert start(3)(5) == [1, 4, 5]


def test_what_is_not_of_this_run_stays(start, trainer, tmp_path):
    directory = trainer.folder.parent
    make(directory, 1, "foreign")  # of stock verl: only its tracker knew that it is complete
    make(tmp_path / "elsewhere", 2)
    os.symlink(tmp_path / "elsewhere/global_step_2", directory / "global_step_2")
    make(directory, 3)
    make(directory, 7)  # newer than the step that somebody went back to
    (directory / "global_step_x").mkdir()
    (directory / "notes").mkdir()
    (directory / "latest_checkpointed_iteration.txt").write_text("3")
    save = start(2)
    save(4)
    save(5)
    left = {path.name for path in directory.iterdir() if path.is_dir()}
    assert left == {"notes", "global_step_x", *(f"global_step_{step}" for step in (1, 2, 4, 5, 7))}
    assert (tmp_path / "elsewhere/global_step_2/actor/model.pt").exists()


@pytest.mark.parametrize("where", ["anew", "elsewhere"])
def test_a_start_that_does_not_go_on_from_here_leaves_what_it_finds(start, trainer, tmp_path, where):
    for step in (1, 2, 3):
        make(trainer.folder.parent, step)
    if where == "anew":
        save = start(2, resume_mode="disable")
    else:
        path = make(tmp_path / "elsewhere", 3)
        save = start(2, resume_mode="resume_path", resume_from_path=str(path))
    assert save(4) == [1, 2, 3, 4]
    assert save(5) == [1, 2, 3, 4, 5]
    assert save(6) == [1, 2, 3, 5, 6]


@pytest.mark.parametrize("where", ["anew", "elsewhere"])
def test_nor_do_the_starts_that_go_on_from_its_checkpoints_remove_it(start, trainer, tmp_path, where):
    directory = trainer.folder.parent
    for step in (1, 2, 3):
        make(directory, step)
    (directory / "latest_checkpointed_iteration.txt").write_text("3")
    if where == "anew":
        save = start(2, resume_mode="disable")
    else:
        save = start(2, resume_mode="resume_path", resume_from_path=str(make(tmp_path / "elsewhere", 3)))
    save(4)
    assert save(5) == [1, 2, 3, 4, 5]
    save = start(2)  # by itself: at 5
    assert trainer.resumed_step == 5
    assert save(6) == [1, 2, 3, 5, 6]
    assert save(7) == [1, 2, 3, 6, 7]
    assert start(2)(8) == [1, 2, 3, 7, 8]
    assert of_others(directory) == {1, 2, 3}


def test_a_broken_checkpoint_is_not_answered_by_one_of_another_run(start, trainer, tmp_path):
    directory = trainer.folder.parent
    for step in (10, 20, 30):
        make(directory, step)
    (directory / "latest_checkpointed_iteration.txt").write_text("30")
    path = make(tmp_path / "elsewhere", 3)
    save = start(2, resume_mode="resume_path", resume_from_path=str(path))
    assert newest_complete(directory)[0].endswith("global_step_30")  # as long as verl's tracker says so
    save(4)
    assert save(24) == [4, 10, 20, 24, 30]
    (directory / "global_step_24/actor/model.pt").unlink()
    folder, broken = newest_complete(directory)
    assert folder.endswith("global_step_4")
    assert broken == [f"{directory}/global_step_24 lacks actor/model.pt"]
    retention.remove([directory / "global_step_4"])  # its digests may still be written
    with pytest.raises(ValueError, match=r"no checkpoint .* is complete \(.*global_step_24 lacks"):
        newest_complete(directory)


def test_what_is_written_over_is_the_runs_own(start, trainer, tmp_path):
    directory = trainer.folder.parent
    make(directory, 5)
    make(directory, 2, "unfinished")
    save = start(2, resume_mode="resume_path", resume_from_path=str(make(tmp_path / "elsewhere", 3)))
    assert of_others(directory) == {5}
    assert save(4) == [2, 4, 5]
    assert save(5) == [2, 4, 5]
    assert of_others(directory) == set()
    assert save(6) == [2, 5, 6]
    assert start(2)(7) == [6, 7]


def test_a_folder_that_cannot_be_removed_is_a_warning(monkeypatch, capsys, tmp_path):
    folder = make(tmp_path, 1)

    def refuse(path):
        raise PermissionError("not yours")

    monkeypatch.setattr(retention.shutil, "rmtree", refuse)
    retention.remove([folder])
    assert f"warning: {folder} could not be removed (not yours)" in capsys.readouterr().err
    assert json.loads((folder / LIST).read_text()) is None


def test_links_of_replicas_go_with_their_folder(tmp_path):
    folder = make(tmp_path, 1)
    (folder / "actor/other.pt").symlink_to("model.pt")
    make(tmp_path, 2)
    assert retention.superfluous(tmp_path, 2, 1, own=set(), resumed=2) == [folder]
    retention.remove([folder])
    assert steps(tmp_path) == [2]


def test_with_a_critic_the_larger_number_counts(compose):
    from tests.runs.config.given import GIVEN

    config = compose(*GIVEN, "trainer.max_actor_ckpt_to_keep=1", "trainer.max_critic_ckpt_to_keep=5")
    set_right(config)
    assert (retention.keep_of(config), retention.keep_of(config, use_critic=True)) == (2, 5)
    config.trainer.max_critic_ckpt_to_keep = None
    assert retention.keep_of(config, use_critic=True) is None


def test_a_file_that_comes_while_a_folder_is_removed_does_not_keep_it(tmp_path, monkeypatch):
    folder, real, calls = make(tmp_path, 4), shutil.rmtree, []

    def rmtree(path):
        calls.append(path)
        if len(calls) == 1:
            raise OSError(39, "Directory not empty")
        real(path)

    monkeypatch.setattr(retention.shutil, "rmtree", rmtree)
    monkeypatch.setattr(retention, "SETTLES_S", 0)
    retention.remove([folder])
    assert not folder.exists()
