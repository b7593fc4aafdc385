"""The Large Movie Review Dataset, as archive or extracted folder -> samples.

Order in every split: train before unsup, then by the number of the review, then neg
before pos. It is the same for the archive and the folder, and labels alternate.

Reference:
    Maas et al. 2011, Learning Word Vectors for Sentiment Analysis, ACL.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from tfsent.data.archives import members
from tfsent.data.compressed import inner_suffix
from tfsent.data.file_source import Source, file_facts
from tfsent.data.samples import Columns, Label, Sample, decode, to_label

_REVIEW = re.compile(r"(?:^|/)(train|test)/(neg|pos|unsup)/([0-9]+)_([0-9]+)\.txt$")
_FOLDERS = ("train/neg", "train/pos", "train/unsup", "test/neg", "test/pos")
_VAL_STEP = 100

STARS = "stars"
"""Label key of a review's stars, 1 to 10; any other gives 1 for a positive review."""


class _Review(NamedTuple):
    """Where a review is found; its fields sort as its split is ordered."""

    group: str
    """train, unsup or test."""
    number: int
    label: str
    """neg, pos or unsup."""
    stars: int
    """1 to 10, by the name of its file; of unsup 0."""
    name: str
    offset: int = 0
    size: int = -1


def _is_val(review: _Review) -> bool:
    return review.group == "train" and review.number % _VAL_STEP == 0


def _is_language_train(review: _Review) -> bool:
    return review.group != "test" and not _is_val(review)


def _in_group(group: str) -> Callable[[_Review], bool]:
    return lambda review: review.group == group


LANGUAGE = {
    "train": _is_language_train,
    "val": _is_val,
    "test": _in_group("test"),
}
"""Language-model splits: unsup and train but for every hundredth, that, and test."""

LABELLED = {"train": _in_group("train"), "test": _in_group("test")}
"""Splits in which every review has a label."""

SELECTABLE = {**LABELLED, "unsup": _in_group("unsup"), "val": _is_val}
"""What `imdb:SPLIT` can name where text alone is wanted."""


class ImdbSource(Source):
    """The reviews, from `aclImdb_v1.tar.gz` or the folder extracted from it.

    The archive is read once; the reviews then lie in a temporary file without a
    name, 131 MB, until the source is dropped.
    """

    def __init__(
        self,
        name: str,
        path: Path,
        splits: dict[str, Callable[[_Review], bool]],
        columns: Columns,
    ) -> None:
        """Keep the place; nothing is read.

        Args:
            name: What the user called it.
            path: The archive or the folder that holds train/ and test/.
            splits: `LANGUAGE`, `LABELLED` or `SELECTABLE`.
            columns: Its labels, if any, are taken from the names of folders or, where
                they are `STARS`, of files.
        """
        super().__init__(name, tuple(splits))
        self._path = path
        self._rules = splits
        self._columns = columns
        self._found: list[_Review] | None = None
        self._spool: BinaryIO | None = None

    def identity(self) -> dict[str, Any]:
        """Return path, size and time of the archive, or of all files by one hash."""
        paths = [self._path]
        if self._path.is_dir():
            paths = [Path(review.name) for review in self._reviews()]
        return {
            "kind": "imdb",
            "columns": self._columns.facts(),
            "splits": list(self.splits),
            "files": file_facts(paths),
        }

    def _read(self, split: str | None) -> Iterator[Sample]:
        assert split is not None
        rule = self._rules[split]
        for review in self._reviews():
            if rule(review):
                text = decode(self._bytes(review), review.name, self._columns)
                yield Sample(text, self._label(review))

    def _label(self, review: _Review) -> Label:
        if not self._columns.labels:
            return None
        value = review.stars if self._columns.labels == (STARS,) else None
        if value is None:
            value = review.label == "pos"
        return to_label([value], review.name, self._columns)

    def _bytes(self, review: _Review) -> bytes:
        if self._spool is None:
            return Path(review.name).read_bytes()
        # pread: two iterations over the same source do not move each other.
        return os.pread(self._spool.fileno(), review.size, review.offset)

    def _reviews(self) -> list[_Review]:
        if self._found is None:
            if self._path.is_dir():
                self._found = sorted(_folder_reviews(self._path))
            else:
                self._spool, found = _spool_archive(self._path)
                self._found = sorted(found)
        return self._found


def is_imdb_folder(path: Path) -> bool:
    """Return whether a folder is laid out as `aclImdb` is."""
    return any((path / folder).is_dir() for folder in _FOLDERS)


def is_imdb_archive(path: Path) -> bool:
    """Return whether the first file of a tar archive lies in `aclImdb`.

    Raises:
        ValueError: If it is damaged or no tar archive.
    """
    if inner_suffix(path) != ".tar":
        return False
    first = next(members(path), ("", None))[0]
    return first.removeprefix("./").startswith("aclImdb/")


def _review(name: str, offset: int = 0, size: int = -1) -> _Review | None:
    match = _REVIEW.search(name)
    if match is None:
        return None
    group, label, number, stars = match.groups()
    if label == "unsup":
        group = label
    return _Review(group, int(number), label, int(stars), name, offset, size)


def _folder_reviews(path: Path) -> Iterator[_Review]:
    for folder in _FOLDERS:
        if (path / folder).is_dir():
            for entry in os.scandir(path / folder):
                review = _review(Path(entry.path).absolute().as_posix())
                if review is not None:
                    yield review


def _spool_archive(path: Path) -> tuple[BinaryIO, list[_Review]]:
    spool = tempfile.TemporaryFile()
    found = []
    offset = 0
    for name, file in members(path):
        review = _review(name, offset)
        if review is not None:
            size = spool.write(file.read())
            found.append(review._replace(size=size))
            offset += size
    spool.flush()
    return spool, found
