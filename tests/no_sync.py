"""A block in which waiting for the device is an error, also where there is none: on a CPU too, code takes its device branch.

On CUDA torch's own sync debug mode watches as well.
"""

from contextlib import ExitStack, contextmanager
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode

# The shape of the result, or a Python number, depends on values.
_READING = {
    "_local_scalar_dense",  # item(), and with it bool(), int(), float(), if and index
    "is_nonzero",
    "equal",
    "allclose",
    "nonzero",
    "nonzero_numpy",
    "argwhere",
    "masked_select",
    "_unique",
    "_unique2",
    "unique_dim",
    "unique_consecutive",
    "unique_dim_consecutive",
    "bincount",
    "histc",
}
# Python methods that read memory, or on a CPU give back the tensor itself, so that no operation is dispatched.
_METHODS = ("item", "tolist", "cpu", "numpy", "__array__", "__bool__", "__int__", "__float__", "__index__", "nonzero")


class Sync(Exception):
    """The host would have waited for the device."""


class _Watch(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func._schema.name.removeprefix("aten::")
        if name in _READING:
            raise Sync(name)
        indices = args[1] if name.rstrip("_") in ("index", "index_put", "_index_put_impl") else ()
        if any(x is not None and x.dtype in (torch.bool, torch.uint8) for x in indices):
            raise Sync(f"{name} with a mask")
        if name == "repeat_interleave" and func._overloadname == "Tensor" and kwargs.get("output_size") is None:
            raise Sync("repeat_interleave without output_size")
        if name in ("_to_copy", "copy_", "_copy_from") and _to_host(name, args, kwargs):
            raise Sync(f"{name} to the host")
        return func(*args, **kwargs)


def _to_host(name, args, kwargs):
    if name == "_to_copy":
        source, target = args[0].device, torch.device(kwargs.get("device") or args[0].device)
    else:
        source, target = args[1].device, args[0].device
    return source.type != "cpu" and target.type == "cpu"


def _refuse(name):
    def method(*args, **kwargs):
        raise Sync(name)

    return method


def _watched_to(to):
    def method(self, *args, **kwargs):
        given = [*args, *kwargs.values()]
        if any(isinstance(x, str | torch.device) and torch.device(x).type == "cpu" for x in given):
            raise Sync("to the host")
        return to(self, *args, **kwargs)

    return method


@contextmanager
def no_sync():
    """Raise `Sync` for what would wait for the device, in forward and backward."""
    with ExitStack() as stack:
        for name in _METHODS:
            stack.enter_context(mock.patch.object(torch.Tensor, name, _refuse(name)))
        stack.enter_context(mock.patch.object(torch.Tensor, "to", _watched_to(torch.Tensor.to)))
        stack.enter_context(mock.patch("recipe.primitives.host.on_host", return_value=False))
        stack.enter_context(_Watch())
        if torch.cuda.is_available():
            torch.cuda.set_sync_debug_mode("error")
            stack.callback(torch.cuda.set_sync_debug_mode, "default")
        yield
