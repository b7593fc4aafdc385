"""Features kept on disk, by the content of the texts and of the model.

One file a part of a feature (`tfsent.transfer.feature.Part`): what was computed for
one feature serves every other that has the part. A file's name holds the hash of what
it was computed from and that of its own bytes; a damaged one is computed anew.

Axes: N texts, H hidden units, F columns.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from tfsent.checkpoint import atomic
from tfsent.path_errors import naming
from tfsent.transfer.feature import Part, default_feature, parse_feature
from tfsent.transfer.features import Features

_VERSION = 1
"""Of the way features are computed: another number, and nothing kept is used."""

_ROWS_AT_ONCE = 1024


@contextlib.contextmanager
def features_folder(keep: bool, cache: Path) -> Iterator[Path]:
    """Give the folder of features below a cache, or one that is removed at the end."""
    if keep:
        yield cache / "features"
        return
    with tempfile.TemporaryDirectory(prefix="tfsent-features-") as folder:
        yield Path(folder)


class Kept(NamedTuple):
    """Features on disk."""

    feature: str
    parts: list[np.ndarray]
    """For each part float32[N, H], mapped into memory."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of all parts beside each other."""
        return len(self.parts[0]), sum(part.shape[1] for part in self.parts)

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield the rows, some at once: float32[.., F]."""
        for start in range(0, len(self.parts[0]), _ROWS_AT_ONCE):
            rows = [part[start : start + _ROWS_AT_ONCE] for part in self.parts]
            yield np.concatenate(rows, axis=1)

    def array(self) -> Features:
        """Return all rows in memory."""
        return Features(np.concatenate(self.parts, axis=1), self.feature)


class FeatureCache:
    """Computes features once.

    Args:
        folder: Where they are kept; created when something is.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def reader(self, model: Any) -> Callable[[Iterable[str | bytes], str], Features]:
        """Return what gives features of a model in memory: `(texts, feature)`."""

        def features(texts: Iterable[str | bytes], feature: str) -> Features:
            return self.features(model, texts, feature)[0].array()

        return features

    def features(
        self, model: Any, texts: Iterable[str | bytes], feature: str | None = None
    ) -> tuple[Kept, int]:
        """Return the features of texts, and for how many parts they were computed.

        Args:
            model: A `tfsent.trained.TrainedModel`.
            texts: Read once, and once more if anything has to be computed: the same
                each time. Constant memory for any number of them.
            feature: As for `TrainedModel.features`.

        Raises:
            ValueError: If the texts differ the second time, or as
                `TrainedModel.feature_rows`.
            OSError: If the disk refuses; names the file.
        """
        feature = feature or default_feature(model.model.config)
        parts = parse_feature(feature, model.model.config)
        content = _content(map(model.clean, texts))
        keys = {part: _key(model, part, content) for part in parts}
        found = {part: self._find(key, content.num_texts) for part, key in keys.items()}
        missing = [part for part, rows in found.items() if rows is None]
        if missing:
            atomic.make_folder(self._folder)
            atomic.remove_leftovers(self._folder)
            width = model.model.config.hidden_size
            made = self._compute(model, texts, missing, content.num_texts, width)
            for part, (draft, digest) in zip(missing, made, strict=True):
                path = self._folder / f"{keys[part]}-{digest}.npy"
                atomic.take_place(draft, path)
                found[part] = np.load(path, mmap_mode="r", allow_pickle=False)
        return Kept(feature, [rows for rows in found.values() if rows is not None]), (
            len(missing)
        )

    def _find(self, key: str, count: int) -> np.ndarray | None:
        for path in sorted(self._folder.glob(f"{key}-*.npy")):
            with contextlib.suppress(OSError, ValueError):
                with open(path, "rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                if path.stem == f"{key}-{digest}":
                    rows: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
                    if rows.dtype == np.float32 and len(rows) == count:
                        return rows
        return None

    def _compute(
        self,
        model: Any,
        texts: Iterable[str | bytes],
        parts: Sequence[Part],
        count: int,
        width: int,
    ) -> list[tuple[Path, str]]:
        """Return a finished file and its hash for each part."""
        name = "+".join(f"{p.layer}:{p.state}-{p.pooling}" for p in parts)
        paths = [atomic.temporary_path(self._folder / f"{p}.npy") for p in parts]
        digests = [hashlib.sha256() for _ in parts]
        rows = 0
        try:
            with contextlib.ExitStack() as stack:
                files: list[IO[bytes]] = []
                for path in paths:
                    with naming(path, always=True):
                        files.append(stack.enter_context(open(path, "xb")))

                def write(k: int, data: bytes) -> None:
                    digests[k].update(data)
                    with naming(paths[k], always=True):
                        files[k].write(data)

                for k in range(len(parts)):
                    write(k, npy_header(count, width))
                for row_F in model.part_rows(texts, parts):
                    rows += 1
                    for k in range(len(parts)):
                        write(k, row_F[k * width : (k + 1) * width].tobytes())
            if rows != count:
                raise ValueError(
                    f"the source gave {count} texts, then {rows}; one that stays the "
                    f"same will do ({name})."
                )
        except BaseException:
            for path in paths:
                path.unlink(missing_ok=True)
            raise
        return [
            (path, digest.hexdigest())
            for path, digest in zip(paths, digests, strict=True)
        ]


def npy_header(rows: int, columns: int) -> bytes:
    """Return the head of a .npy file of float32[rows, columns]."""
    head = io.BytesIO()
    facts = {"descr": "<f4", "fortran_order": False, "shape": (rows, columns)}
    np.lib.format.write_array_header_1_0(head, facts)
    return head.getvalue()


class _Content(NamedTuple):
    sha256: str
    num_texts: int


def _content(texts: Iterable[bytes]) -> _Content:
    digest = hashlib.sha256()
    count = 0
    for text in texts:
        digest.update(len(text).to_bytes(8, "little"))
        digest.update(text)
        count += 1
    return _Content(digest.hexdigest(), count)


def _key(model: Any, part: Part, content: _Content) -> str:
    facts = [_VERSION, model.fingerprint, model.arithmetic, part, content]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
