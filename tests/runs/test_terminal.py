"""No text of data, models or exceptions commands the terminal from the places where a run prints it."""

import pytest

from recipe.rlvr_math.reward import judge
from recipe.runs.console import StepLine
from recipe.runs.health.log import measured_before
from recipe.runs.launch import end, print_traceback
from recipe.runs.preflight.results import failed, table
from recipe.runs.token_dump.said_once import SaidOnce

EVIL = "a\x1b[2J\x1b]0;owned\x07\u202eb"
SHOWN = "a⟨U+001B⟩[2J⟨U+001B⟩]0;owned⟨U+0007⟩⟨U+202E⟩b"


def ended():
    with pytest.raises(SystemExit):
        end(ValueError(f"row 3 has {EVIL}"), status=2)


PLACES = {
    "a step's line": lambda path: StepLine(10, lambda metrics: []).log({f"val-core/{EVIL}/acc/mean@1": 0.5}, 1),
    "the last sentence": lambda path: ended(),
    "a traceback": lambda path: print_traceback(RuntimeError(EVIL)),
    "the preflight's table": lambda path: print(table([failed(f"data source {EVIL}", f"rename {EVIL}")])),
    "a warning of the token dump": lambda path: SaidOnce().say("no dump", ValueError(EVIL)),
    "a verdict explained": lambda path: judge.main([EVIL, "no answer"]),
    "a note of the signs": lambda path: measured_before(path, 1),
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_quoted_is_shown_by_name(capsys, tmp_path, place):
    folder = tmp_path / EVIL
    folder.mkdir()
    (folder / "metrics-000.jsonl").write_text("no step\n")
    PLACES[place](folder)
    printed = "".join(capsys.readouterr())
    assert SHOWN in printed
    assert not set("\x1b\x07\u202e") & set(printed)


def test_the_last_sentence_masks_a_secret_that_it_quotes(capsys, monkeypatch):
    monkeypatch.setenv("MY_TOKEN", "swordfish-1")
    with pytest.raises(SystemExit):
        end("data.train_files is https://host/d?token=abcd and swordfish-1", status=2)
    assert capsys.readouterr().err == "\nerror: data.train_files is https://host/d?token=*** and ***\n"
