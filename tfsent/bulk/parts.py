"""Rows -> a folder of parquet files, in a way that can go on after a kill.

`part-00000.parquet` and so on, in the order of the texts; every row says from which
`file` it is and which `row` of it, from 0. `_index.json` lists them. Readers of
parquet take the folder as one table.
"""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tfsent.bulk.readers import ABOUT
from tfsent.checkpoint import atomic
from tfsent.data.blocks import Block, Place
from tfsent.data.shard_index import canonical_json
from tfsent.path_errors import naming

INDEX = "_index.json"
JOURNAL = "_journal.json"
"""How far it has come, while it is not all there."""

PART_BYTES = 64 * 2**20
"""Bytes of rows, as they are in memory, after which a part is closed."""

PART_S = 300.0
"""Seconds after which it is closed in any case: what a kill may cost."""


class PartsWriter:
    """Appends rows of blocks; what lies behind the last whole part is not kept.

    Args:
        folder: Where the parts go; it exists.
        key: Tells this work from any other.

    Attributes:
        place: Where the block begins that is to be read next.
        num_rows: Rows of all parts and of the one that is begun.
    """

    def __init__(self, folder: Path, key: str):
        self.place = Place()
        self.num_rows = 0
        self._folder = folder
        self._key = key
        self._part = 0
        self._rows_of_part = 0
        self._about: str | None = None
        self._closed: list[dict[str, Any]] = []
        self._writer: pq.ParquetWriter | None = None
        self._draft = folder / ".draft"
        self._bytes = 0
        self._rows = 0
        self._begun_s = 0.0

    def restore(self) -> None:
        """Go on from the journal, or begin anew if there is none that is sound.

        Raises:
            ValueError: If it is of other work that has come to something.
        """
        journal = self._journal()
        if journal is not None and journal["key"] != self._key:
            rows = sum(part["rows"] for part in journal["parts"])
            raise ValueError(
                f"{self._folder} holds {rows} rows of other texts or settings; remove "
                "it, or choose another name for the result."
            )
        keep = set()
        if journal is not None:
            self._closed = journal["parts"]
            self._about = journal["about"]
            self.place = Place(*journal["place"])
            self._part, self._rows_of_part = journal["reached"]
            self.num_rows = sum(part["rows"] for part in self._closed)
            keep = {JOURNAL, *(part["name"] for part in self._closed)}
        for path in self._folder.iterdir():
            if path.name not in keep:
                path.unlink()

    def _journal(self) -> dict[str, Any] | None:
        """Return the journal; None if there is none, or none that can be gone on from.

        One is written with the first part, so that it always has parts.
        """
        try:
            journal: dict[str, Any] = json.loads((self._folder / JOURNAL).read_bytes())
            for part in journal["parts"]:
                if (self._folder / part["name"]).stat().st_size != part["bytes"]:
                    return None
            whole = {"key", "about", "place", "reached"} <= set(journal)
            return journal if whole else None
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def append(self, block: Block, rows: pa.RecordBatch) -> None:
        """Add the rows of a block.

        Raises:
            ValueError: If they come from another model than those before.
            OSError: If the disk refuses; it names the file.
        """
        about = rows.schema.metadata[ABOUT].decode()
        if self._about not in (None, about):
            raise ValueError(
                f"{self._folder} holds rows of {self._about}, these are of {about}; "
                "the same model will do, or another name for the result."
            )
        self._about = about
        if block.begin.part != self._part:
            self._part, self._rows_of_part = block.begin.part, 0
        count = rows.num_rows
        files, numbers = block.keys(count, self._rows_of_part)
        table = pa.record_batch(
            [
                pa.array(files, pa.string()),
                pa.array(numbers, pa.int64()),
                *rows.columns,
            ],
            pa.schema(
                [("file", pa.string()), ("row", pa.int64()), *rows.schema],
                rows.schema.metadata,
            ),
        )
        with naming(self._draft):
            if self._writer is None:
                self._begun_s = time.monotonic()
                named = [
                    name for name in ("file", "label") if name in table.schema.names
                ]
                self._writer = pq.ParquetWriter(
                    self._draft, table.schema, use_dictionary=named
                )
            if count:
                self._writer.write_batch(table)
        self._rows_of_part += count
        self._rows += count
        self.num_rows += count
        self._bytes += table.nbytes
        self.place = block.after
        lasted_s = time.monotonic() - self._begun_s
        if self._rows and (self._bytes >= PART_BYTES or lasted_s >= PART_S):
            self._close_part()

    def finish(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Close the last part, write the index and return it.

        Args:
            facts: What else the index shall state.
        """
        if self._rows:
            self._close_part()
        assert self._about is not None
        index = {
            **facts,
            "about": json.loads(self._about),
            "rows": self.num_rows,
            "parts": self._closed,
        }
        self.close()
        atomic.replace_file(self._folder / INDEX, [canonical_json(index) + b"\n"])
        return index

    def close(self) -> None:
        """Let go of what is open; a part that is begun is not kept."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._draft.unlink(missing_ok=True)

    def _close_part(self) -> None:
        assert self._writer is not None
        path = self._folder / f"part-{len(self._closed):05d}.parquet"
        with naming(path):
            self._writer.close()
            self._writer = None
            atomic.take_place(self._draft, path)
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._closed.append(
            {
                "name": path.name,
                "rows": self._rows,
                "bytes": path.stat().st_size,
                "sha256": digest,
            }
        )
        self._rows = self._bytes = 0
        journal = {
            "key": self._key,
            "about": self._about,
            "place": self.place,
            "reached": [self._part, self._rows_of_part],
            "parts": self._closed,
        }
        atomic.replace_file(self._folder / JOURNAL, [canonical_json(journal)])
