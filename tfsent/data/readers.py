"""A stream of csv, tsv, json, jsonl, parquet or plain text -> samples.

Every reader streams: memory stays constant, whatever the size of the file. What
cannot be read is one `ValueError` that names the file and the row.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import ijson
import orjson

from tfsent.data.compressed import inner_suffix
from tfsent.data.parquet import read_parquet
from tfsent.data.samples import Columns, Sample, decode, positions, shown, to_label

BOM = b"\xef\xbb\xbf"
"""Mark of byte order, which may stand before a file's first line."""

_FIELD_BYTES = 2**31 - 1

Reader = Callable[[BinaryIO, str, Columns], Iterator[Sample]]


def read_samples(
    stream: io.BufferedReader, name: str, columns: Columns
) -> Iterator[Sample]:
    """Yield the samples of a stream, by the format that its name tells.

    A null text in json or parquet is an empty one, as an empty field in csv is, so
    that rows keep their places. Plain text holds one sample a line.

    Args:
        stream: The bytes, decompressed.
        name: Path or member name; its suffix tells the format, errors quote it.
        columns: What to take.

    Yields:
        Sample, in the order of the rows.

    Raises:
        ValueError: If the format is unknown, or at the first row that cannot be
            read.
    """
    suffix = inner_suffix(name)
    if suffix not in READERS:
        raise ValueError(
            f"{name} has no known format; a name ending in {', '.join(READERS)} (with "
            ".gz or .zst behind it, if compressed) will do."
        )
    return READERS[suffix](stream, name, columns)


def _lines(stream: BinaryIO, name: str, columns: Columns) -> Iterator[str]:
    """Yield lines with their ends; only a line feed ends one."""
    offset = 0
    for number, raw in enumerate(stream, 1):
        if number == 1 and raw.startswith(BOM):
            raw, offset = raw[len(BOM) :], len(BOM)
        yield decode(raw, f"{name}, line {number}", columns, offset)
        offset += len(raw)


def read_lines(stream: BinaryIO, name: str, columns: Columns) -> Iterator[Sample]:
    """Yield each line as one sample; an empty line is an empty text.

    Raises:
        ValueError: At a line that is not UTF-8, if the policy is 'error'.
    """
    _refuse_labels(name, columns)
    for line in _lines(stream, name, columns):
        yield Sample(line.removesuffix("\n").removesuffix("\r"))


def read_whole(stream: BinaryIO, name: str, columns: Columns) -> Iterator[Sample]:
    """Yield the whole stream as one sample.

    Raises:
        ValueError: If it is not UTF-8 and the policy is 'error'.
    """
    _refuse_labels(name, columns)
    raw = stream.read()
    offset = len(BOM) if raw.startswith(BOM) else 0
    yield Sample(decode(raw[offset:], name, columns, offset))


def _refuse_labels(name: str, columns: Columns) -> None:
    if columns.labels:
        raise ValueError(
            f"{name} is plain text and holds no label; csv, tsv, json, jsonl or "
            "parquet will do."
        )


def _read_csv(stream: BinaryIO, name: str, columns: Columns) -> Iterator[Sample]:
    # The standard library's reader, not pyarrow's: a field may be of any length,
    # a line break or NUL may stand in it, and it knows the line it is at.
    csv.field_size_limit(_FIELD_BYTES)
    delimiter = "\t" if inner_suffix(name) == ".tsv" else ","
    rows = csv.reader(_lines(stream, name, columns), delimiter=delimiter, strict=True)
    try:
        header = next(rows, None)
        if header is None:
            return
        text_at, *labels_at = positions(header, name, columns)
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise ValueError(
                    f"{name}, line {rows.line_num}: {len(row)} fields where the "
                    f"header has {len(header)}; quote text that holds the delimiter."
                )
            label = None
            if labels_at:
                where = f"{name}, line {rows.line_num}"
                label = to_label([row[at] for at in labels_at], where, columns)
            yield Sample(row[text_at], label)
    except csv.Error as error:
        raise ValueError(f"{name}, line {rows.line_num}: {error}.") from error


def _read_jsonl(stream: BinaryIO, name: str, columns: Columns) -> Iterator[Sample]:
    wanted = (columns.text, *columns.labels)
    offset = 0
    for number, raw in enumerate(stream, 1):
        line = raw.removeprefix(BOM) if number == 1 else raw
        if line.strip():
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError:
                where = f"{name}, line {number}"
                row = _loads_lenient(decode(line, where, columns, offset), where)
            yield _keyed(row, wanted, f"{name}, line {number}", columns)
        offset += len(raw)


def _loads_lenient(line: str, where: str) -> Any:
    """Read what orjson refuses and others write: half surrogates, NaN, big numbers."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where}: broken json ({error}).") from None


def _keyed(row: Any, wanted: Sequence[str], where: str, columns: Columns) -> Sample:
    if not isinstance(row, dict):
        raise ValueError(f"{where}: a json object is needed, not {shown(row)}.")
    for place, key in enumerate(wanted):
        if key not in row:
            setting = "data.label_key" if place else "data.text_key"
            raise ValueError(
                f"{where}: {setting} {key!r} is not a key of the object; it has "
                f"{', '.join(map(repr, row))}."
            )
    text = row[columns.text]
    if not isinstance(text, str):
        if text is not None:
            raise ValueError(
                f"{where}: {columns.text!r} holds {shown(text)}, no text; choose "
                "another data.text_key."
            )
        text = ""
    if not columns.labels:
        return Sample(text)
    return Sample(text, to_label([row[key] for key in columns.labels], where, columns))


def _read_json(stream: BinaryIO, name: str, columns: Columns) -> Iterator[Sample]:
    """Read an array of objects; a file that begins with an object has one a line."""
    assert isinstance(stream, io.BufferedReader)
    start = stream.peek(1)
    if start.startswith(BOM):
        stream.read(len(BOM))
        start = stream.peek(1)
    if not start:
        return
    if start.lstrip().startswith(b"{"):
        yield from _read_jsonl(stream, name, columns)
        return
    source = stream if columns.invalid_utf8 == "error" else _Replaced(stream)
    wanted = (columns.text, *columns.labels)
    rows = _array_rows(ijson.basic_parse(source, use_float=True), wanted, name)
    number = 0
    while True:
        number += 1
        where = f"{name}, object {number}"
        try:
            row = next(rows, None)
        except ijson.JSONError as error:
            told = str(error).split("\n", 1)[0].strip()
            raise ValueError(
                f"{where}: broken json or not UTF-8 ({told}); data.invalid_utf8 "
                "replace repairs the latter."
            ) from error
        if row is None:
            return
        yield _keyed(row, wanted, where, columns)


def _array_rows(events: Iterator, wanted: Sequence[str], name: str) -> Iterator[dict]:
    """Yield the objects of an array; of each, its keys, with values if wanted.

    Works on single events: ijson's own builder names the path to every value, which
    at a depth of 100,000 took all the memory there was.
    """
    depth = 0
    key = ""
    row: dict[str, Any] = {}
    for event, value in events:
        opens = event in ("start_map", "start_array")
        if depth == 0 and event != "start_array":
            raise ValueError(f"{name} holds no json array of objects.")
        if depth == 1 and event not in ("start_map", "end_array"):
            raise ValueError(f"{name} holds something else than objects in its array.")
        if opens and depth == 1:
            row = {}
        elif event == "map_key" and depth == 2:
            key = value
            row[key] = None
        elif depth == 2 and event != "end_map" and key in wanted:
            row[key] = [] if opens else value
        depth += opens
        if event in ("end_map", "end_array"):
            depth -= 1
            if depth == 1:
                yield row


class _Replaced:
    """A stream with U+FFFD for whatever is not UTF-8."""

    def __init__(self, stream: BinaryIO) -> None:
        self._text = io.TextIOWrapper(stream, "utf-8", "replace", newline="")

    def read(self, size: int = -1) -> bytes:
        return self._text.read(size).encode("utf-8")


READERS: Mapping[str, Reader] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".json": _read_json,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": read_parquet,
    ".pq": read_parquet,
    ".txt": read_lines,
}
"""Reader by suffix."""
