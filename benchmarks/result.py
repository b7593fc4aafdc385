"""The result of a benchmark: where it was measured, and where it goes.

Needs no framework.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from benchmarks.provenance import provenance


class Output(Protocol):
    """Settings of a benchmark that say where its result goes."""

    @property
    def out(self) -> str | None:
        """File for the result as one JSON object, besides what is printed."""

    @property
    def json(self) -> bool:
        """Whether nothing but that object is printed."""


def begin(module: str, argv: Sequence[str] | None, output: Output) -> dict[str, Any]:
    """Return what every result starts with: date, command, versions and machine.

    Args:
        module: Name of the command.
        argv: Arguments without the program's name. Default: those of this process.
        output: Where the result will go; an unusable name is told now, not after
            the measurement.

    Raises:
        OSError: If the file cannot be written.
    """
    if output.out:
        Path(output.out).touch()
    words = list(sys.argv[1:] if argv is None else argv)
    return provenance(shlex.join(["python", "-m", module, *words]))


def finish(result: Mapping[str, Any], output: Output, text: str) -> None:
    """Write a result and print it, as JSON or as `text`."""
    line = json.dumps(result)
    if output.out:
        Path(output.out).write_text(line + "\n", encoding="ascii")
    print(line if output.json else text)


def span(values: Mapping[str, float], form: str = ".2f") -> str:
    """Return a `Spread` as words.

    Example:
        >>> span({"median": 2.0, "low": 1.5, "high": 3.25}, ".1f")
        '2.0 [1.5-3.2]'
    """
    median, low, high = (format(values[key], form) for key in ("median", "low", "high"))
    return f"{median} [{low}-{high}]"
