"""The formats by name, and which of them a container is.

Every format is a module of this folder, imported on demand, with five names:

- `NAMES`: the `--to` names that it writes;
- `recognize(container) -> str | None`: a line that says what was found, or None;
- `candidates(container) -> tuple[str, ...]`: the gate orders that fit what was found;
- `read(container, gates) -> Checkpoint`: `gates` as `parse_gates` returns it, or None
  where one order alone fits;
- `write(checkpoint, name) -> Container`: `ValueError` for what the format cannot hold.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from types import ModuleType

from compare.containers import Container
from tfsent.checkpoint import CheckpointError

FORMATS = (
    *("keras", "twin", "openai", "nvidia", "guillitte"),
    *("theano", "deepmoji", "torchmoji"),
)
"""Modules of this folder, in the order in which they are asked."""


def formats() -> Iterator[ModuleType]:
    """Yield the modules of all formats."""
    for name in FORMATS:
        full = f"{__package__}.{name}"
        if importlib.util.find_spec(full) is not None:
            yield importlib.import_module(full)


def names() -> tuple[str, ...]:
    """Return every name that `--to` takes."""
    return tuple(name for module in formats() for name in module.NAMES)


def format_of(name: str) -> ModuleType:
    """Return the module that writes the format `name`.

    Raises:
        ValueError: If there is none; lists the names.
    """
    for module in formats():
        if name in module.NAMES:
            return module
    raise ValueError(f"format {name!r} is not known; any of {', '.join(names())}.")


def recognize(container: Container) -> tuple[ModuleType, str]:
    """Return the format of `container` and a line that says what was found.

    Raises:
        CheckpointError: If no format knows it.
    """
    for module in formats():
        found = module.recognize(container)
        if found is not None:
            return module, found
    some = ", ".join(repr(name) for name in sorted(container.arrays)[:3])
    raise CheckpointError(
        container.path,
        f"its {len(container.arrays)} arrays ({some}, ...) follow no known layout.",
    )
