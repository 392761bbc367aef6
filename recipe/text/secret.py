"""Secrets in text: API keys, tokens, passwords, told by the name that is given one, by their form, or by the environment.

Not all can be recognised. What is, is refused on the way in, and masked where it is shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MASK = "***"
# Names by their last words, in lower case with `_` between words. Narrower than those of the environment's variables: in a
# config `pad_token`, `max_tokens` and `prompt_key` are harmless.
_NAME = re.compile(
    r"(?:^|_)(?:pass_?(?:word|wd|phrase|code)s?|pwd|secrets?|credentials?|creds|authorization|auth|bearer|cookies?|api_?keys?"
    r"|(?:access|secret|private|auth|account|client|service|signing|encryption|shared|ssh|wandb|openai|anthropic|hf|sas)_?keys?"
    r"|(?:hf|hub|hugging_?face|api|auth|access|refresh|bearer|session|security|personal|sas|secret|slack|oauth2?|jwt"
    r"|git_?hub|git_?lab|wandb)_?tokens?)(?:_?\d+)?$"
)
_ALONE = re.compile(r"token|jwt")
_BETWEEN_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")
_VARIABLE = re.compile(
    r"(?:^|_)(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PAT|CREDENTIAL|AUTH|AUTHORIZATION|COOKIE|DSN)S?(?:_?\d+)?$"
    r"|._PWD$"
)
_NAMED = re.compile(r"(?<![\w.-])(?P<name>[A-Za-z_][\w.-]*)[\"']?\s*[:=]\s*")
# A value is quoted, in brackets, a word, or two after `Authorization:`.
_VALUE = re.compile(r"(?:Bearer|Basic|Token)\s+[^\s,\"'\]}]+|\"[^\"]*\"?|'[^']*'?|\$\{[^}]*\}*|\[[^\]]*\]?|[^\s,}\]\"']*")
_REFERENCE = re.compile(r"\benv\s*:\s*[\"']?(?P<name>[A-Za-z_]\w*)")  # ${oc.env:NAME}: verl prints what it stands for
_HARMLESS = re.compile(r"(?:null|none|true|false|\*+|\?+|\[\s*\]|[\"'\s]*)\Z", re.IGNORECASE)
_FILE = re.compile(r"[\"']?(?:/|~/|\.{1,2}/)[\w./~-]*\.\w+[\"']?\Z")  # `credentials=/secrets/key.json` names a file
_PATH = re.compile(r"[/~.][\w./~-]*\Z")  # that a variable names, as SSH_KEY may; it stands everywhere
_FORMS = {
    "a Hugging Face token": r"\b(?:hf_|api_org_)[A-Za-z0-9]{20,}",
    "an API key": r"\b(?:sk-[A-Za-z0-9]{32,}|sk-(?:ant|proj|svcacct)-[\w-]{32,}|wandb_v1_\w{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|AIza[\w-]{35}|[sr]k_live_\w{20,}|SG\.[\w-]{22}\.[\w-]{43})",
    "a package registry's token": r"\b(?:npm_[A-Za-z0-9]{36}|pypi-AgEI[\w-]{50,})",
    "a GitHub or GitLab token": r"\b(?:gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|gl(?:pat|ptt|rt)-[\w-]{20,})",
    "a Slack token": r"\bxox[abeoprs]-[\w-]{10,}",
    "a JSON web token": r"(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]*",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----[^-]*(?:-----END [A-Z ]*-----)?",
    "an authorization header": r"\b(?:Bearer|Basic)\s+[\w.~+/=-]{16,}",
    "a signed URL": r"[?&](?:sig|X-Amz-Signature|X-Amz-Security-Token|X-Goog-Signature)=[^&\s\"']+",
    "a password in a URL": r"(?<=://)[^/\s:@]*:[^/\s@]+(?=@)",
}
_FORM = re.compile("|".join(f"(?P<_{i}>{form})" for i, form in enumerate(_FORMS.values())))
_KINDS = list(_FORMS)
_LONG = 8  # characters of a variable's value that are looked for; `1` and `test` stand everywhere


def find_secret(text: str, environment: Mapping[str, str] = {}) -> str | None:
    """What in `text` is a secret: the name that is given one, or its kind; never the secret itself. None if nothing is.

    environment: variables whose values are looked for as well, if their names are those of secrets.
    """
    found = next(_secrets(text, environment), None)
    if found:
        return found[2]
    named = (match["name"] for match in _REFERENCE.finditer(text))
    return next((name for name in named if _VARIABLE.search(name.upper())), None)


def find_form(text: str) -> str | None:
    """The kind of the first secret that has a form of its own, whatever it is called."""
    match = _FORM.search(text)
    return _kind(match) if match else None


def find_in_config(leaves: Iterable[tuple[str, Any]], environment: Mapping[str, str] = {}) -> tuple[str, str] | None:
    """(key, what) of the first secret in a config; leaves: its dotted keys and values of any kind."""
    for key, value in leaves:
        if value is None or isinstance(value, bool):
            continue
        text = str(value)
        part = secret_part(key) if not _harmless(text) else None
        if found := part or find_secret(text, environment):
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
    return MASK if secret_part(key) and not _harmless(value) else masked(value)


def secret_part(name: str) -> str | None:
    """The part of a dotted name by which what it is given, or what is below it, is a secret; None if none is."""
    parts = name.lstrip("+~").split(".")
    before = ""
    for part in parts:
        words = _BETWEEN_WORDS.sub("_", part).lower()
        if _VARIABLE.search(part) or _NAME.search(f"{before}_{words}"):
            return part
        before = words
    return parts[-1] if _ALONE.fullmatch(before) else None


def _harmless(value: str) -> bool:
    return bool(_HARMLESS.match(value) or _FILE.match(value))


def _kind(match: re.Match) -> str:
    return _KINDS[int(match.lastgroup[1:])]


def _secrets(text: str, environment: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Begin, end and name or kind of each, those with a name first."""
    position = 0
    while named := _NAMED.search(text, position):
        position = named.end()  # a value that is none may hold further names
        if part := secret_part(named["name"]):
            value = _VALUE.match(text, position)
            if not _harmless(value[0]):
                yield *value.span(), part
                position = value.end()
    for match in _FORM.finditer(text):
        yield *match.span(), _kind(match)
    for name, value in environment.items():
        if len(value) >= _LONG and _VARIABLE.search(name) and not _PATH.match(value):
            for match in re.finditer(re.escape(value), text):
                yield *match.span(), f"the value of {name}"
