"""Metrics of a loss that stay on the device until the update is over.

verl turns a tensor into a number as soon as it is put into a `Metric`: a wait for the device for each metric of each
micro-batch. A `DeviceMetric` keeps it, through verl's gathering over the micro-batches, until it is pickled to be sent to the
other ranks or to the driver. By then the optimizer has made its step, so nothing is left to wait for. (verl itself still reads
the loss in each micro-batch.)
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from verl.utils.metric import AggregationType, Metric


class _Numbers:
    """All metrics of one micro-batch, `[N]` on the device; they come over in one copy, when the first is read."""

    def __init__(self, vector: torch.Tensor) -> None:
        self._device, self._host = vector, None

    def __getitem__(self, place: int) -> float:
        if self._host is None:
            self._device, self._host = None, self._device.tolist()
        return self._host[place]


class DeviceMetric(Metric):
    """verl's `Metric` whose values are places in vectors on the device. Arrives as a plain `Metric` in other processes."""

    def append(self, value: DeviceMetric) -> None:
        """Take over the values of another one, as `append_to_dict` wants it."""
        if not isinstance(value, DeviceMetric) or value.aggregation != self.aggregation:
            raise ValueError(f"cannot add {value!r} to a metric on the device that is aggregated by {self.aggregation}")
        self.values.extend(value.values)

    def init_list(self) -> DeviceMetric:
        """An empty one of the same kind."""
        return DeviceMetric(self.aggregation)

    def numbers(self) -> list[float]:
        """The values as numbers; waits for the device."""
        return [numbers[place] for numbers, place in self.values]

    def aggregate(self) -> float:
        """The aggregate of the numbers; waits for the device."""
        return _metric(self.aggregation, self.numbers()).aggregate()

    def __reduce__(self):
        return _metric, (self.aggregation, self.numbers())


def _metric(aggregation: AggregationType, numbers: list[float]) -> Metric:
    metric = Metric(aggregation)
    metric.extend(numbers)
    return metric


def device_metrics(means: Mapping[str, torch.Tensor], sums: Mapping[str, torch.Tensor]) -> dict[str, DeviceMetric]:
    """Metrics for verl from scalar tensors: `means` are averaged over micro-batches and ranks; `sums` are summed over
    micro-batches and, as all of verl's sums, averaged over ranks.
    """
    if not means and not sums:
        return {}
    numbers = _Numbers(torch.stack([*means.values(), *sums.values()]).detach())
    metrics = {}
    for place, name in enumerate([*means, *sums]):
        metrics[name] = DeviceMetric(AggregationType.MEAN if name in means else AggregationType.SUM)
        metrics[name].values.append((numbers, place))
    return metrics
