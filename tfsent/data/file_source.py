"""Files, folders and archives -> a source of samples."""

from __future__ import annotations

import hashlib
import json
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from tfsent.data import blocks
from tfsent.data.archives import members
from tfsent.data.blocks import (
    Block,
    BlockFault,
    Place,
    blocks_of_files,
    blocks_of_lines,
    blocks_of_texts,
    has_lines,
)
from tfsent.data.compressed import decompressed, inner_suffix, open_bytes
from tfsent.data.readers import READERS, read_samples, read_whole
from tfsent.data.samples import Columns, Sample

SPLIT_NAMES = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}
"""What files and subfolders of a folder may be called, and the split they are."""

_LISTED = 32

START = Place()
"""The start of a source."""


class EmptySourceError(ValueError):
    """A source or split in which there is no sample."""


class Source(ABC):
    """Samples in a fixed order, with or without splits of their own."""

    def __init__(self, name: str, splits: tuple[str, ...] = ()) -> None:
        self.name = name
        """What the user called it."""
        self.splits = splits
        """Splits that the source itself has; may be empty."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """Return what tells this content from another, as JSON can hold it."""

    @abstractmethod
    def _read(self, split: str | None) -> Iterator[Sample]:
        """Yield the samples of a split that exists, or of all (None)."""

    def samples(self, split: str | None = None) -> Iterator[Sample]:
        """Yield the samples, in the same order every time.

        Args:
            split: One of `splits`. Default: train if there are splits, else all.

        Raises:
            EmptySourceError: At the first sample, if there is none.
            ValueError: If there is no such split; or while reading, with file and
                row, at what cannot be read.
        """
        split = self._known(split)
        return self._some(self._read(split), split)

    def blocks(
        self, split: str | None = None, begin: Place = START, size: int | None = None
    ) -> Iterator[Block]:
        """Yield the texts of a split in portions that any process can read.

        Args:
            split: As for `samples`.
            begin: Where to begin: the `after` of a block of another time.
            size: Bytes of a block, give or take a line. Default: `BLOCK_BYTES`.

        Raises:
            ValueError: As for `samples`; what a block holds is read by whoever takes
                its texts.
        """
        return self._blocks(self._known(split), begin, size or blocks.BLOCK_BYTES)

    def _blocks(self, split: str | None, begin: Place, size: int) -> Iterator[Block]:
        texts = (sample.text for sample in self._read(split))
        return blocks_of_texts(texts, self.name, begin, size)

    @contextmanager
    def faults_told(self, split: str | None) -> Iterator[None]:
        """Tell a fault in a block by its line in the file.

        Raises:
            ValueError: In place of a `BlockFault`, what reading its file from the
                start raises.
        """
        try:
            yield
        except BlockFault as fault:
            for _ in self._read_again(self._known(split), fault.part):
                pass
            raise

    def _read_again(self, split: str | None, part: int) -> Iterator[Sample]:
        """Yield the samples of a part, as blocks count them."""
        return self._read(split)

    def nothing_in(self, split: str | None) -> EmptySourceError:
        """Return the error of a split, or of a whole, without a sample."""
        part = f" in its split {split}" if split else ""
        return EmptySourceError(
            f"{self.name} holds no sample{part}; a source with text will do."
        )

    def _some(self, samples: Iterator[Sample], split: str | None) -> Iterator[Sample]:
        first = next(samples, None)
        if first is None:
            raise self.nothing_in(split)
        yield first
        yield from samples

    def _known(self, split: str | None) -> str | None:
        """Return the split that is meant; refuse one that is not there."""
        if split is None and self.splits:
            split = "train"
        if split is not None and split not in self.splits:
            known = ", ".join(self.splits) or "none of its own"
            raise ValueError(f"{self.name} has no split {split!r}; it has {known}.")
        return split


class OneSplit(Source):
    """One split of a source, as a source without splits."""

    def __init__(self, inner: Source, split: str) -> None:
        super().__init__(f"{inner.name}:{split}")
        inner.samples(split)
        self._inner = inner
        self._split = split

    def identity(self) -> dict[str, Any]:
        """Return the identity of the whole and the name of the split."""
        return {**self._inner.identity(), "only": self._split}

    def _read(self, split: str | None) -> Iterator[Sample]:
        return self._inner.samples(self._split)

    def _blocks(self, split: str | None, begin: Place, size: int) -> Iterator[Block]:
        return self._inner.blocks(self._split, begin, size)

    def _read_again(self, split: str | None, part: int) -> Iterator[Sample]:
        return self._inner._read_again(self._split, part)


class Part(NamedTuple):
    """A file to read."""

    path: Path
    whole: bool = False
    """The file is one sample, whatever lines it has."""


class FileSource(Source):
    """One or several files, perhaps sorted into splits."""

    def __init__(
        self, name: str, parts: Mapping[str | None, list[Part]], columns: Columns
    ) -> None:
        """Keep the list.

        Args:
            name: What the user called it.
            parts: Files by split; under None those of a source without splits.
            columns: What to take from each row.
        """
        super().__init__(name, tuple(split for split in parts if split))
        self._parts = parts
        self._columns = columns

    def identity(self) -> dict[str, Any]:
        """Return path, size and time of every file, and the columns read."""
        return {
            "kind": "files",
            "columns": self._columns.facts(),
            "files": {
                split or "all": file_facts(part.path for part in parts)
                for split, parts in self._parts.items()
            },
        }

    def _read(self, split: str | None) -> Iterator[Sample]:
        for part in self._parts[split]:
            yield from _read_part(part, self._columns)

    def _blocks(self, split: str | None, begin: Place, size: int) -> Iterator[Block]:
        parts = self._parts[split]
        number = begin.part
        while number < len(parts):
            start = begin if number == begin.part else Place(number)
            whole = list(takewhile(_is_whole_text, parts[number:]))
            if whole:
                paths = [str(part.path) for part in whole]
                yield from blocks_of_files(paths, start, self._columns, size)
            else:
                yield from _part_blocks(parts[number], start, self._columns, size)
            number += len(whole) or 1

    def _read_again(self, split: str | None, part: int) -> Iterator[Sample]:
        return _read_part(self._parts[split][part], self._columns)


def _is_whole_text(part: Part) -> bool:
    return part.whole and inner_suffix(part.path) != ".tar"


def _part_blocks(
    part: Part, begin: Place, columns: Columns, size: int
) -> Iterator[Block]:
    name = str(part.path)
    if has_lines(name):
        with open_bytes(part.path) as stream:
            yield from blocks_of_lines(stream, name, begin, columns, size)
    else:
        texts = (sample.text for sample in _read_part(part, columns))
        yield from blocks_of_texts(texts, name, begin, size)


def _read_part(part: Part, columns: Columns) -> Iterator[Sample]:
    if inner_suffix(part.path) == ".tar":
        yield from _read_archive(part.path, columns)
        return
    read = read_whole if part.whole else read_samples
    with open_bytes(part.path) as stream:
        yield from read(stream, str(part.path), columns)


def _read_archive(path: Path, columns: Columns) -> Iterator[Sample]:
    for member, file in members(path):
        suffix = inner_suffix(member)
        if suffix in READERS:
            read = read_whole if suffix == ".txt" else read_samples
            name = f"{path}, member {member}"
            with decompressed(file, name) as stream:
                yield from read(stream, name, columns)


def file_facts(paths: Iterable[Path]) -> Any:
    """Return path, size in bytes and mtime_ns of files; of many, one hash of these."""
    facts = []
    for path in paths:
        status = path.stat()
        facts.append([str(path.absolute()), status.st_size, status.st_mtime_ns])
    if len(facts) <= _LISTED:
        return facts
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
    return {"count": len(facts), "sha256": digest}


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Return a sort key by which 9.txt comes before 10.txt, on every system."""
    return [
        (0, int(piece), "") if piece.isascii() and piece.isdigit() else (1, 0, piece)
        for piece in re.split("([0-9]+)", path.as_posix())
    ]


def folder_parts(folder: Path) -> dict[str | None, list[Part]]:
    """Return the data files below a folder, in natural order, by split.

    A .txt file found in a folder is one sample (a single .txt file has one a line).
    Hidden files and other formats are passed over. If all that lies directly in the
    folder is called train, val or test (or valid, validation, dev), and train is
    there, these are its splits.

    Raises:
        EmptySourceError: If there is no data file.
    """
    groups: dict[Path, list[Part]] = {}
    for top in sorted(folder.iterdir(), key=natural_key):
        found = [] if top.name.startswith(".") else _parts_below(top)
        if found:
            groups[top] = found
    if not groups:
        raise EmptySourceError(
            f"{folder} holds no data file; a name ending in {', '.join(READERS)} "
            "(plain, .gz or .zst) will do."
        )
    names = {top: SPLIT_NAMES.get(top.name.lower().split(".")[0]) for top in groups}
    if "train" not in names.values() or None in names.values():
        return {None: [part for found in groups.values() for part in found]}
    splits: dict[str | None, list[Part]] = {}
    for split in dict.fromkeys(SPLIT_NAMES.values()):
        found = [part for top in groups if names[top] == split for part in groups[top]]
        if found:
            splits[split] = found
    return splits


def _parts_below(top: Path) -> list[Part]:
    paths = [top] if top.is_file() else []
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths += [Path(folder, name) for name in names if not name.startswith(".")]
    paths = [path for path in paths if inner_suffix(path) in READERS]
    return [
        Part(path, whole=inner_suffix(path) == ".txt")
        for path in sorted(paths, key=natural_key)
    ]
