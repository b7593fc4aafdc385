"""A stream of parquet -> samples, read in batches of rows."""

from __future__ import annotations

import io
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from tfsent.data.samples import Columns, Sample, decode, positions, to_label

_ROWS = 512
"""Rows of a batch: at 1 KB of text a row the rows cost less than the file's pages."""


def read_parquet(stream: BinaryIO, name: str, columns: Columns) -> Iterator[Sample]:
    """Yield the samples of a parquet file, reading the wanted columns alone.

    What cannot be read at random (compressed, inside an archive) is copied to a
    temporary file first.

    Raises:
        ValueError: If it is no sound parquet file, a column is missing or nested, or
            a value cannot be read.
    """
    import pyarrow as pa  # here: 0.2 s that other formats need not wait
    import pyarrow.parquet as pq

    with tempfile.TemporaryFile() as spool:
        if not isinstance(getattr(stream, "raw", None), io.FileIO):
            shutil.copyfileobj(stream, spool)
            stream = spool  # type: ignore[assignment]
        try:
            # iter_batches, not a data set: that one reads ahead without a bound
            # (apache/arrow#39808).
            file = pq.ParquetFile(stream)
            schema = file.schema_arrow
            positions(schema.names, name, columns)
            _refuse_nested(schema, name, columns)
            first = 1
            wanted = list(dict.fromkeys((columns.text, *columns.labels)))
            for batch in file.iter_batches(_ROWS, columns=wanted):
                yield from _batch_samples(batch, first, name, columns)
                first += batch.num_rows
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            told = str(error).split("\n", 1)[0]
            raise ValueError(f"{name} is no sound parquet file ({told}).") from error


def _refuse_nested(schema: Any, name: str, columns: Columns) -> None:
    import pyarrow as pa

    kind = schema.field(columns.text).type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    tests = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_null,
    )
    if not any(test(kind) for test in tests):
        raise ValueError(
            f"data.text_key {columns.text!r} is of type {kind} in {name}; a column of "
            "strings will do."
        )
    for key in columns.labels:
        if pa.types.is_nested(schema.field(key).type):
            raise ValueError(
                f"data.label_key {key!r} is of type {schema.field(key).type} in "
                f"{name}; a column of numbers will do."
            )


def _batch_samples(
    batch: Any, first: int, name: str, columns: Columns
) -> Iterator[Sample]:
    labels = [batch.column(key).to_pylist() for key in columns.labels]
    for at, text in enumerate(_texts(batch.column(columns.text))):
        where = f"{name}, row {first + at}"
        if isinstance(text, bytes):
            text = decode(text, where, columns)
        label = None
        if labels:
            label = to_label([values[at] for values in labels], where, columns)
        yield Sample(text or "", label)


def _texts(column: Any) -> list:
    """Return strings; bytes where the column says string and holds something else."""
    import pyarrow as pa

    try:
        return column.to_pylist()
    except UnicodeDecodeError:
        return column.cast(pa.large_binary()).to_pylist()
