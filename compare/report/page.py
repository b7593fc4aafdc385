"""The report as one HTML file that loads nothing and runs one script of its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from compare.report.pictures import CAPTIONS, pictures
from compare.report.results import Results
from compare.report.sections import TITLE, sections_of
from compare.report.tables import Cell, Output, Section, Table, is_numeric, printable

_LONG = 20
"""From so many characters on, words in a cell of a table may break into lines."""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
style-src '{style_hash}'; script-src '{script_hash}'; base-uri 'none'; \
form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<nav aria-label="Sections">{links}</nav>
<main>
{body}</main>
<script>{script}</script>
</body>
</html>
"""


def page(results: Results) -> str:
    """Return the report of a sound results object as an HTML document."""
    style, script = (_beside(f"page.{end}") for end in ("css", "js"))
    drawn = pictures(results)
    sections = sections_of(results)
    return _PAGE.format(
        title=_text(TITLE),
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        links="".join(
            f'<a href="#part-{number}">{_text(section.title)}</a>\n'
            for number, section in enumerate(sections)
        ),
        body="".join(
            part
            for number, section in enumerate(sections)
            for part in _section(section, number, drawn)
        ),
    )


def _section(section: Section, number: int, drawn: dict[str, str]) -> Iterator[str]:
    yield f'<section>\n<h2 id="part-{number}">{_text(section.title)}</h2>\n'
    for text in section.text:
        yield f"<p>{_text(text)}</p>\n"
    if section.points:
        yield "<ul>\n"
        yield from (f"<li>{_text(point)}</li>\n" for point in section.points)
        yield "</ul>\n"
    for name in section.pictures:
        if name in drawn:
            yield f"<figure>{_wide(section.title)}{drawn[name]}</div>\n"
            yield f"<figcaption>{_text(CAPTIONS[name])}</figcaption></figure>\n"
    for table in section.tables:
        if table.title:
            yield f"<h3>{_text(table.title)}</h3>\n"
        yield _wide(table.title or section.title)
        yield from _table(table)
        yield "</div>\n"
    yield from _outputs(section.outputs)
    yield "</section>\n"


def _table(table: Table) -> Iterator[str]:
    yield '<table class="sorts"><thead><tr>'
    numeric = [is_numeric(table, n) for n in range(len(table.columns))]
    for title, right in zip(table.columns, numeric, strict=True):
        side = ' class="number"' if right else ""
        yield f'<th scope="col"{side}>{_text(title)}</th>'
    yield "</tr></thead><tbody>\n"
    for row in table.rows:
        cells = zip(row, numeric, strict=True)
        yield f"<tr>{''.join(_cell(cell, right) for cell, right in cells)}</tr>\n"
    yield "</tbody></table>"


def _wide(title: str) -> str:
    """Begin what scrolls sideways by itself; without a mouse, once it has the focus."""
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{_text(title)}">\n'
    )


def _cell(cell: Cell, right: bool) -> str:
    long = len(cell.text) > _LONG and " " in cell.text
    kind = "number" if right else "long" if long else "name"
    value = "" if cell.value is None else f' data-value="{cell.value!r}"'
    bad = " bad" if cell.marked else ""
    more = f" <small>({_text(cell.more)})</small>" if cell.more else ""
    return f'<td class="{kind}{bad}"{value}>{_text(cell.text)}{more}</td>'


def _outputs(outputs: Sequence[Output]) -> Iterator[str]:
    """Yield what is read rarely, folded; many of them in one fold."""
    if len(outputs) > 1:
        yield f"<details><summary>{len(outputs)} outputs</summary>\n"
    for output in outputs:
        yield f"<details><summary>{_text(output.title)}</summary>"
        text = escape(printable(output.text, lines=True))
        yield f'<pre tabindex="0">{text}</pre></details>\n'
    if len(outputs) > 1:
        yield "</details>\n"


def _text(text: str) -> str:
    return escape(printable(text))


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
