"""The report as Markdown, which a terminal, a mail or a repository shows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from compare.report.results import Results
from compare.report.sections import TITLE, sections_of
from compare.report.tables import Cell, Section, Table, is_numeric, printable

_SPECIAL = re.compile(r"[\\`*\[\]<>|&~$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_AT_START = re.compile(r"[#+-]|\d+(?=[.)])")
"""What begins a heading or a list."""


def markdown(results: Results) -> str:
    """Return the report of a sound results object."""
    return f"# {TITLE}\n\n{to_markdown(sections_of(results))}"


def to_markdown(sections: Sequence[Section]) -> str:
    """Return sections as Markdown; texts stay texts, whatever is in them."""
    parts: list[str] = []
    for section in sections:
        if section.title:
            parts.append(f"## {escape(section.title)}")
        parts += [_line(text) for text in section.text]
        if section.points:
            parts.append("\n".join(f"- {_line(text)}" for text in section.points))
        for table in section.tables:
            if table.title:
                parts.append(f"### {escape(table.title)}")
            parts.append(_table(table))
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    r"""Return a text that Markdown shows as it is, in one line.

    Example:
        >>> escape("<b> a|b *c* snake_case __init__")
        '\\<b\\> a\\|b \\*c\\* snake_case \\_\\_init\\_\\_'
    """
    return _SPECIAL.sub(r"\\\g<0>", printable(text))


def _line(text: str) -> str:
    text = escape(text)
    found = _AT_START.match(text)
    if found is None:
        return text
    number = found[0] if found[0].isdigit() else ""
    return f"{number}\\{text[len(number) :]}"


def _table(table: Table) -> str:
    columns = range(len(table.columns))
    sides = ["---:" if is_numeric(table, n) else "---" for n in columns]
    titles = [escape(title) for title in table.columns]
    rows = [[_cell(cell) for cell in row] for row in table.rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in (titles, sides, *rows))


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    if cell.marked and text:
        text = f"**{text}**"
    return f"{text} ({escape(cell.more)})" if cell.more else text
