"""JSON objects as this project writes them, and nothing wider when reading."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from os import PathLike
from typing import Any

from tfsent.checkpoint.errors import CheckpointError


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Return `value` as indented JSON in ASCII, ending with a newline.

    Raises:
        ValueError: If a number is NaN or infinite, which JSON cannot hold.
        TypeError: If a value is none of JSON's types.
    """
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode("ascii")


def parse_object(data: bytes, path: str | PathLike[str]) -> dict[str, Any]:
    """Return the JSON object that `data` holds.

    Refuses what Python's reader lets through: a name given twice (two readers
    could pick different values), NaN and infinity, and nesting so deep that
    it exhausts the stack.

    Raises:
        CheckpointError: If `data` is anything but one JSON object; names `path`.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise CheckpointError(path, f"the name {brief(name)} is given twice.")
            found[name] = value
        return found

    def no_constant(name: str) -> None:
        raise CheckpointError(path, f"{name} is no JSON number.")

    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=once, parse_constant=no_constant
        )
    except CheckpointError:
        raise
    except (ValueError, RecursionError) as error:
        raise CheckpointError(path, f"is no sound JSON ({error}).") from error
    if not isinstance(value, dict):
        raise CheckpointError(path, "holds no JSON object.")
    return value


def brief(value: object) -> str:
    """Return `value` printable, escaped and short, for messages on strange files."""
    return reprlib.repr(value)
