"""Text of others (responses, prompts, config values, names), made safe to look at."""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"  # Persian and emoji need them, and they hide nothing
_ORDINARY = re.compile(r"[\n\t -~]*")


def visible(text: str) -> str:
    r"""`text` with what a browser would hide or obey shown by name, e.g. `⟨U+202E⟩`; line feeds and tabs stay.

    Controls (also C1), format characters (text direction, zero width, tags) and line separators are named; lone surrogates
    become U+FFFD. All else is left as it is: HTML is no concern here, the page only ever sets text.
    """
    if _ORDINARY.fullmatch(text):
        return text
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character in "\n\t" or character in _JOINERS:
        return character
    category = unicodedata.category(character)
    if category == "Cs":
        return "\ufffd"
    return f"⟨U+{ord(character):04X}⟩" if category in ("Cc", "Cf", "Zl", "Zp") else character
