"""Rows of features -> a .npy, .safetensors or .parquet file, never all in memory.

Axes: N texts, F columns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tfsent.checkpoint import atomic
from tfsent.path_errors import naming
from tfsent.transfer.feature_cache import npy_header

Chunks = Iterable[np.ndarray]


def write_features(
    path: Path, chunks: Chunks, shape: tuple[int, int], feature: str
) -> None:
    """Write features to a file; whole or not at all.

    Args:
        path: Its suffix says what: .npy, the array; .safetensors, the tensor
            "features"; .parquet, one row a text, column "features" of lists.
        chunks: float32[.., F] each, N rows in all.
        shape: N and F.
        feature: Its name, kept in the metadata of .safetensors and .parquet.

    Raises:
        ValueError: If the suffix is another, or the rows are not N.
        OSError: If the disk refuses; names the file.
    """
    check_suffix(path)
    WRITERS[path.suffix](path, _counted(chunks, shape), shape, feature)


def check_suffix(path: Path) -> None:
    """Raise a ValueError unless a file of that name can be written."""
    if path.suffix not in WRITERS:
        raise ValueError(
            f"{path} has no known format; a name ending in {', '.join(WRITERS)} "
            "will do."
        )


def _counted(chunks: Chunks, shape: tuple[int, int]) -> Iterator[np.ndarray]:
    rows = 0
    for chunk in chunks:
        rows += len(chunk)
        yield np.ascontiguousarray(chunk, "<f4")
    if rows != shape[0]:
        raise ValueError(f"there are {rows} rows of features; {shape[0]} were said.")


def _npy(path: Path, chunks: Chunks, shape: tuple[int, int], feature: str) -> None:
    atomic.replace_file(path, _joined(npy_header(*shape), chunks))


def _safetensors(
    path: Path, chunks: Chunks, shape: tuple[int, int], feature: str
) -> None:
    rows, columns = shape
    facts = {
        "__metadata__": {"feature": feature},
        "features": {
            "dtype": "F32",
            "shape": [rows, columns],
            "data_offsets": [0, rows * columns * 4],
        },
    }
    text = json.dumps(facts).encode()
    text += b" " * (-len(text) % 8)
    atomic.replace_file(path, _joined(len(text).to_bytes(8, "little") + text, chunks))


def _joined(head: bytes, chunks: Chunks) -> Iterator[atomic.Chunk]:
    yield head
    for chunk in chunks:
        if chunk.size:
            yield chunk.data


def _parquet(path: Path, chunks: Chunks, shape: tuple[int, int], feature: str) -> None:
    rows = pa.list_(pa.float32(), shape[1])
    schema = pa.schema([("features", rows)], metadata={"feature": feature})
    draft = atomic.temporary_path(path)
    try:
        with naming(path, always=True), pq.ParquetWriter(draft, schema) as writer:
            for chunk in chunks:
                flat = pa.array(chunk.reshape(-1))
                column = pa.FixedSizeListArray.from_arrays(flat, shape[1])
                writer.write_batch(pa.record_batch([column], schema=schema))
        atomic.take_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)


WRITERS: dict[str, Callable[[Path, Chunks, tuple[int, int], str], None]] = {
    ".npy": _npy,
    ".safetensors": _safetensors,
    ".parquet": _parquet,
}
"""The formats by their suffix."""
