"""Files that do not belong on a cluster: those with names for secrets never go, what else looks like one is named."""

from __future__ import annotations

import re
from pathlib import Path

from recipe.text.secret import find_form

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 2**18  # bytes of a file that is looked into
# Modules and documents have such words in their names by right.
_NAME = re.compile(
    r"(?:^|[^a-z])(?:(?:secret|credential|passw(?:or)?d|passphrase|api_?key|private_?key)s?(?![a-z])|token$)", re.IGNORECASE
)
_DATA = {"", ".txt", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf", ".properties", ".xml", ".csv"}


def never_sent() -> list[str]:
    """The patterns of this checkout's .rayignore, in the syntax of .gitignore."""
    lines = (ROOT / ".rayignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def suspicion(path: Path) -> str | None:
    """Why a file may hold a secret, by its name or by what is in it; None if it does not look like it."""
    if path.suffix.lower() in _DATA and _NAME.search(path.stem):
        return "by its name"
    try:
        if path.stat().st_size > LARGEST:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    if b"\0" in content[:1024]:
        return None
    return find_form(content.decode(errors="replace"))
