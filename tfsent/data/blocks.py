"""A source in portions that any process can read by itself, in the source's order.

Of lines in a plain file, and of files that are one text each, a block is where they
stand; lines that are compressed come with it, and so do the texts of other formats.
"""

from __future__ import annotations

import io
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple, cast

import numpy as np

from tfsent.data.compressed import inner_suffix, open_bytes
from tfsent.data.readers import BOM, read_samples, read_whole
from tfsent.data.samples import Columns

BLOCK_BYTES = 2**20
"""Text of a block for one who cleans it: it takes some 10 ms, a hundred times what
handing it over costs."""

BLOCK_TEXTS = 4096
"""Most texts of a block: what is made of them, such as features, is bounded too."""

LINE_FORMATS = (".txt", ".jsonl", ".ndjson")
"""Suffixes of the formats that may be cut behind any line."""


class BlockFault(ValueError):
    """A text in a block that cannot be read.

    Args:
        told: What is wrong; lines are counted from the block's first one.
        part: Number of the file.
    """

    def __init__(self, told: str, part: int):
        super().__init__(told, part)
        self.part = part

    def __str__(self) -> str:
        return str(self.args[0])


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
            told = str(error)
            if self.begin.offset:
                told += f" Counted from place {self.begin.offset} of the file."
            raise BlockFault(told, self.begin.part) from None

    def keys(self, count: int, first: int) -> tuple[list[str], range | list[int]]:
        """Return the file of each text, and which text of it that is.

        Args:
            count: Texts in the block.
            first: Texts of the file before the block.
        """
        return [self.name] * count, range(first, first + count)

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
    """Lines that come with the block, or that whoever reads them finds in a file."""

    columns: Columns
    raw: bytes | None = None
    """The lines. Default: they stand in the file of this name, as it is on disk."""

    def _texts(self) -> Iterable[str]:
        raw = self._read() if self.raw is None else self.raw
        if self.begin.offset:
            # A reader takes the mark of byte order off the first line it sees, which
            # is the file's first one here only: it is given one to take.
            raw = BOM + raw
        stream = cast(io.BufferedReader, io.BytesIO(raw))  # Lines are all that is read.
        return (s.text for s in read_samples(stream, self.name, self.columns))

    def _read(self) -> bytes:
        length = self.after.offset - self.begin.offset
        with open(self.name, "rb") as file:
            file.seek(self.begin.offset)
            raw = file.read(length)
        if len(raw) != length:
            raise OSError(f"{self.name} became shorter while it was read.")
        return raw


@dataclass(frozen=True)
class WholeFiles(Block):
    """Files that are one text each; whoever reads them opens them."""

    columns: Columns
    paths: tuple[str, ...]

    def keys(self, count: int, first: int) -> tuple[list[str], list[int]]:
        """Return the files; each holds one text."""
        return list(self.paths), [0] * count

    def _texts(self) -> Iterable[str]:
        for path in self.paths:
            with open_bytes(path) as stream:
                for sample in read_whole(stream, path, self.columns):
                    yield sample.text


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
    plain = isinstance(stream.raw, io.FileIO)
    if plain:
        stream.seek(begin.offset)
    else:
        _skip(stream, begin.offset)
    rest = b""
    while raw := rest or stream.read(size):
        if not raw.endswith(b"\n"):
            raw += stream.readline()
        raw, rest = _at_most(BLOCK_TEXTS, raw)
        after = begin._replace(offset=begin.offset + len(raw))
        yield Lines(name, begin, after, columns, None if plain else raw)
        begin = after


def _at_most(count: int, raw: bytes) -> tuple[bytes, bytes]:
    """Return so many lines, and the rest."""
    if raw.count(b"\n") <= count:
        return raw, b""
    ends = np.flatnonzero(np.frombuffer(raw, np.uint8) == ord("\n"))
    end = int(ends[count - 1]) + 1
    return raw[:end], raw[end:]


def _skip(stream: io.BufferedReader, count: int) -> None:
    while count and (passed := len(stream.read(min(count, BLOCK_BYTES)))):
        count -= passed


def blocks_of_files(
    paths: Sequence[str], begin: Place, columns: Columns, size: int
) -> Iterator[Block]:
    """Yield files that are one text each, many small ones at a time.

    Args:
        paths: The files.
        begin: Number of the first one.
        columns: How strictly to read.
        size: Bytes of a block, as they are on disk, give or take a file.
    """
    columns = columns._replace(labels=())
    held: list[str] = []
    length = 0
    for number, path in enumerate(paths, 1):
        held.append(path)
        length += os.stat(path).st_size
        if length >= size or len(held) >= BLOCK_TEXTS or number == len(paths):
            after = Place(begin.part + len(held))
            yield WholeFiles(held[0], begin, after, columns, tuple(held))
            begin, held, length = after, [], 0


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
