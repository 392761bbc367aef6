"""Nothing that a browser or a terminal would hide or obey gets through."""

import unicodedata
import warnings

import pytest

from recipe.text.visible import LogPieces, in_log, make_warnings_visible, one_line, visible

HIDDEN = {
    "controls": "\x00\x07\x08\x0d\x1b\x7f\x9b",
    "text direction": "\u061c\u200e\u200f\u202a\u202e\u2066\u2069",
    "zero width": "\u00ad\u180e\u200b\u200c\u200d\u2060\ufeff",
    "tags": "\U000e0001\U000e0041\U000e007f",
    "variation selectors": "\ufe00\ufe0f\U000e0100\U000e01ef\u180b",
    "fillers": "\u034f\u115f\u1160\u3164\uffa0\u17b4\u2800",
    "spaces": "\u00a0\u2003\u202f\u3000",
    "separators": "\u2028\u2029",
    "private and unassigned": "\ue000\U000fffff\U000e1fff",
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_hidden_characters_are_named(kind):
    for character in HIDDEN[kind]:
        assert visible(f"a{character}b") == f"a⟨U+{ord(character):04X}⟩b"


def test_no_character_of_a_hidden_category_is_left():
    every = "".join(map(chr, [*range(0x3200), *range(0xD800, 0x10200), *range(0xE0000, 0xE0200)]))
    left = set(visible(every)) - set("\n\t ")
    assert not [c for c in left if unicodedata.category(c)[0] in "CZ"]


def test_what_can_be_seen_stays_and_a_lone_surrogate_becomes_a_character():
    text = "a\n\tb <b> \u05d0 \U0001f600 漢字 é e\u0301"
    assert visible(text) == text
    assert visible("\ud800") == "\ufffd"


def test_a_sentence_stays_on_its_line():
    assert one_line(ValueError("a\n b\x1b[2J\r\nc")) == "a b⟨U+001B⟩[2J c"


def test_a_log_keeps_its_colours_and_nothing_else_that_commands():
    assert in_log("\x1b[1;31mred\x1b[0m\r\n") == "\x1b[1;31mred\x1b[0m\n"
    assert in_log("10%\r20%\n") == "10%\n20%\n"
    for command in ("\x1b[2J", "\x1b[1A", "\x1b]52;c;aGk=\x07", "\x1bP+q\x1b\\", "\x9b2J", "\x1b[31"):
        assert "\x1b" not in in_log(command)
        assert "\x9b" not in in_log(command)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pieces_of_a_log_show_what_the_whole_would(size):
    text = "a\x1b[36mblue\x1b[0m\r\n10%\r20%\r\nend\x1b[2J\x1b[3"
    pieces = LogPieces()
    shown = "".join(pieces.take(text[i : i + size]) for i in range(0, len(text), size)) + pieces.end()
    assert shown == in_log(text)


def test_warnings_are_shown_so_too(monkeypatch):
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    make_warnings_visible()
    assert "a⟨U+001B⟩[2J" in warnings.formatwarning("a\x1b[2J", UserWarning, "file", 1)
