"""Text of others (responses, prompts, data, names, logs), made safe to look at in a browser or on a terminal."""

from __future__ import annotations

import re
import unicodedata
import warnings
from functools import lru_cache

_ORDINARY = re.compile(r"[\n\t -~]*")
# Invisible, but of a category of visible characters: told by their names.
_BLANK = re.compile(r"VARIATION SELECTOR|GRAPHEME JOINER|HANGUL (?:\w+ )?FILLER|VOWEL INHERENT|PATTERN BLANK")
_COLOUR = re.compile(r"(\x1b\[[\d;:]*m)")
_UNFINISHED = re.compile(r"(?:\r|\x1b(?:\[[\d;:]{0,32})?)\Z")


def visible(text: str) -> str:
    r"""`text` with what would be hidden or obeyed shown by name, e.g. `⟨U+202E⟩`; line feeds, tabs and plain spaces stay.

    By Unicode's categories: controls (escape sequences begin with one), format characters (text direction, zero width, tags),
    private and unassigned ones, separators and spaces of all kinds; and variation selectors, joiners and fillers. Lone
    surrogates become U+FFFD. HTML is no concern here: the page only ever sets text.
    """
    if _ORDINARY.fullmatch(text):
        return text
    return "".join(map(_shown, text))


def one_line(text: object) -> str:
    """The same for a sentence that quotes something: white space of any kind is one space."""
    return visible(" ".join(str(text).split()))


def in_log(text: str) -> str:
    """The same for whole lines of a log on a terminal: colours stay, and a carriage return, which overwrites, ends the line."""
    lines = re.sub(r"\r+\n?", "\n", text)
    return "".join(part if i % 2 else visible(part) for i, part in enumerate(_COLOUR.split(lines)))


class LogPieces:
    """`in_log` for a log that comes in pieces, which may end within a sequence."""

    def __init__(self):
        self._rest = ""

    def take(self, piece: str) -> str:
        """What can be shown by now."""
        text = self._rest + piece
        cut = _UNFINISHED.search(text)
        self._rest = text[cut.start() :] if cut else ""
        return in_log(text[: cut.start()] if cut else text)

    def end(self) -> str:
        """What is left when nothing follows."""
        text, self._rest = self._rest, ""
        return in_log(text)


def make_warnings_visible() -> None:
    """Let the warnings of this process, which quote data, be shown so, too."""
    plain = warnings.formatwarning

    def formatted(message, category, filename, lineno, line=None):
        return plain(visible(str(message)), category, filename, lineno, line)

    warnings.formatwarning = formatted


@lru_cache(4096)
def _shown(character: str) -> str:
    if character in "\n\t ":
        return character
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    hidden = category[0] in "CZ" or _BLANK.search(unicodedata.name(character, ""))
    return f"⟨U+{ord(character):04X}⟩" if hidden else character
