"""Metrics that stay on the device go through verl's own gathering and come out as the numbers that verl would have had."""

import pickle

import pytest
import torch
from verl.utils.metric import AggregationType, Metric
from verl.utils.py_functional import append_to_dict

from recipe.token_level.device_metrics import DeviceMetric, device_metrics
from tests.no_sync import no_sync

MICRO_BATCHES = [[(0.25, 3.0), (0.5, 1.0), (0.1, 7.0)], [(0.75, 0.0), (0.3, 2.5), (0.9, 11.0)]]  # of two ranks


def gathered(micro_batches):
    """A rank's metrics of a mini-batch, as verl gathers them."""
    values = torch.tensor(micro_batches)
    metrics = {}
    with no_sync():
        for mean, total in (row.unbind() for row in values.unbind()):
            append_to_dict(metrics, device_metrics({"share": mean}, {"sum": total}))
    return metrics


def of_verl(micro_batches):
    metrics = {}
    for mean, total in torch.tensor(micro_batches).tolist():
        append_to_dict(metrics, {"share": Metric(AggregationType.MEAN, mean), "sum": Metric(AggregationType.SUM, total)})
    return metrics


def test_several_ranks_and_micro_batches_have_verls_numbers():
    ours, theirs = ([make(rank) for rank in MICRO_BATCHES] for make in (gathered, of_verl))
    ours = [pickle.loads(pickle.dumps(metrics)) for metrics in ours]  # all_gather_object sends them so
    for name in ("share", "sum"):
        assert [m[name].values for m in ours] == [m[name].values for m in theirs]
        assert type(ours[0][name]) is Metric
        assert Metric.aggregate_dp([m[name] for m in ours]) == Metric.aggregate_dp([m[name] for m in theirs])


def test_without_other_ranks_the_aggregate_is_verls():
    for name in ("share", "sum"):
        merged = {}
        append_to_dict(merged, {name: gathered(MICRO_BATCHES[0])[name]})  # as over the mini-batches of an update
        append_to_dict(merged, {name: gathered(MICRO_BATCHES[1])[name]})
        expected = of_verl(MICRO_BATCHES[0] + MICRO_BATCHES[1])[name]
        assert merged[name].aggregate() == expected.aggregate()
        assert len(merged[name].values) == 6


def test_a_micro_batch_comes_over_in_one_copy(monkeypatch):
    metrics = gathered(MICRO_BATCHES[0])
    copies, tolist = [], torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "tolist", lambda self: (copies.append(self), tolist(self))[1])
    pickle.dumps(metrics)
    assert len(copies) == 3
    pickle.dumps(metrics)
    assert len(copies) == 3


def test_a_metric_does_not_keep_the_graph_alive():
    ((vector, _),) = device_metrics({"share": torch.ones((), requires_grad=True) * 2}, {})["share"].values
    assert not vector._device.requires_grad


def test_what_does_not_fit_is_refused():
    metric = device_metrics({"share": torch.tensor(1.0)}, {})["share"]
    with pytest.raises(ValueError, match="aggregated by"):
        metric.append(2.0)
    with pytest.raises(ValueError, match="aggregated by"):
        DeviceMetric(AggregationType.SUM).append(metric)
    assert device_metrics({}, {}) == {}
