"""Refuse secrets where others can read them: the dashboard shows a job's entrypoint and runtime environment."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Environment variables by their last word; config keys more narrowly: `pad_token` and `prompt_key` are harmless there.
_VARIABLE = re.compile(r"(?:^|[._])(?:API_?KEY|KEY|TOKEN|SECRET|PASSWORD|PASSWD|PAT)$")
_CONFIG_KEY = re.compile(
    r"(?:^|[._])(?:(?:api|access|secret|private|auth|wandb)[._]?key|secret|password|passwd"
    r"|(?:hf|hub|huggingface|api|auth|access|bearer|github|gitlab|wandb)[._]token)$|(?:^|\.)token$",
    re.IGNORECASE,
)
_ASSIGNMENT = re.compile(r"([A-Za-z_][\w.]*)[\"']?\s*[:=](?=\s*[\"']?([^\s,}\"']*))")  # a value may hold further ones
# What such a name may be given. A reference like ${oc.env:HF_TOKEN} may not: verl prints the resolved config into the log.
_HARMLESS = re.compile(r"(?:null|none|true|false)?$", re.IGNORECASE)
_FORMS = {
    "a Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{20,}"),
    "an API key": re.compile(r"\b(?:sk-[A-Za-z0-9]{32,}|sk-(?:ant|proj)-[\w-]{32,}|wandb_v1_\w{20,}|AKIA[0-9A-Z]{16}\b)"),
    "a GitHub or GitLab token": re.compile(r"\b(?:gh[oprsu]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{20,})"),
    "a password in a URL": re.compile(r"://[^/\s:@]*:[^/\s@]+@"),
}
_REMEDY = (
    "set it in the environment of `ray start` on every node, or in a file there that its library reads "
    "(~/.netrc for W&B, ~/.cache/huggingface/token)"
)


def find_secret(text: str) -> str | None:
    """What in `text` looks like a secret: the name that is given one, or its kind; never the secret itself."""
    for name, value in _ASSIGNMENT.findall(text):
        if (_VARIABLE.search(name) or _CONFIG_KEY.search(name)) and not _HARMLESS.match(value):
            return name
    return next((kind for kind, form in _FORMS.items() if form.search(text)), None)


def check_overrides(overrides: Iterable[str]) -> None:
    """Refuse an override that carries a secret."""
    for override in overrides:
        if found := find_secret(override):
            key = override.partition("=")[0]
            raise ValueError(f"the override of {key} carries a secret ({found}), which the dashboard would show: {_REMEDY}")


def check_runtime_env(runtime_env: dict, source: object) -> None:
    """Refuse a runtime environment that carries a secret, anywhere in it."""

    def check(name: str, value: object) -> None:
        if isinstance(value, dict):
            for key, entry in value.items():
                check(str(key), entry)
        elif isinstance(value, list):
            for entry in value:
                check(name, entry)
        elif found := find_secret(f"{name}={value}"):
            raise ValueError(f"{name} in {source} carries a secret ({found}), which the dashboard would show: {_REMEDY}")

    check("", runtime_env)
