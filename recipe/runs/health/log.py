"""All signs of a run, as a logger of verl's."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from recipe.files.metrics import Steps, read_metrics
from recipe.files.warned import Warned, write_warnings
from recipe.runs.health.signs import SIGNS
from recipe.runs.health.watch import Watch
from recipe.text.visible import visible
from recipe.token_level.signs import Sign


class HealthLog:
    """A backend of verl's Tracking that warns on stderr.

    signs: the method's, beside SIGNS.
    past: what earlier attempts of the run have measured up to the step that it resumes from; the signs go on from there, and
        the sicknesses that had not ended are said once more.
    folder: where all warnings are kept for the report page, those of `past`, too; None for nowhere.
    """

    def __init__(self, signs: Sequence[Sign], past: Steps | None = None, folder: Path | None = None):
        self.watches = [Watch(sign) for sign in (*SIGNS, *signs)]
        self.warnings: list[Warned] = []
        self.folder = folder
        self._open: dict[int, Warned] = {}  # by the place of its watch
        for step, metrics in (past or {}).items():
            self._look(metrics, step)
        for watch in self.watches:
            if watch.began is not None:
                _say("warning", watch.began, f"{watch.said} (said before this start, and not over)")
        self._keep()

    def log(self, data: Mapping, step: int) -> None:
        said = self._look(data, step)
        for kind, sentence in said:
            _say(kind, step, sentence)
        if said:
            self._keep()

    def _look(self, data: Mapping, step: int) -> list[tuple[str, str]]:
        said = []
        for place, watch in enumerate(self.watches):
            if sentence := watch.look(step, data):
                said.append(("note" if watch.began is None else "warning", sentence))
                if watch.began is None:
                    self._open.pop(place).over = step
                else:
                    self._open[place] = Warned(step, sentence)
                    self.warnings.append(self._open[place])
        return said

    def _keep(self) -> None:
        if self.folder is None:
            return
        try:
            write_warnings(self.folder, self.warnings)
        except OSError as error:
            print(f"note: the warnings are not kept in {self.folder}: {error}", file=sys.stderr, flush=True)
            self.folder = None


def measured_before(folder: Path, step: int) -> Steps:
    """What earlier attempts of a run measured up to the step that it resumes from; empty if it begins or has no such files."""
    if not step:
        return {}
    try:
        return {at: metrics for at, metrics in read_metrics(folder).items() if at <= step}
    except (OSError, ValueError) as error:
        print(visible(f"note: the warnings begin anew, without the steps before {step}: {error}"), file=sys.stderr, flush=True)
        return {}


def _say(kind: str, step: int, sentence: str) -> None:
    print(visible(f"{kind}: step {step}: {sentence}"), file=sys.stderr, flush=True)
