"""Published sets by name: where they lie, how they are fetched, what they hold."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

from tfsent.config import DataConfig
from tfsent.data import imdb
from tfsent.data.cache import cache_folder
from tfsent.data.file_source import FileSource, OneSplit, Part, Source
from tfsent.data.samples import Columns

EMOTIONS = (
    "anger",
    "anticipation",
    "disgust",
    "fear",
    "joy",
    "love",
    "optimism",
    "pessimism",
    "sadness",
    "surprise",
    "trust",
)
"""Label columns of semeval2018, in their order."""

Found = TypeVar("Found")

_IMDB_FILE = "aclImdb_v1.tar.gz"
_TIMEOUT_S = 30


class Download(NamedTuple):
    """A published file."""

    url: str
    sha256: str
    file: str
    """Its name below the cache's folder of downloads."""


_SST = (
    "https://raw.githubusercontent.com/openai/generating-reviews-discovering-sentiment/"
    "83d940d132fbd585deb63b8e3fcb523ea9557683/data/"
)

DOWNLOADS: dict[str, tuple[Download, ...]] = {
    "imdb": (
        Download(
            "https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz",
            "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fe7e008942e91923d1658fe",
            _IMDB_FILE,
        ),
    ),
    # Their publisher states no hashes: these are of a copy that was kept of them.
    "sst": (
        Download(
            f"{_SST}train_binary_sent.csv",
            "6003623bcb35aad3a446a265b8931b7ccab61fcc10f2e9c1fec916ff67c7be35",
            "binary_sst/train_binary_sent.csv",
        ),
        Download(
            f"{_SST}dev_binary_sent.csv",
            "f34c4987fea208fefc2d62a1b42c83a766cbfc7ce58c2a878ef953cf91f01729",
            "binary_sst/dev_binary_sent.csv",
        ),
        Download(
            f"{_SST}test_binary_sent.csv",
            "519cea7ed4d22fe7ec4eccbb3d5ba6d88902a3b15ce129f476aa8364463a9fc7",
            "binary_sst/test_binary_sent.csv",
        ),
    ),
}
"""Sets that can be fetched: those of which a hash is known."""


class _CsvSet(NamedTuple):
    folder: str
    text: str
    labels: tuple[str, ...]
    origin: str
    """Where a user gets it."""


_CSV_SETS = {
    "sst": _CsvSet(
        folder="binary_sst",
        text="sentence",
        labels=("label",),
        origin="the folder data of "
        "github.com/openai/generating-reviews-discovering-sentiment, file names as "
        "published or train.csv, val.csv, test.csv",
    ),
    "semeval2018": _CsvSet(
        folder="semeval2018",
        text="Tweet",
        labels=EMOTIONS,
        origin="train.csv, val.csv and test.csv with columns ID, Tweet and one an "
        "emotion, made from task E-c of competitions.codalab.org/competitions/17751",
    ),
}

_SPLIT_FILES = {
    "train": ("train.csv", "train_binary_sent.csv"),
    "val": ("val.csv", "dev_binary_sent.csv"),
    "test": ("test.csv", "test_binary_sent.csv"),
}

NAMES = ("imdb", *_CSV_SETS)
"""The sets of this module."""


def open_named(
    name: str,
    split: str | None,
    config: DataConfig,
    *,
    want_labels: bool,
    setting: str = "data.source",
) -> Source:
    """Return a published set, from disk if it is there, else downloaded.

    It is looked for below `data.root` or the environment variable TFSENT_DATA, then
    downloaded into the cache with its hash checked. What lies on disk is taken as it
    is.

    Args:
        name: One of `NAMES`.
        split: Only this split; None: the language-model splits, or the labelled ones.
        config: Root, cache, keys and policies.
        want_labels: Samples shall have labels.
        setting: The setting that named the set, for errors.

    Raises:
        ValueError: If it is not there and cannot be fetched, or has no such split.
    """
    if name == "imdb":
        path = _find(name, config, setting, _imdb_below)
        return open_imdb(name, path, split, config, want_labels=want_labels)
    spec = _CSV_SETS[name]
    files = _find(name, config, setting, lambda root: _csv_below(root, spec.folder))
    columns = columns_of(config, want_labels, text=spec.text, labels=spec.labels)
    source = FileSource(
        name, {part: [Part(path)] for part, path in files.items()}, columns
    )
    return source if split is None else OneSplit(source, split)


def open_imdb(
    name: str, path: Path, split: str | None, config: DataConfig, *, want_labels: bool
) -> Source:
    """Return the IMDB reviews of an archive or folder; see `open_named`.

    They have no columns: the keys of `config` speak of other sources, but for the
    label key "stars".

    Raises:
        ValueError: If there is no such split.
    """
    columns = columns_of(config, want_labels)._replace(text="text")
    if want_labels and columns.labels != (imdb.STARS,):
        columns = columns._replace(labels=("label",))
    if split is None:
        splits = imdb.LABELLED if want_labels else imdb.LANGUAGE
        return imdb.ImdbSource(name, path, splits, columns)
    splits = imdb.LABELLED if want_labels else imdb.SELECTABLE
    return OneSplit(imdb.ImdbSource(name, path, splits, columns), split)


def columns_of(
    config: DataConfig,
    want_labels: bool,
    *,
    text: str = "text",
    labels: tuple[str, ...] = ("label",),
) -> Columns:
    """Return what to take from a row: the keys given, else these defaults.

    Raises:
        ValueError: If data.label_key holds an empty name.
    """
    if config.label_key is not None:
        labels = tuple(key.strip() for key in config.label_key.split(","))
        if not all(labels):
            raise ValueError(
                f"data.label_key is {config.label_key!r}; names with commas between "
                "them will do."
            )
    return Columns(
        text=config.text_key or text,
        labels=labels if want_labels else (),
        threshold=config.label_threshold if want_labels else None,
        invalid_utf8=config.invalid_utf8,
    )


def _find(
    name: str,
    config: DataConfig,
    setting: str,
    look_below: Callable[[Path], Found | None],
) -> Found:
    given = config.root or os.environ.get("TFSENT_DATA")
    if given:
        found = look_below(Path(given).expanduser())
        if found is not None:
            return found
    needed = _needed(name)
    if config.root:
        raise ValueError(
            f"data.root is {config.root!r}, which does not hold {name}; {needed}."
        )
    if name not in DOWNLOADS:
        raise ValueError(
            f"{setting} is {name}, which has no published hash to check a download "
            f"by and is read from disk alone: with --data.root give {needed}."
        )
    found = look_below(_fetch(name, config, setting))
    assert found is not None
    return found


def _needed(name: str) -> str:
    if name == "imdb":
        return f"a folder that holds {_IMDB_FILE} or aclImdb will do"
    spec = _CSV_SETS[name]
    return f"a folder that holds {spec.folder} ({spec.origin})"


def _imdb_below(root: Path) -> Path | None:
    if root.is_file():
        return root
    if (root / _IMDB_FILE).is_file():
        return root / _IMDB_FILE
    for folder in (root / "aclImdb", root):
        if imdb.is_imdb_folder(folder):
            return folder
    return None


def _csv_below(root: Path, folder: str) -> dict[str | None, Path] | None:
    for place in (root / folder, root):
        files: dict[str | None, Path] = {}
        for split, names in _SPLIT_FILES.items():
            for name in names:
                if (place / name).is_file():
                    files.setdefault(split, place / name)
        if "train" in files:
            return files
    return None


def _fetch(name: str, config: DataConfig, setting: str) -> Path:
    # Imported here: they bring the whole of requests, which only a download needs.
    import pooch
    import requests

    folder = cache_folder(config) / "downloads"
    downloader = pooch.HTTPDownloader(
        progressbar=True, chunk_size=2**20, timeout=_TIMEOUT_S
    )
    for url, sha256, file in DOWNLOADS[name]:
        path = folder / file
        try:
            pooch.retrieve(
                url,
                known_hash=f"sha256:{sha256}",
                fname=path.name,
                path=path.parent,
                downloader=downloader,
            )
        except (requests.RequestException, ValueError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{setting} is {name}: the download of {url} failed ({reason}); with "
                f"--data.root give {_needed(name)}."
            ) from error
    return folder
