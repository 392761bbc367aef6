"""HAPO's adaptive temperature for the next step's rollouts, by the statistics of this one's; each seed has its own."""

from __future__ import annotations

import torch

from recipe.adaptive_temperature.settings import AdaptiveTemperatureConfig
from recipe.adaptive_temperature.temperature import RowParameters, request_parameters
from recipe.lab.objectives import Batch
from recipe.primitives.entropy_score import entropy_statistics


class AdaptiveTemperature:
    """`measure` after each step; the first step's rollouts have the plain temperature."""

    def __init__(self, config: AdaptiveTemperatureConfig):
        self.config = config
        self._columns: list[RowParameters] | None = None

    def measure(self, batch: Batch) -> None:
        if self.config.enabled:
            copies = map(batch.of_copy, range(batch.copies))
            found = [entropy_statistics(batch.entropy[rows], batch.mask[rows], self.config) for rows in copies]
            self._columns = [RowParameters.of_request(request_parameters(one, self.config.tau)) for one in found]

    def parameters(self, rows: int, device) -> torch.Tensor | None:
        """`[4, S * rows]` for `rows` rollouts of each seed; None: none."""
        if self._columns is None:
            return None
        return torch.tensor(self._columns, device=device).T.repeat_interleave(rows, 1)
