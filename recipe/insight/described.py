"""What the runs' methods say of their display, each once, and the colors of their groups on the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recipe.insight.runs import Run
from recipe.token_level.display import Curve, Display

_PALETTE = 8  # variables --p0 to --p7 of page.css


@dataclass(frozen=True)
class Described:
    """A display and the runs that have it. place: of the display among those of the page."""

    place: int
    display: Display
    runs: list[Run]

    def color(self, number: int) -> str:
        """The page's variable with the color of the group of this number, from 1; also the key of its curves."""
        return f"m{self.place}-{number}"

    def number(self, name: str) -> int:
        """The number of a group."""
        return 1 + [group.name for group in self.display.groups].index(name)


def described(runs: Sequence[Run]) -> list[Described]:
    """The displays of runs, in the order of the runs. Runs that were written by two versions of a method may have two."""
    displays: list[Display] = []
    displays += (run.display for run in runs if run.display and run.display not in displays)
    return [Described(i, display, [run for run in runs if run.display == display]) for i, display in enumerate(displays)]


def curves(runs: Sequence[Run], tab: str) -> list[Curve]:
    """The curves of a tab that the methods of runs ask for, each once."""
    found = (curve for one in described(runs) for curve in one.display.curves if curve.tab == tab)
    return list(dict.fromkeys(found))


def style(runs: Sequence[Run]) -> str:
    """CSS that gives the groups' variables their values, on a light page and on a dark one."""
    light, dark = [], []
    for one in described(runs):
        for number, group in enumerate(one.display.groups, start=1):
            own = f"var(--p{(number - 1) % _PALETTE})"
            light.append(f"--{one.color(number)}: {group.color or own};")
            dark.append(f"--{one.color(number)}: {group.dark or group.color or own};")
    return f":root {{ {' '.join(light)} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {' '.join(dark)} }} }}\n"
