"""What differs between Kubernetes clusters: a file like settings.yaml.example."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from launch.submission.given_file import read_mapping
from launch.submission.secret_check import check_runtime_env
from recipe.text.visible import one_line

EXAMPLE = "launch/kuberay/settings.yaml.example"
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?\Z")
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|[kMGTPE]i?)?\Z")
# Fields of Kubernetes that name a Secret and hold none.
_REFERENCES = {"secretKeyRef", "secretRef", "secretName", "secret", "imagePullSecrets"}


@dataclass(frozen=True)
class Settings:
    """Of a Kubernetes cluster. settings.yaml.example says what each is."""

    image: str
    claim: str
    worker_cpu: str
    worker_memory: str
    mount: str = "/shared"
    head_cpu: str = "16"
    head_memory: str = "64Gi"
    namespace: str | None = None
    token_from: str = "ray-token"
    env_from: list = field(default_factory=list)
    grace_s: int = 600
    backoff_limit: int = 3
    user: int = 1000
    group: int = 1000
    merge: dict = field(default_factory=dict)


# Seconds of the grace period that are left to Ray for its own end, after the run has had the others.
MARGIN_S = 30


def read_settings(file: Path) -> Settings:
    """The file's. ValueError, one sentence, for what cannot be read, is unknown, missing or no such value, or a secret."""
    given = read_mapping("--kuberay", file, f"a mapping of settings; begin with a copy of {EXAMPLE}")
    known = {each.name: each for each in fields(Settings)}
    if unknown := sorted(str(name) for name in given if name not in known):
        raise ValueError(f"{one_line(unknown[0])} of {file} is no setting; they are {', '.join(known)}")
    required = [name for name, each in known.items() if each.default is each.default_factory is MISSING]
    if missing := [name for name in required if given.get(name) in (None, "")]:
        raise ValueError(f"{file} lacks {', '.join(missing)}; {EXAMPLE} explains them")
    given = {name: value for name, value in given.items() if value is not None}
    check_runtime_env(without_references(given), file)
    for name in ("worker_cpu", "worker_memory", "head_cpu", "head_memory"):
        if name in given:
            given[name] = str(given[name])
    settings = Settings(**given)
    _check(settings, file)
    return settings


def without_references(node: Any) -> Any:
    """The same without the fields that name a Secret of the cluster, which is how a secret should come in."""
    if isinstance(node, Mapping):
        return {key: without_references(value) for key, value in node.items() if key not in _REFERENCES}
    if isinstance(node, list):
        return [without_references(value) for value in node]
    return node


def _check(settings: Settings, file: Path) -> None:
    def refuse(name: str, what: str) -> None:
        raise ValueError(f"{name} of {file} is {one_line(repr(getattr(settings, name)))}; it must be {what}")

    for name in ("image", "claim", "mount", "token_from", "namespace"):
        value = getattr(settings, name)
        if value is not None and not (isinstance(value, str) and value and not re.search(r"\s", value)):
            refuse(name, "a text without spaces")
    for name in ("claim", "token_from", "namespace"):
        if getattr(settings, name) is not None and not _NAME.match(getattr(settings, name)):
            refuse(name, "the name of one in Kubernetes: small letters, digits, - and .")
    if not re.fullmatch(r"(/[\w.-]+)+", settings.mount) or ".." in settings.mount:
        refuse("mount", "an absolute path")
    for name in ("worker_cpu", "worker_memory", "head_cpu", "head_memory"):
        if not _QUANTITY.match(getattr(settings, name)):
            refuse(name, "a quantity of Kubernetes, such as 64 or 512Gi")
    for name, least in (("grace_s", 2 * MARGIN_S), ("backoff_limit", 0), ("user", 1), ("group", 0)):
        value = getattr(settings, name)
        if type(value) is not int or value < least:
            refuse(name, f"a whole number of at least {least}")
    if not isinstance(settings.env_from, list) or not all(isinstance(n, str) and _NAME.match(n) for n in settings.env_from):
        refuse("env_from", "a list of names of Secrets")
    if not isinstance(settings.merge, dict):
        refuse("merge", "a mapping, which is merged into the RayJob")
