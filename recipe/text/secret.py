"""Secrets in text: API keys, tokens, passwords, told by the name that is given one, by their form, or by the environment.

Not all can be recognised. What is, is refused on the way in, and masked where it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from recipe.text.secret_forms import ALONE, FORMS, NAME, RANDOM, VARIABLE, WEAK

MASK = "***"
_BETWEEN_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
# `name=`, `"name": `, `--name=`, `environ["NAME"] = `
_NAMED = re.compile(r"(?<![\w.-])-{0,2}(?P<name>[A-Za-z_][\w.-]*)[\"']?\]?\s*[:=]\s*")
# `--name value` and `["--name", "value"]`; `[NAME, value]`; `{name: NAME, value: value}`
_PAIRED = re.compile(
    r"(?:(?<![\w-])--?(?P<option>[A-Za-z][\w-]*)[\"']?(?:\s+|\s*,\s*)|[\[(]\s*[\"']?(?P<first>[A-Za-z_][\w-]*)[\"']?\s*,\s*"
    r"|\b(?:name|key)[\"']?\s*[:=]\s*[\"']?(?P<entry>[\w.-]+)[\"']?\s*,\s*[\"']?value[\"']?\s*[:=]\s*)(?=[^\s,\])}-])"
)
# A value is quoted, in brackets, a word, or two after `Authorization:`.
_VALUE = re.compile(r"(?:Bearer|Basic|Token)\s+[^\s,\"'\]}]+|\"[^\"]*\"?|'[^']*'?|\$\{[^}]*\}*|\[[^\]]*\]?|[^\s,}\]\"']*")
_WORD = re.compile(r"(?:(?:Bearer|Basic|Token)\\?\s+)?[\"']?[^\s,\"'\]})]*")
_REFERENCE = re.compile(r"\benv\s*:\s*[\"']?(?P<name>[A-Za-z_]\w*)")  # ${oc.env:NAME}: verl prints what it stands for
_HARMLESS = re.compile(r"(?:null|none|true|false|\*+|\?+|\[\s*\]|[\"'\s]*)\Z", re.IGNORECASE)
_FILE = re.compile(r"[\"']?(?:/|~/|\.{1,2}/)[\w./~-]*\.\w+[\"']?\Z")  # `credentials=/secrets/key.json` names a file
_PATH = re.compile(r"[/~.][\w./~-]*\Z")  # that a variable names, as SSH_KEY may; it stands everywhere
_FORM = re.compile("|".join(f"(?P<_{i}>{form})" for i, form in enumerate(FORMS.values())))
_KINDS = list(FORMS)
_LONG = 8  # characters of a variable's value that are looked for; `1` and `test` stand everywhere


def find_secret(text: str, environment: Mapping[str, str] = {}) -> str | None:
    """What in `text` is a secret: the name that is given one, or its kind; never the secret itself. None if nothing is.

    environment: variables whose values are looked for as well, if their names are those of secrets.
    """
    found = next(_secrets(text, environment), None)
    if found:
        return found[2]
    named = (match["name"] for match in _REFERENCE.finditer(text))
    return next((name for name in named if VARIABLE.search(name.upper())), None)


def find_form(text: str) -> str | None:
    """The kind of the first secret that has a form of its own, whatever it is called."""
    match = _FORM.search(text)
    return _kind(match) if match else None


def find_in_file(text: str) -> str | None:
    """The same, or the name of what is given something that looks like one: prose and programs only speak of tokens."""
    if kind := find_form(text):
        return kind
    for named in _NAMED.finditer(text):
        if RANDOM.match(text, named.end()) and (secret_part(named["name"]) or WEAK.search(named["name"].lower())):
            return named["name"]
    return None


def find_in_config(leaves: Iterable[tuple[str, Any]], environment: Mapping[str, str] = {}) -> tuple[str, str] | None:
    """(key, what) of the first secret in a config; leaves: its dotted keys and values of any kind."""
    for key, value in leaves:
        if value is None or isinstance(value, bool):
            continue
        text = str(value)
        if found := _named(key, text) or find_form(key) or find_secret(text, environment):
            return key, found
    return None


def masked(text: str, environment: Mapping[str, str] = {}) -> str:
    """`text` with `***` in place of each secret."""
    parts, end = [], 0
    for start, stop, _ in sorted(_secrets(text, environment)):
        if stop > end:
            parts += [text[end:start], MASK] if start >= end else []
            end = stop
    return "".join([*parts, text[end:]])


def masked_value(key: str, value: str) -> str:
    """A config's value as text, for a key with dots."""
    return MASK if _named(key, value) else masked(value)


def secret_part(name: str) -> str | None:
    """The part of a dotted name by which what it is given, or what is below it, is a secret; None if none is."""
    parts = name.lstrip("+~").split(".")
    before = ""
    for part in parts:
        words = _BETWEEN_WORDS.sub("_", part).lower()
        if VARIABLE.search(part) or NAME.search(f"{before}_{words}"):
            return part
        before = words
    return parts[-1] if ALONE.fullmatch(before) else None


def _named(name: str, value: str) -> str | None:
    """The name by which this value is a secret; None if it is none."""
    if _harmless(value):
        return None
    return secret_part(name) or (name.rpartition(".")[2] if _random(name, value, 0) else None)


def _random(name: str, text: str, position: int) -> re.Match | None:
    """What a weak name is given at this place, if it looks like a secret."""
    return RANDOM.match(text, position) if WEAK.search(name.lower()) else None


def _harmless(value: str) -> bool:
    return bool(_HARMLESS.match(value) or _FILE.match(value))


def _kind(match: re.Match) -> str:
    return _KINDS[int(match.lastgroup[1:])]


def _secrets(text: str, environment: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Begin, end and name or kind of each, those with a name first."""
    position = 0
    while named := _NAMED.search(text, position):
        position = named.end()  # a value that is none may hold further names
        part = secret_part(named["name"])
        # A weak name's value is a word of some hundred characters at most, or the search would take too long.
        value = _VALUE.match(text, position) if part else _random(named["name"], text, position)
        if value and not _harmless(value[0]):
            yield *value.span(), part or named["name"].rpartition(".")[2]
            position = value.end()
    for paired in _PAIRED.finditer(text):
        name = paired["option"] or paired["first"] or paired["entry"]
        if (part := secret_part(name)) and not (paired["first"] and ALONE.fullmatch(name)):
            value = _WORD.match(text, paired.end())
            if not _harmless(value[0]):
                yield *value.span(), part
    for match in _FORM.finditer(text):
        yield *match.span(), _kind(match)
    for name, value in environment.items():
        if len(value) >= _LONG and VARIABLE.search(name) and not _PATH.match(value):
            for match in re.finditer(re.escape(value), text):
                yield *match.span(), f"the value of {name}"
