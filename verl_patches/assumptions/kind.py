"""One thing that is assumed."""

from __future__ import annotations

from dataclasses import dataclass

from verl_patches.guard import MEND, Expectation, fault, installed


@dataclass(frozen=True)
class Assumption:
    """One thing, by its dotted name, what is assumed of it, and the module of this project that relies on it."""

    process: str
    name: str
    expectation: Expectation
    user: str

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    def refusal(self) -> str | None:
        """The sentence that says what is not as assumed; None if all is well."""
        found = fault(self.name, self.expectation)
        if found is None:
            return None
        return f"{self.name} of {installed(self.package)} {found}, and {self.user} relies on it: {MEND}"


def part(process: str, user: str, *pairs: tuple[str, Expectation], under: str = "") -> list[Assumption]:
    """What a process assumes for the module `user`: things by their names under `under`, with what is expected of them."""
    return [Assumption(process, under + name, expectation, user) for name, expectation in pairs]
