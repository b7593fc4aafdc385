"""A source of any size -> rows of every text, once each, in order, on any engine."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from tfsent.bulk.parts import PartsWriter
from tfsent.bulk.readers import ReadBlock
from tfsent.data.byte_shards import canonical_json
from tfsent.data.partial_folder import claimed
from tfsent.data.shard_writer import sync_folder
from tfsent.data.sources import Source
from tfsent.engines import Engine, in_order
from tfsent.path_errors import naming

BLOCK_BYTES = 2**18
"""Text of a block: 64 lanes read some 4 kB each, and a worker of H = 512 takes 10 s."""


def write_rows(
    make: Callable[[], ReadBlock],
    source: Source,
    out: str | Path,
    work: dict[str, Any],
    *,
    engine: Engine,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Write one row a text and return what the folder's index says.

    The folder appears when all of it is there. What was done before a kill, beside it
    in `.NAME.partial`, is gone on from by the same call.

    Args:
        make: Called in every worker; returns what turns a block into rows.
        source: The texts; of one with splits, its training texts.
        out: Folder to write; nothing may be there.
        work: What makes these rows what they are, beside the source, as JSON.
        engine: See `tfsent.engines.in_order`.
        workers: See there.
        on_progress: Told, now and then, how many rows there are.

    Raises:
        ValueError: If `out` is there, the source is unsound or empty, or workers have
            another model than what was begun.
        ChildProcessError: If a worker died; the same call goes on.
        OSError: If the disk refuses; it names the file.
    """
    target = Path(out).expanduser().absolute()
    _refuse(target)
    facts = {"source": source.identity(), "work": work}
    key = sha256(canonical_json(facts)).hexdigest()
    target.parent.mkdir(parents=True, exist_ok=True)
    with claimed(target.with_name(f".{target.name}.partial")) as mine:
        # Whoever held it may have finished meanwhile.
        _refuse(target)
        assert mine
        partial = target.with_name(f".{target.name}.partial")
        parts = PartsWriter(partial, key)
        try:
            parts.restore()
            blocks = source.blocks(None, parts.place, BLOCK_BYTES)
            with source.faults_told(None):
                for block, rows in in_order(
                    make, blocks, engine=engine, workers=workers
                ):
                    parts.append(block, rows)
                    if on_progress is not None:
                        on_progress(parts.num_rows)
            if not parts.num_rows:
                raise source.nothing_in(None)
            index = parts.finish(facts)
        finally:
            parts.close()
        with naming(target):
            os.rename(partial, target)
        sync_folder(target.parent)
    return index


def _refuse(target: Path) -> None:
    if os.path.lexists(target):
        raise ValueError(
            f"out is {target}, which is there already; a new name will do."
        )
