"""What a row of a source gives: a text and, if asked for, its labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

Label = None | float | tuple[float, ...]


class Sample(NamedTuple):
    """One text as it stands in its source, not cleaned."""

    text: str
    label: Label = None
    """A number, a tuple of them if several label keys were asked for, or None."""


class Columns(NamedTuple):
    """What to take from a row, and how strictly."""

    text: str = "text"
    """Column or key of the text."""
    labels: tuple[str, ...] = ()
    """Columns or keys of the labels; empty: no label is read."""
    threshold: float | None = None
    """A label above this becomes 1.0, any other 0.0; None: as it stands."""
    invalid_utf8: str = "error"
    """'error' or 'replace': what happens to bytes that are not UTF-8."""

    def facts(self) -> dict[str, Any]:
        """Return the same as JSON holds it, for the identity of a source."""
        return {**self._asdict(), "labels": list(self.labels)}


def decode(raw: bytes, where: str, columns: Columns, offset: int = 0) -> str:
    """Return bytes as text, by the policy for bytes that are not UTF-8.

    Args:
        raw: The bytes.
        where: What an error calls the place.
        columns: Holds the policy.
        offset: Position of `raw` in its file, for the error.

    Raises:
        ValueError: If they are not UTF-8 and the policy is 'error'.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        if columns.invalid_utf8 == "replace":
            return raw.decode("utf-8", "replace")
        raise ValueError(
            f"{where}, byte {offset + error.start}: not UTF-8, and data.invalid_utf8 "
            "is error; 'replace' puts U+FFFD there."
        ) from None


def positions(names: Sequence[str], name: str, columns: Columns) -> list[int]:
    """Return where the text, then each label, stands among the columns of a file.

    Args:
        names: The columns, in order.
        name: The file, for the error.
        columns: What is wanted.

    Raises:
        ValueError: If a wanted column is missing or occurs twice; it lists those
            there are.
    """
    wanted = [("data.text_key", columns.text)]
    wanted += [("data.label_key", label) for label in columns.labels]
    for setting, key in wanted:
        found = names.count(key)
        if found != 1:
            told = "is not a column" if not found else f"names {found} columns"
            raise ValueError(
                f"{setting} {key!r} {told} of {name}; it has "
                f"{', '.join(map(repr, names))}."
            )
    return [names.index(key) for _, key in wanted]


def to_label(values: Sequence[Any], where: str, columns: Columns) -> Label:
    """Return the values of a row's label columns as one number or a tuple of them.

    Args:
        values: One a label column; numbers, booleans or strings that spell one.
        where: File and row, for the error.
        columns: Names the columns and holds the threshold.

    Raises:
        ValueError: If a value is no finite number.
    """
    numbers = tuple(
        _number(value, key, where, columns.threshold)
        for value, key in zip(values, columns.labels, strict=True)
    )
    return numbers[0] if len(numbers) == 1 else numbers


def _number(value: Any, key: str, where: str, threshold: float | None) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(
            f"{where}: label {key!r} is {shown(value)}; a finite number will do."
        )
    return number if threshold is None else float(number > threshold)


def shown(value: Any) -> str:
    """Return how an error quotes a value: briefly."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
