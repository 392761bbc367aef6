"""What the pure tests share: the device, golden files, random batches, an assertion for errors."""

import ast
import os
import struct
import zipfile
from contextlib import contextmanager
from unittest import SkipTest  # pytest and benchmarks/acceptance both count it as skipped

import torch

from tests import ROOT

DEVICE = os.environ.get("HTPO_TEST_DEVICE", "cpu")
GOLDEN = sorted((ROOT / "tests/golden").glob("htpo_released_*.npz"))


def load_golden(path):
    """Read an .npz of float64, bool and scalars into tensors on DEVICE, without NumPy."""
    values = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            raw = archive.read(name)
            (length,) = struct.unpack("<H", raw[8:10])
            header = ast.literal_eval(raw[10 : 10 + length].decode())
            dtype = {"<f8": torch.float64, "<f4": torch.float32, "|b1": torch.bool, "<i8": torch.int64}[header["descr"]]
            assert not header["fortran_order"]
            flat = torch.frombuffer(bytearray(raw[10 + length :]), dtype=dtype)
            value = flat.reshape(header["shape"])
            values[name.removesuffix(".npy")] = value.to(DEVICE) if value.ndim else value.item()
    return values


def random_batch(rows=12, width=64, seed=0, dtype=torch.float64):
    """A ragged batch with both difficulties, both verdicts and ratios well outside the clip range."""
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, width + 1, (rows,), generator=g)
    old = -torch.rand(rows, width, generator=g, dtype=dtype) * 3
    batch = {
        "old_log_prob": old,
        "log_prob": old + 0.5 * torch.randn(rows, width, generator=g, dtype=dtype),
        "entropy": torch.rand(rows, width, generator=g, dtype=dtype).pow(3),
        "response_mask": torch.arange(width) < lengths[:, None],
        "hard": torch.arange(rows) % 2 == 0,
        "correct": torch.arange(rows) % 4 < 2,
    }
    sign = torch.where(batch["correct"], 1.0, -1.0).to(dtype)
    batch["advantages"] = (sign * (0.1 + torch.rand(rows, generator=g, dtype=dtype)))[:, None].expand(rows, width).contiguous()
    return {name: value.to(DEVICE) for name, value in batch.items()}


def only_on(device):
    """Skip the test on other devices."""
    if device != DEVICE:
        raise SkipTest(f"only on {device}")


@contextmanager
def raises(error, *words):
    """The block raises `error`, and its message contains all `words`."""
    try:
        yield
    except error as caught:
        message = str(caught)
    else:
        raise AssertionError(f"{error.__name__} was not raised")
    missing = [word for word in words if word not in message]
    assert not missing, f"{missing} not in {message}"
