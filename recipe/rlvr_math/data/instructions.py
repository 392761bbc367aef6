"""Instructions that prompts were published with are removed to the letter, or the data set is refused."""

from __future__ import annotations

import os
from dataclasses import replace

from recipe.rlvr_math.data.source import Loaded, Row
from recipe.rlvr_math.data.templates import PUBLISHED, strip


def remove(loaded: Loaded, form: str | None, trusted: bool) -> tuple[list[Row], str | None]:
    """The rows without the instruction that their prompts were published with, and the form of the prompts (None: bare).

    `form` is "...{problem}..."; None: one that is known, or none. If it is not `trusted`, what all problems begin or end with
    is taken for an instruction that is not known. Raises ValueError if there is one, or for a prompt that is not of the form.
    """
    if form is None:
        found = (form for form in PUBLISHED if any(strip(row.prompt, form) is not None for row in loaded.rows))
        form = next(found, "{problem}")
    if "{problem}" not in form:
        raise ValueError("--published has no {problem}; write it where the problem stands, e.g. 'Solve: {problem}'")
    rows = []
    for row in loaded.rows:
        problem = strip(row.prompt, form)
        if problem is None:
            raise ValueError(
                f"{loaded.source}, row {row.number}: the prompt {row.prompt[:60]!r} is not of the form {form!r}; say with "
                "--published how the prompts are made ('{problem}' if they have no instruction)"
            )
        if not problem:
            raise ValueError(f"{loaded.source}, row {row.number}: the prompt has no problem; mend or remove the row")
        rows.append(replace(row, prompt=problem))
    if not trusted:
        _refuse_common_text(loaded.source, [row.prompt for row in rows])
    return rows, None if form == "{problem}" else form


def _refuse_common_text(name: str, texts: list[str]) -> None:
    """An instruction that is not known is what all problems begin or end with."""
    if len(set(texts)) < 5:
        return
    before = os.path.commonprefix(texts)
    after = os.path.commonprefix([text[::-1] for text in texts])[::-1]
    for common, words in ((before, "begins"), (after, "ends")):
        if len(common) >= 20:
            raise ValueError(
                f"{name}: every prompt {words} with {common[:60]!r}, which looks like an instruction; say with "
                "--published how the prompts are made, e.g. 'Solve: {problem}' ('{problem}' keeps them as they are)"
            )
