"""The progress bar of an evaluation, with the accuracy so far, and its closing table."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from tqdm import tqdm

from recipe.rlvr_math.evaluation.samples import Sample


@dataclass
class _Tally:
    samples: int = 0
    right: float = 0.0
    cut_off: int = 0
    tokens: int = 0


class Progress:
    """Counts samples by benchmark."""

    def __init__(self, names: list[str], total: int):
        self._tallies = {name: _Tally() for name in names}
        self._total = total
        self._bar: tqdm | None = None

    @property
    def done(self) -> int:
        """Samples so far."""
        return sum(tally.samples for tally in self._tallies.values())

    def add(self, name: str, sample: Sample) -> None:
        """Count a sample."""
        tally = self._tallies[name]
        tally.samples += 1
        tally.right += sample.acc
        tally.cut_off += sample.cut_off
        tally.tokens += sample.tokens
        if self._bar is not None:
            self._bar.set_postfix(self._accuracies(), refresh=False)
            self._bar.update()

    def __enter__(self):
        """Show the bar; what was counted before is where it begins."""
        seconds = 0.2 if sys.stderr.isatty() else 30.0  # a log keeps every state of the bar
        options = {"desc": "evaluating", "unit": "sample", "mininterval": seconds, "postfix": self._accuracies()}
        self._bar = tqdm(total=self._total, initial=self.done, **options)
        return self

    def __exit__(self, *_):
        self._bar.close()
        self._bar = None

    def _accuracies(self) -> dict[str, str]:
        return {name: f"{tally.right / tally.samples:.3f}" for name, tally in self._tallies.items() if tally.samples}

    def table(self, n: int) -> str:
        """Accuracy over all samples of each benchmark, which is mean@n when all are there."""
        width = max(9, *map(len, self._tallies))
        lines = [f"{'benchmark':{width}} {'samples':>9} {f'mean@{n}':>9} {'cut off':>9} {'tokens':>9}"]
        for name, tally in self._tallies.items():
            count = max(1, tally.samples)
            shares = f"{tally.right / count:>9.3f} {tally.cut_off / count:>9.1%} {tally.tokens / count:>9,.0f}"
            lines.append(f"{name:{width}} {tally.samples:>9,} {shares}")
        return "\n".join(lines)
