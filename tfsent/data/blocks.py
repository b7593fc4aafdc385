"""A source in portions that any process can read by itself, in the source's order.

Of lines in a plain file a block is where they stand; lines that are compressed come
with it, and so do the texts of every other format.
"""

from __future__ import annotations

import io
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, cast

from tfsent.data.compressed import inner_suffix
from tfsent.data.readers import BOM, read_samples
from tfsent.data.samples import Columns

BLOCK_BYTES = 2**20
"""Text of a block for one who cleans it: it takes some 10 ms, a hundred times what
handing it over costs."""

BLOCK_TEXTS = 4096
"""Most texts of a block that brings them along."""

LINE_FORMATS = (".txt", ".jsonl", ".ndjson")
"""Suffixes of the formats that may be cut behind any line."""


class BlockFault(ValueError):
    """A text in a block that cannot be read; its line is counted from the block's."""


class Place(NamedTuple):
    """Where a block begins in a source."""

    part: int = 0
    """Number of the file."""
    offset: int = 0
    """Bytes of its text before the block; of what is not cut at lines, samples."""


@dataclass(frozen=True)
class Block(ABC):
    """Consecutive samples of one file."""

    name: str
    """The file, as errors quote it."""
    begin: Place
    """Where it begins."""
    after: Place
    """Where the next one does."""

    def texts(self) -> list[str]:
        """Return the texts.

        Raises:
            BlockFault: If one cannot be read.
        """
        try:
            return list(self._texts())
        except ValueError as error:
            raise BlockFault(str(error)) from None

    @abstractmethod
    def _texts(self) -> Iterable[str]:
        """Return the texts; raise ValueError at one that cannot be read."""


@dataclass(frozen=True)
class Texts(Block):
    """Texts that come with the block."""

    held: tuple[str, ...]

    def _texts(self) -> Iterable[str]:
        return self.held


@dataclass(frozen=True)
class Lines(Block):
    """Lines that come with the block."""

    columns: Columns
    raw: bytes

    def _texts(self) -> Iterable[str]:
        return _texts_of(self.raw, self, self.columns)


@dataclass(frozen=True)
class LinesOnDisk(Block):
    """Lines in a plain file; whoever reads them opens it."""

    columns: Columns

    def _texts(self) -> Iterable[str]:
        with open(self.name, "rb") as file:
            file.seek(self.begin.offset)
            raw = file.read(self.after.offset - self.begin.offset)
        return _texts_of(raw, self, self.columns)


def _texts_of(raw: bytes, block: Block, columns: Columns) -> Iterator[str]:
    if block.begin.offset:
        # A reader takes the mark of byte order off the first line it sees, which is
        # the file's first one here only: it is given one to take.
        raw = BOM + raw
    stream = cast(io.BufferedReader, io.BytesIO(raw))  # Lines are all that is read.
    return (sample.text for sample in read_samples(stream, block.name, columns))


def has_lines(name: str) -> bool:
    """Return whether a file of that name may be cut behind any line."""
    return inner_suffix(name) in LINE_FORMATS


def blocks_of_lines(
    stream: io.BufferedReader, name: str, begin: Place, columns: Columns, size: int
) -> Iterator[Block]:
    """Yield the rest of a stream of lines; a line is never cut.

    Args:
        stream: The text, decompressed; at its start.
        name: Path; without a suffix of a compression blocks say where their lines
            stand, else they bring them along.
        begin: Where to begin.
        columns: What to take of each line.
        size: Bytes of a block, give or take a line.
    """
    columns = columns._replace(labels=())
    if isinstance(stream.raw, io.FileIO):
        for after in _line_ends(stream, begin, size):
            yield LinesOnDisk(name, begin, after, columns)
            begin = after
        return
    _skip(stream, begin.offset)
    while raw := stream.read(size):
        raw += b"" if raw.endswith(b"\n") else stream.readline()
        after = begin._replace(offset=begin.offset + len(raw))
        yield Lines(name, begin, after, columns, raw)
        begin = after


def _line_ends(
    stream: io.BufferedReader, begin: Place, block_bytes: int
) -> Iterator[Place]:
    """Yield where the blocks of a plain file end; little of it is read."""
    size = os.fstat(stream.fileno()).st_size
    stop = begin.offset
    while stop < size:
        stop += block_bytes
        if stop >= size:
            stop = size
        else:
            stream.seek(stop - 1)
            stop += len(stream.readline()) - 1
        yield begin._replace(offset=stop)


def _skip(stream: io.BufferedReader, count: int) -> None:
    while count and (passed := len(stream.read(min(count, BLOCK_BYTES)))):
        count -= passed


def blocks_of_texts(
    texts: Iterable[str], name: str, begin: Place, size: int
) -> Iterator[Block]:
    """Yield the rest of the texts of a file, or of what else is read in one go.

    Args:
        texts: All of them.
        name: What errors call it.
        begin: Where to begin.
        size: Characters of a block, give or take a text.
    """
    held: list[str] = []
    length = 0
    for text in islice(texts, begin.offset, None):
        held.append(text)
        length += len(text)
        if length >= size or len(held) >= BLOCK_TEXTS:
            block = _held(held, name, begin)
            yield block
            begin, held, length = block.after, [], 0
    if held:
        yield _held(held, name, begin)


def _held(held: list[str], name: str, begin: Place) -> Texts:
    after = begin._replace(offset=begin.offset + len(held))
    return Texts(name, begin, after, tuple(held))
