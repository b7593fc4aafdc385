"""What a user calls a source -> the source: one reader for files, sets and pipes."""

from __future__ import annotations

import glob
import hashlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from tfsent.config import DataConfig
from tfsent.data import imdb, named_sets
from tfsent.data.byte_shards import ByteShards, is_prepared, open_prepared
from tfsent.data.compressed import inner_suffix
from tfsent.data.file_source import (
    EmptySourceError,
    FileSource,
    OneSplit,
    Part,
    Source,
    folder_parts,
    natural_key,
)
from tfsent.data.placement import SPLITS, place
from tfsent.data.readers import READERS, read_lines
from tfsent.data.samples import Columns, Sample
from tfsent.data.text_rules import BACK, FRONT

__all__ = ["EmptySourceError", "Sample", "Source", "open_source"]

NAMES = ("builtin", *named_sets.NAMES)
"""Names that stand for a set; a file of that name is written ./NAME."""

_BUILTIN_SHARES = (90, 5, 5)
_BUILTIN_SEED = 0
_COPY_BYTES = 2**20


def open_source(
    spec: str,
    config: DataConfig,
    *,
    want_labels: bool = False,
    setting: str = "data.source",
) -> Source:
    """Return the source that a user named; little is read before its samples are.

    - `-`: standard input, one text a line.
    - A name in `NAMES`, or `NAME:SPLIT`.
    - A file: csv, tsv, json (an array of objects, or one object a line), jsonl,
      parquet, txt (one sample a line), each plain, .gz or .zst; a tar archive of
      such files (a .txt in it is one sample), in its order; the IMDB archive.
    - A folder of such files, read in natural order (a .txt in it is one sample);
      files or subfolders called train, val, test are its splits, so `FOLDER:val`
      works; the extracted IMDB folder; a folder that `scripts/prepare.py` wrote.
    - A glob, or several of these files with commas between them.

    A path that exists is that path, whatever colons, commas or stars are in it.

    Args:
        spec: What the user wrote.
        config: Keys, root, cache and the policy for bytes that are not UTF-8.
        want_labels: Samples shall have labels. A bare name then means its labelled
            splits, else its language-model splits.
        setting: Which setting named the source, for errors.

    Raises:
        ValueError: If there is nothing of that name, or it has no such split.
    """
    if spec == "-":
        if want_labels:
            raise ValueError(
                f"{setting} is '-', plain text without labels; a file will do."
            )
        return StdinSource(sys.stdin.buffer, named_sets.columns_of(config, False))
    base, _, split = spec.rpartition(":")
    if spec in NAMES:
        return _open_name(spec, None, config, want_labels, setting)
    if base in NAMES:
        return _open_name(base, split, config, want_labels, setting)
    found = _open_paths(spec, None, config, want_labels)
    if found is None and base:
        found = _open_paths(base, split, config, want_labels)
    if found is None:
        raise ValueError(
            f"{setting} is {spec!r}, which does not exist; a file, folder, glob, "
            f"archive, '-' or one of {', '.join(NAMES)} will do."
        )
    return found


def _open_name(
    name: str, split: str | None, config: DataConfig, want_labels: bool, setting: str
) -> Source:
    if name == "builtin":
        source = BuiltinSource(named_sets.columns_of(config, want_labels))
        return source if split is None else OneSplit(source, split)
    return named_sets.open_named(
        name, split, config, want_labels=want_labels, setting=setting
    )


def _open_paths(
    spec: str, split: str | None, config: DataConfig, want_labels: bool
) -> Source | None:
    path = Path(spec).expanduser()
    source: Source
    if path.is_dir() and imdb.is_imdb_folder(path) or _is_imdb_file(path):
        return named_sets.open_imdb(spec, path, split, config, want_labels=want_labels)
    if path.is_dir() and is_prepared(path):
        if want_labels:
            raise ValueError(f"{spec} holds prepared text, which has no labels.")
        source = PreparedSource(spec, path)
    else:
        columns = named_sets.columns_of(config, want_labels)
        parts = _list_parts(spec, path)
        if parts is None:
            return None
        source = FileSource(spec, parts, columns)
    return source if split is None else OneSplit(source, split)


def _is_imdb_file(path: Path) -> bool:
    return path.is_file() and imdb.is_imdb_archive(path)


def _list_parts(spec: str, path: Path) -> dict[str | None, list[Part]] | None:
    if path.is_dir():
        return folder_parts(path)
    if path.exists():
        return {None: [_file_part(path)]}
    paths: list[Path] = []
    for piece in spec.split(","):
        piece = str(Path(piece.strip()).expanduser())
        found = [Path(name) for name in glob.glob(piece, recursive=True)]
        files = sorted((name for name in found if name.is_file()), key=natural_key)
        if not files:
            return None
        paths += files
    return {None: [_file_part(path) for path in paths]}


def _file_part(path: Path) -> Part:
    if inner_suffix(path) not in (*READERS, ".tar"):
        raise ValueError(
            f"{path} has no known format; a name ending in {', '.join(READERS)} or "
            ".tar (with .gz or .zst behind it, if compressed) will do."
        )
    return Part(path)


class StdinSource(Source):
    """The lines of a pipe, copied to a temporary file to be read more than once."""

    def __init__(self, pipe: BinaryIO, columns: Columns) -> None:
        """Read the pipe to its end.

        Args:
            pipe: Bytes; one text a line.
            columns: Holds the policy for bytes that are not UTF-8.
        """
        super().__init__("-")
        self._columns = columns
        self._spool = tempfile.TemporaryFile()
        digest = hashlib.sha256()
        while chunk := pipe.read(_COPY_BYTES):
            digest.update(chunk)
            self._spool.write(chunk)
        self._sha256 = digest.hexdigest()

    def identity(self) -> dict[str, Any]:
        """Return the hash of the content."""
        return {"kind": "stdin", "sha256": self._sha256}

    def _read(self, split: str | None) -> Iterator[Sample]:
        self._spool.seek(0)
        yield from read_lines(self._spool, "standard input", self._columns)


class BuiltinSource(Source):
    """The generated reviews, placed 90 : 5 : 5 in train, val and test."""

    def __init__(self, columns: Columns) -> None:
        """Keep what is wanted; nothing is generated yet.

        Args:
            columns: Whether labels are wanted (1.0 positive, 0.0 negative).
        """
        super().__init__("builtin", SPLITS)
        self._labelled = bool(columns.labels)

    def identity(self) -> dict[str, Any]:
        """Return the version of the generator and the split rule."""
        from tfsent.data.corpus import CORPUS_VERSION

        return {
            "kind": "builtin",
            "version": CORPUS_VERSION,
            "seed": _BUILTIN_SEED,
            "shares": list(_BUILTIN_SHARES),
        }

    def _read(self, split: str | None) -> Iterator[Sample]:
        from tfsent.data.corpus import reviews

        for index, review in enumerate(reviews(seed=_BUILTIN_SEED)):
            if place(index, _BUILTIN_SEED, _BUILTIN_SHARES) == split:
                label = float(review.label) if self._labelled else None
                yield Sample(review.text, label)


class PreparedSource(Source):
    """The texts of a prepared folder, without their padding.

    They have been cleaned once. Cleaning them again changes none but those whose
    entities were escaped twice; `shards.prepare` reads such a folder as it is.
    """

    def __init__(self, name: str, folder: Path) -> None:
        """Open the folder.

        Args:
            name: What the user called it.
            folder: Holds train/ and perhaps val/ and test/.

        Raises:
            ValueError: If it is unsound.
        """
        self._shards: dict[str, ByteShards] = open_prepared(folder)
        super().__init__(name, tuple(self._shards))

    def identity(self) -> dict[str, Any]:
        """Return the fingerprints of its splits."""
        prints = {split: each.fingerprint for split, each in self._shards.items()}
        return {"kind": "prepared", "fingerprints": prints}

    def _read(self, split: str | None) -> Iterator[Sample]:
        assert split is not None
        for sample in self._shards[split].samples():
            text = sample.tobytes().decode("utf-8")
            yield Sample(text.removeprefix(FRONT).removesuffix(BACK))
