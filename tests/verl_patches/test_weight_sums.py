"""The sums of what is sent and what is held: equal for the same weights however they are fused, else not."""

import json
import math

import pytest
import torch

from verl_patches.weight_socket import sums


@pytest.fixture
def where(tmp_path, monkeypatch):
    monkeypatch.setenv(sums.FOLDER, str(tmp_path))
    return tmp_path


def write(where, kind, process, *syncs):
    (where / f"{kind}-{process}.jsonl").write_text("".join(json.dumps(sync) + "\n" for sync in syncs))


def of(*tensors, where, kind="sent"):
    found = sums.Sums()
    for tensor in tensors:
        found.add(tensor)
    found.write(kind)


def test_fused_weights_have_the_same_sums_and_another_version_has_not(where):
    q, k = torch.randn(8, 4).bfloat16(), torch.randn(2, 4).bfloat16()
    of(q, k, where=where)
    of(torch.cat([q, k]), where=where, kind="held")
    assert sums.distance(where) < 1e-12

    changed = q.clone()
    changed[3, 1] += 0.0625
    of(q, k, where=where)
    of(changed, k, where=where, kind="held")
    assert sums.distance(where) > 1e-4


def test_nobody_asks_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv(sums.FOLDER, raising=False)
    assert sums.folder() is None


def test_each_attempt_is_compared_with_what_it_was_sent(where):
    write(where, "sent", 1, [1.0, 4.0], [2.0, 5.0])
    write(where, "held", 2, [1.0, 4.0])  # killed between the two ends
    write(where, "sent", 3, [7.0, 9.0])
    write(where, "held", 4, [7.0, 9.0])
    assert sums.distance(where) == 0


def test_weights_that_are_one_sync_late_are_seen(where):
    write(where, "sent", 1, [1.0, 4.0], [2.0, 5.0], [3.0, 6.0])
    write(where, "held", 2, [1.0, 4.0], [1.0, 4.0], [2.0, 5.0])
    assert sums.distance(where) > 0.1


def test_a_sync_that_came_to_nothing_is_seen(where):
    write(where, "sent", 1, [1.0, 4.0], [2.0, 5.0], [3.0, 6.0])
    write(where, "held", 2, [1.0, 4.0])
    assert sums.distance(where) == math.inf
    (where / "held-2.jsonl").unlink()
    assert math.isnan(sums.distance(where))
