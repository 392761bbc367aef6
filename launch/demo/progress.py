"""How far a training run is, read from its metrics: a bar on a terminal, elsewhere a line a step."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from tqdm import tqdm

ACCURACY = "val-core/single_digit_sum/acc/mean@1"
REWARD = "critic/score/mean"
SECONDS = "timing_s/step"
STARTING = "starting Ray, FSDP and vLLM"

Steps = Mapping[int, Mapping[str, float]]  # as `recipe.files.metrics.read_metrics` has them


def progress(total: int, before: Steps) -> Bar | Lines:
    """What suits stderr. total: steps of the run; before: what earlier attempts left."""
    return Bar(total, before) if sys.stderr.isatty() else Lines(total, before)


class Bar:
    """A progress bar whose seconds per step and time left count from the begin of this attempt's first step on."""

    def __init__(self, total: int, before: Steps, file=None):
        self.before = before
        self.bar = tqdm(total=total, initial=max(before, default=0), unit="step", desc=STARTING, file=file)
        self.started = False

    def show(self, steps: Steps) -> None:
        """Move the bar to the last step of this attempt."""
        trained = [step for step, data in steps.items() if _is_new(SECONDS, step, data, self.before)]
        if trained:
            self.bar.n = max(trained)
            if not self.started:
                self.started = True
                self.bar.set_description("training", refresh=False)
                self.bar.initial = min(trained) - 1
                self.bar.start_t = self.bar._time() - sum(steps[step][SECONDS] for step in trained)
        accuracies = [(step, data[ACCURACY]) for step, data in sorted(steps.items()) if ACCURACY in data]
        rewards = [data[REWARD] for _, data in sorted(steps.items()) if REWARD in data]
        self.bar.set_postfix(
            {"reward": f"{rewards[-1]:.2f}"} if rewards else {},
            **({f"accuracy@{accuracies[-1][0]}": f"{accuracies[-1][1]:.2f}"} if accuracies else {}),
        )

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()


class Lines:
    """A line for the start, for each step with what is new of it, and for the end."""

    def __init__(self, total: int, before: Steps, file=None):
        self.total, self.seen, self.file = total, {step: dict(data) for step, data in before.items()}, file
        self._print(STARTING)

    def show(self, steps: Steps) -> None:
        """Print the steps that were not there the last time."""
        for step, data in sorted(steps.items()):
            texts = [
                form.format(data[name])
                for name, form in ((REWARD, "reward {:.2f}"), (ACCURACY, "accuracy {:.2f}"), (SECONDS, "{:.1f} s"))
                if _is_new(name, step, data, self.seen)
            ]
            if texts:
                self._print("  ".join([f"step {step}/{self.total}", *texts]))
        self.seen = steps

    def close(self) -> None:
        """Print where it ended."""
        self._print(f"ended at step {max(self.seen, default=0)}/{self.total}")

    def _print(self, line: str) -> None:
        print(line, file=self.file or sys.stderr, flush=True)


def _is_new(name: str, step: int, data: Mapping[str, float], before: Steps) -> bool:
    return name in data and data[name] != before.get(step, {}).get(name)
