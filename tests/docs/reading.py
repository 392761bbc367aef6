"""The project's documents, taken apart: prose, code, overrides."""

import re
from itertools import product
from pathlib import Path

from tests import ROOT

GENERATED = {".venv", "runs", "outputs", "build", ".pytest_cache"}
DOCUMENTS = sorted(
    path.relative_to(ROOT)
    for path in ROOT.rglob("*.md")
    if not GENERATED & set(path.relative_to(ROOT).parts) and ".egg-info" not in str(path) and "/.venv-" not in str(path)
)
BLOCK = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")

NODES = (
    "actor_rollout_ref|algorithm|data|trainer|reward|htpo|hapo|adaptive_temperature|distillation|global_profiler|ray_kwargs"
    "|transfer_queue"
)
KEY = re.compile(rf"(?<![\w./+-])(\+*)((?:{NODES})(?:\.[\w{{}},]+)+)(?:=([^\s`]+))?")


def text(document: Path) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks in one language."""
    return [code for name, code in BLOCK.findall(text(document)) if name == language]


def prose(document: Path) -> str:
    """Without code blocks."""
    return BLOCK.sub("", text(document))


def code(document: Path) -> list[str]:
    """Code blocks and inline code, each with its line breaks made spaces."""
    found = [body.replace("\\\n", " ") for _, body in BLOCK.findall(text(document))]
    return found + [" ".join(span.split()) for span in SPAN.findall(prose(document))]


def expanded(name: str) -> list[str]:
    """`a/{b,c}.py` as the shell expands it."""
    parts = [part.split(",") for part in re.split(r"[{}]", name)]
    return ["".join(choice) for choice in product(*parts)]


def keys(document: Path) -> list[tuple[str, str, str | None]]:
    """(plus signs, key, value or None) of each config key in the document's code; `...` and `<any>` are no values."""
    found = [match.groups() for piece in code(document) for match in KEY.finditer(piece)]
    values = [(value or "").rstrip(".,;:") for _, _, value in found]
    return [
        (plus, key.rstrip(","), None if "<" in value else value or None)
        for (plus, name, _), value in zip(found, values, strict=True)
        for key in expanded(name)
    ]
