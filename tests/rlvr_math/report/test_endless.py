"""An evaluation's folder that somebody sent holds nothing that takes for ever."""

import os

import pytest

from recipe.rlvr_math.report.__main__ import main
from tests.rlvr_math.folders import write_run


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["a pipe", "a device", "a terabyte of nothing"])
@pytest.mark.parametrize("name", ["settings.json", "x.jsonl"])
def test_it_is_one_sentence(tmp_path, capsys, name, kind):
    run = write_run(tmp_path / "run", {"x": {"0": ["42"]}}, 1)
    (run / name).unlink()
    if kind == "a pipe":
        os.mkfifo(run / name)
    elif kind == "a device":
        (run / name).symlink_to("/dev/zero")
    else:
        (run / name).touch()
        os.truncate(run / name, 2**40)
    assert main([str(run), "--out", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err) < 500
