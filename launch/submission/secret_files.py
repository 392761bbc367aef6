"""Files that do not belong on a cluster: those with names for secrets never go, what else looks like one is named."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from recipe.text.secret import find_in_file

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 2**18  # bytes of a file that is looked into
# Modules and documents have such words in their names by right.
_NAME = re.compile(
    r"(?:^|[^a-z])(?:(?:secret|credential|passw(?:or)?d|passphrase|api_?key|private_?key)s?(?![a-z])|token$)", re.IGNORECASE
)
_DATA = {
    *("", ".txt", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".xml", ".csv", ".sh"),
    *(".bak", ".old", ".orig", ".db", ".pickle", ".pkl"),
}
_LETTER = re.compile(r"[a-z]")


def never_sent() -> list[str]:
    """The patterns of this checkout's .rayignore, in the syntax of .gitignore, for names in capitals, too."""
    return [_LETTER.sub(lambda letter: f"[{letter[0]}{letter[0].upper()}]", line) for line in patterns(ROOT / ".rayignore")]


def patterns(file: Path) -> list[str]:
    """Those of a file in the syntax of .gitignore."""
    return [line for line in file.read_text().splitlines() if line and not line.startswith("#")]


def suspicion(path: Path, folders: Sequence[str] = ()) -> str | None:
    """Why a file may hold a secret, by its name, by that of a folder, or by what is in it; None if it does not look like it."""
    if path.suffix.lower() in _DATA and any(map(_NAME.search, (path.stem, *folders))):
        return "by its name"
    try:
        if path.stat().st_size > LARGEST:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    return find_in_file(content.replace(b"\0", b"").decode(errors="replace"))  # without zeros UTF-16 can be read, too
