"""The port by guillitte of OpenAI's model to PyTorch.

Its files pickle whole modules. They are read through inert stand-ins
(`compare/containers/stand_ins.py`), never unpickled; written is the state-dict form of
the same names: `{'rnn': ..., 'embed': ...}`.
"""

from __future__ import annotations

from compare.checkpoint import Checkpoint
from compare.containers import Container
from compare.formats import linear

NAMES = (linear.GUILLITTE,)


def recognize(container: Container) -> str | None:
    """Return a line if this is a file of guillitte's port, else None."""
    if linear.recognize(container, linear.GUILLITTE):
        return "guillitte's port to PyTorch (Linear modules layer_N)"
    return None


def candidates(container: Container) -> tuple[str, ...]:
    """Return the one gate order that fits."""
    return linear.candidates(container, linear.GUILLITTE)


def read(container: Container, gates: str | None = None) -> Checkpoint:
    """Return the model of a file.

    Raises:
        CheckpointError: If anything in it is missing, left over or of a wrong shape.
    """
    return linear.read(container, linear.GUILLITTE, gates)


def write(checkpoint: Checkpoint, name: str) -> Container:
    """Return a model in the state-dict form.

    Raises:
        ValueError: If the format cannot hold it.
    """
    return linear.write(checkpoint, name)
