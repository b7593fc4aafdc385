"""Inert classes that take the place of others while a PyTorch file is read.

PyTorch's safe reader refuses every class and function that it does not know.
Where a published file needs one, these are admitted under its name instead:
they keep what the file says about an object and run nothing of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class StandIn:
    """An object of which only the arguments and the state are kept."""

    arguments: tuple[Any, ...] = ()
    state: Any = None

    def __new__(cls, *args: Any) -> StandIn:
        """Make one, whatever the file passes."""
        made = object.__new__(cls)
        made.arguments = args
        return made

    def __init__(self, *args: Any) -> None:
        """Take anything, do nothing."""

    def __setstate__(self, state: Any) -> None:
        """Keep the state."""
        self.state = state


class Namespace(StandIn):
    """For `argparse.Namespace`."""


class Module(StandIn):
    """For modules of PyTorch and of models written with it."""


class NumpyType(StandIn):
    """For `numpy.dtype`."""

    def code(self) -> str | None:
        """Return a type's code with its byte order, or None for what is no number."""
        if not self.arguments or self.arguments[0] not in _SCALARS:
            return None
        state = self.state if isinstance(self.state, tuple) else ()
        order = state[1] if len(state) > 1 else None
        return f"{order}{self.arguments[0]}" if order in ("<", ">", "|") else None


class NumpyScalar(StandIn):
    """For the function that makes a NumPy scalar of a type and its bytes."""

    def value(self) -> int | float | bool | None:
        """Return the number, or None for what is none."""
        if len(self.arguments) != 2 or type(self.arguments[0]) is not NumpyType:
            return None
        code, data = self.arguments[0].code(), self.arguments[1]
        if code is None or not isinstance(data, bytes):
            return None
        if len(data) != np.dtype(code).itemsize:
            return None
        return np.frombuffer(data, code)[0].item()


_SCALARS = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "b1"]


NAMESPACE = [(Namespace, "argparse.Namespace")]
"""The settings that NVIDIA's fine-tuning saves beside the weights."""

NUMPY_SCALARS = [
    (NumpyType, "numpy.dtype"),
    (NumpyScalar, "numpy.core.multiarray.scalar"),
    (NumpyScalar, "numpy._core.multiarray.scalar"),
]
"""In those settings thresholds are NumPy scalars (`args.thresholds`)."""

MODULES = [
    (Module, name)
    for name in (
        "models.StackedLSTM",
        "models.mLSTM",
        "torch.nn.modules.container.Sequential",
        "torch.nn.modules.dropout.Dropout",
        "torch.nn.modules.linear.Linear",
        "torch.nn.modules.rnn.LSTMCell",
        "torch.nn.modules.sparse.Embedding",
        # A member of every module of the first PyTorch versions, made by this call.
        "torch.nn.backends.thnn._get_thnn_function_backend",
    )
]
"""What the port by guillitte pickles: `models.py`, and `lm.py` and
`load_from_numpy.py`, which save, of
https://github.com/guillitte/pytorch-sentiment-neuron."""


def module_class(*identity: Any) -> type[StandIn]:
    """Return the class in ("module", class, file, source), if it is a stand-in.

    Raises:
        TypeError: If it is anything else.
    """
    found = identity[1] if len(identity) > 1 else None
    if not isinstance(found, type) or not issubclass(found, Module):
        raise TypeError("a module whose class is none")
    return found


MODULE_CLASS = b"ccompare.containers.stand_ins\nmodule_class\n"
"""The operation that puts `module_class` on the stack of a pickle's reader."""

ADMITTED = [
    *NAMESPACE,
    *NUMPY_SCALARS,
    *MODULES,
    (module_class, "compare.containers.stand_ins.module_class"),
]
"""Everything that is admitted, by exact name."""
