"""Which checkpoint a run resumes from, by the files alone."""

import json

import pytest

from recipe.runs.checkpoints import begin_list, newest_complete, problem, write_list
from recipe.runs.digests import damage


def checkpoint(root, step, tracked=True, listed=True):
    folder = root / f"global_step_{step}"
    (folder / "actor").mkdir(parents=True)
    (folder / "actor/model.pt").write_bytes(b"x" * 100)
    (folder / "data.pt").write_bytes(b"y" * 10)
    if listed:
        write_list(folder)
    if tracked:
        (root / "latest_checkpointed_iteration.txt").write_text(str(step))
    return folder


def test_the_newest_complete_checkpoint_is_found(tmp_path):
    assert newest_complete(tmp_path) == (None, [])
    assert newest_complete(tmp_path / "nowhere") == (None, [])
    for step in (2, 9, 10):
        checkpoint(tmp_path, step)
    assert newest_complete(tmp_path) == (str(tmp_path / "global_step_10"), [])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: (folder / "actor/model.pt").write_bytes(b"x" * 99), "has 99 of 100 bytes of actor/model.pt"),
        (lambda folder: (folder / "actor/model.pt").write_bytes(b"x" * 101), "has 101 of 100 bytes of actor/model.pt"),
        (lambda folder: (folder / "actor/model.pt").unlink(), "lacks actor/model.pt"),
        (lambda folder: (folder / "complete.json").write_text("{"), "has an unreadable complete.json"),
    ],
)
def test_a_damaged_one_is_passed_over_with_a_sentence(tmp_path, damage, sentence):
    old, new = checkpoint(tmp_path, 2), checkpoint(tmp_path, 4)
    damage(new)
    assert newest_complete(tmp_path) == (str(old), [f"{new} {sentence}"])
    damage(old)
    with pytest.raises(ValueError, match=r"no checkpoint in .* is complete .*start anew"):
        newest_complete(tmp_path)


def test_one_that_was_never_finished_is_passed_over(tmp_path):
    old = checkpoint(tmp_path, 2)
    new = checkpoint(tmp_path, 4, tracked=False, listed=False)  # killed while saving
    assert newest_complete(tmp_path) == (str(old), [f"{new} was not finished"])


def test_one_that_is_being_written_over_is_passed_over(tmp_path):
    old, again = checkpoint(tmp_path, 2), checkpoint(tmp_path, 4)
    begin_list(again, listed=True)  # killed in the middle, when all files have their sizes and some are of the older one
    assert newest_complete(tmp_path) == (str(old), [f"{again} was not finished"])
    begin_list(again, listed=False)
    assert newest_complete(tmp_path) == (str(again), [])


def test_a_tracker_that_was_set_back_is_followed(tmp_path):
    old = checkpoint(tmp_path, 2)
    checkpoint(tmp_path, 4)
    (tmp_path / "latest_checkpointed_iteration.txt").write_text("2")
    assert newest_complete(tmp_path) == (str(old), [])


def test_a_tracker_that_a_full_disk_left_empty_is_passed_over(tmp_path):
    checkpoint(tmp_path, 2)
    new = checkpoint(tmp_path, 4)
    tracker = tmp_path / "latest_checkpointed_iteration.txt"
    tracker.write_text("")
    assert newest_complete(tmp_path) == (str(new), [f"{tracker} holds no step"])


def test_without_a_tracker_the_newest_with_a_list_counts_and_never_step_0(tmp_path):
    old, new = checkpoint(tmp_path, 2), checkpoint(tmp_path, 4)
    tracker = tmp_path / "latest_checkpointed_iteration.txt"
    tracker.unlink()
    assert newest_complete(tmp_path) == (str(new), [f"{tracker} is gone"])
    (new / "complete.json").unlink()
    assert newest_complete(tmp_path) == (str(old), [f"{tracker} is gone", f"{new} was not finished"])
    (old / "complete.json").unlink()
    with pytest.raises(ValueError, match=rf"no checkpoint in .* is complete \({tracker} is gone; "):
        newest_complete(tmp_path)


@pytest.mark.parametrize("text", ["null", "", None])
def test_a_first_checkpoint_that_was_never_finished_is_none(tmp_path, text):
    folder = tmp_path / "global_step_2"
    begin_list(folder, listed=True)
    if text is None:
        (folder / "complete.json").unlink()
    else:
        (folder / "complete.json").write_text(text)
    assert newest_complete(tmp_path) == (None, [])


def test_one_without_a_list_counts_if_verl_says_so(tmp_path):
    folder = checkpoint(tmp_path, 4, listed=False)
    assert newest_complete(tmp_path) == (str(folder), [])


def test_folders_with_other_names_are_no_checkpoints(tmp_path):
    folder = checkpoint(tmp_path, 4)
    for name in ("global_step_4.bak", "global_step_5_old", "global_step_", "global_step_x", "old_global_step_4"):
        (tmp_path / name).mkdir()
    assert newest_complete(tmp_path) == (str(folder), [])


def test_a_list_may_begin_where_there_is_no_folder_yet(tmp_path):
    folder = tmp_path / "run/checkpoints/global_step_1"
    begin_list(folder, listed=False)
    assert not folder.exists()
    for _ in range(2):
        begin_list(folder, listed=True)
        assert problem(folder, is_tracked=True) == "was not finished"


def test_the_list_names_every_file_but_itself(tmp_path):
    folder = checkpoint(tmp_path, 1)
    write_list(folder)
    assert json.loads((folder / "complete.json").read_text()) == {"actor/model.pt": 100, "data.pt": 10}


FOREIGN = [
    "[" * 100_000,
    "[1]",
    "5",
    '{"../../x": 5}',
    '{"/etc/hostname": 5}',
    '{"a//b": 1}',
    '{"\\u0000": 1}',
    f'{{"{"x" * 5000}": 1}}',
]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", FOREIGN)
@pytest.mark.parametrize("name", ["complete.json", "digests.json"])
def test_a_list_of_others_names_no_file_elsewhere_and_ends_in_a_sentence(tmp_path, name, text):
    (checkpoint(tmp_path, 4) / name).write_text(text)
    with pytest.raises(ValueError, match=f"has an unreadable {name}; restore one".replace(";", r"\)?;")):
        newest_complete(tmp_path, damage)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ["[" * 100_000, "5", "{", '["x"]'])
def test_steps_of_others_that_are_none_are_one_sentence(tmp_path, text):
    checkpoint(tmp_path, 4)
    (tmp_path / "checkpoints_of_others.json").write_text(text)
    with pytest.raises(ValueError, match=r"checkpoints_of_others\.json holds no list of steps"):
        newest_complete(tmp_path)
