"""A step on the console: one line that can be read, and one for a validation. All metrics stay in the other loggers."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping

from recipe.text.visible import visible

Phrases = Callable[[Mapping[str, float]], list[str]]

# Metric, and how the line says it; left out where a mode or a reward has no such metric.
_NUMBERS = (
    ("critic/score/mean", "reward {:5.2f}"),
    ("rollouts/acc", "acc {:4.2f}"),
    ("actor/entropy", "entropy {:5.3f}"),
    ("response_length/mean", "length {:5.0f}"),
    ("actor/pg_clipfrac", "clip {:5.1%}"),
)
_SPEED = ("perf/throughput", "{:5.0f} tok/s/GPU")
_PHASES = (
    ("timing_s/gen", "rollout"),
    ("timing_s/old_log_prob", "log-probs"),
    ("timing_s/update_actor", "update"),
    ("timing_s/update_weights", "weights"),
    ("timing_s/save_checkpoint", "save"),
)
_CORE = "val-core/"


class StepLine:
    """verl's `console` backend: prints a line for the step's training and one for its validation.

    last_step: of the run. phrases: what the method adds, from the step's metrics.
    """

    def __init__(self, last_step: int, phrases: Phrases):
        self.last_step, self.phrases = last_step, phrases

    def log(self, data: Mapping, step: int) -> None:
        for line in lines(data, step, self.last_step, self.phrases):
            print(visible(line), flush=True)


def lines(data: Mapping, step: int, last_step: int, phrases: Phrases) -> list[str]:
    """The lines of a step: `step 12/300  reward 0.64 ...`, `step 12/300  validation  ...`; what is missing is left out."""
    metrics = {name: float(x) for name, x in data.items() if isinstance(x, numbers.Number) and math.isfinite(x)}
    width = len(str(last_step))
    begin = f"step {step:{width}d}/{last_step}"
    parts = [text.format(metrics[name]) for name, text in _NUMBERS if name in metrics]
    parts += phrases(metrics)
    parts += [_SPEED[1].format(metrics[_SPEED[0]])] if _SPEED[0] in metrics else []
    parts += _seconds(metrics)
    validation = [f"{name.removeprefix(_CORE)} {value:.3f}" for name, value in metrics.items() if name.startswith(_CORE)]
    if validation and "timing_s/testing" in metrics:
        validation.append(f"{_time(metrics['timing_s/testing'])} s")
    found = ["  ".join([begin, *parts])] if parts else []
    return found + (["  ".join([begin, "validation", *validation])] if validation else [])


def _seconds(metrics: Mapping[str, float]) -> list[str]:
    phases = [f"{name} {_time(metrics[key])}" for key, name in _PHASES if key in metrics]
    inside = f" ({', '.join(phases)})" if phases else ""
    return [f"{_time(metrics['timing_s/step']):>5} s{inside}"] if "timing_s/step" in metrics else []


def _time(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"
