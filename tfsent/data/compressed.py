"""A file, plain or compressed (.gz, .zst) -> the stream of bytes inside."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import zstandard

_BUFFER_BYTES = 2**16


def inner_suffix(name: str | PurePath) -> str:
    """Return the suffix, in lower case, that a name has without .gz or .zst.

    Example:
        >>> inner_suffix("reviews.CSV.gz")
        '.csv'
    """
    path = PurePath(name)
    if path.suffix.lower() == ".tgz":
        return ".tar"
    if path.suffix.lower() in (".gz", ".zst"):
        path = PurePath(path.stem)
    return path.suffix.lower()


@contextmanager
def open_bytes(path: str | Path) -> Iterator[io.BufferedReader]:
    """Open a file and give the bytes inside it, decompressed as they are read.

    Args:
        path: The file; .gz, .tgz and .zst are decompressed, the rest is plain.

    Yields:
        The stream, buffered and read-only.

    Raises:
        ValueError: While reading, if compressed content is damaged or cut short.
        OSError: If the file cannot be opened or read.
    """
    with open(path, "rb") as file, decompressed(file, str(path)) as stream:
        yield stream


@contextmanager
def decompressed(file: BinaryIO, name: str) -> Iterator[io.BufferedReader]:
    """Give the bytes inside `file`, whose `name` tells how it is compressed.

    Yields:
        The stream, buffered and read-only.

    Raises:
        ValueError: While reading, if compressed content is damaged or cut short.
    """
    suffix = PurePath(name).suffix.lower()
    stream: Any = file
    if suffix in (".gz", ".tgz"):
        stream = gzip.GzipFile(fileobj=file, mode="rb")
    elif suffix == ".zst":
        stream = _ZstdStream(file)
    if not isinstance(stream, io.BufferedReader):
        stream = io.BufferedReader(stream, _BUFFER_BYTES)
    try:
        yield stream
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise ValueError(
            f"{name} is damaged or cut short ({error}); fetch or write it again."
        ) from error


class _ZstdStream(io.RawIOBase):
    """The content of a .zst file, of one frame or several.

    The reader of the zstandard package takes a file that stops inside a frame for
    a short one; this one raises EOFError, as gzip does.
    """

    # The output of one call is bounded by the input times the largest ratio: a
    # hostile 4 KiB expand to 128 MiB at most.
    _INPUT_BYTES = 4096

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._begun = False
        self._input = b""
        self._output = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def]
        while not self._output:
            if not self._input:
                self._input = self._file.read(self._INPUT_BYTES)
            if not self._input:
                if self._begun:
                    raise EOFError("the compressed text ends inside a frame")
                return 0
            self._begun = True
            self._output = memoryview(self._frame.decompress(self._input))
            self._input = b""
            if self._frame.eof:
                self._input = self._frame.unused_data
                self._frame = zstandard.ZstdDecompressor().decompressobj()
                self._begun = False
        size = min(len(buffer), len(self._output))
        buffer[:size] = self._output[:size]
        self._output = self._output[size:]
        return size
