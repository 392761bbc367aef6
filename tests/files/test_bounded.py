"""Files that have no end, or take none to come, are refused at once."""

import os

import pytest

from recipe.files.bounded import LINE, WHOLE, lines_bounded, read_bounded


def test_what_is_within_the_bounds_is_read(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"a\nb")
    assert read_bounded(file) == read_bounded(file, 3) == b"a\nb"
    assert list(lines_bounded(file)) == [b"a\n", b"b"]
    with pytest.raises(FileNotFoundError):
        read_bounded(tmp_path / "nowhere")


def test_terabytes_of_nothing_are_refused(tmp_path):
    file = tmp_path / "x"
    file.touch()
    os.truncate(file, 2**40)
    with pytest.raises(ValueError, match=rf"^is larger than {WHOLE >> 10:,} KiB$"):
        read_bounded(file)
    with pytest.raises(ValueError, match=rf"x, line 1 is longer than {LINE >> 20} MiB; remove that line"):
        next(lines_bounded(file))


@pytest.mark.timeout(20)
def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zeros").symlink_to("/dev/zero")
    for name in ("pipe", "zeros"):
        with pytest.raises(ValueError, match=r"^is no file$"):
            read_bounded(tmp_path / name)
        with pytest.raises(ValueError, match=rf"{name} is no file$"):
            next(lines_bounded(tmp_path / name))
