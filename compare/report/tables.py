"""Tables and sections, before they become Markdown or HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from compare.report.numbers import Interval, ends, plain

_STRANGE = "\N{REPLACEMENT CHARACTER}"


class Cell(NamedTuple):
    """One cell of a table.

    Attributes:
        text: What is read.
        value: What it sorts by, if it is a number; also tells the side it stands on.
        marked: Whether it tells of a failure.
        more: What stands in brackets after the text: the interval of a figure.
    """

    text: str
    value: float | None = None
    marked: bool = False
    more: str = ""


class Table(NamedTuple):
    """Rows below named columns, all of one length."""

    title: str
    columns: tuple[str, ...]
    rows: list[list[Cell]]


class Output(NamedTuple):
    """What a runner wrote to standard error."""

    title: str
    text: str


class Section(NamedTuple):
    """One part of the report.

    Attributes:
        title: Heading.
        text: Paragraphs.
        points: Items of a list after them.
        tables: Tables after that.
        outputs: Only the page shows them, folded.
        pictures: Names of pictures; only the page shows them.
    """

    title: str
    text: Sequence[str] = ()
    points: Sequence[str] = ()
    tables: Sequence[Table] = ()
    outputs: Sequence[Output] = ()
    pictures: Sequence[str] = ()


def figure(interval: Interval | None, scale: float = 1.0, unit: str = "") -> Cell:
    """Return a cell of an interval; it sorts by the median.

    A single figure stands alone: of where another one would lie it says nothing.
    """
    if interval is None:
        return Cell("")
    median = interval["median"] * scale
    many = interval["n"] > 1
    more = ends((interval["low"], interval["high"]), scale) if many else ""
    return Cell(f"{plain(median, 3)}{unit}", median, more=more)


def without_empty(table: Table) -> Table:
    """Return a table without the columns in which nothing stands."""
    kept = [n for n in range(len(table.columns)) if any(r[n].text for r in table.rows)]
    return table._replace(
        columns=tuple(table.columns[n] for n in kept),
        rows=[[row[n] for n in kept] for row in table.rows],
    )


def is_numeric(table: Table, column: int) -> bool:
    """Return whether a column holds numbers, which then stand on the right."""
    return any(row[column].value is not None for row in table.rows)


def printable(text: object, lines: bool = False) -> str:
    r"""Return a text whose characters every file can hold and every reader show.

    Args:
        text: Whatever a runner or a file gave.
        lines: Whether its lines stay; otherwise it becomes one line.

    Example:
        >>> printable("a\x1b[0m b\nc").encode("ascii", "replace")
        b'a?[0m b c'
    """
    kept = str(text).expandtabs(4)
    if not lines:
        kept = " ".join(kept.split())
    return "".join(c if c.isprintable() or c == "\n" else _STRANGE for c in kept)
