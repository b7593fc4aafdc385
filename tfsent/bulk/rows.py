"""A source of any size -> rows of every text, once each, in order, on any engine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

from tfsent.bulk.parts import JOURNAL, PartsWriter
from tfsent.bulk.readers import ReadBlock
from tfsent.checkpoint import atomic
from tfsent.data.partial_folder import claimed
from tfsent.data.shard_index import canonical_json
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
    quiet: bool = False,
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
        quiet: Keep to the workers of a cluster what they print.

    Raises:
        ValueError: If `out` is there, the source is unsound or empty, workers have
            another model than what was begun, or what was begun is something else.
        ChildProcessError: If a worker died; the same call goes on.
        OSError: If the disk refuses, which names the file, or the source changed.
    """
    target = Path(out).expanduser().absolute()
    _refuse(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    while True:
        with claimed(partial) as mine:
            # Whoever held it may have finished meanwhile.
            _refuse(target)
            if not mine:
                continue
            facts = {"source": source.identity(), "work": work}
            parts = PartsWriter(partial, sha256(canonical_json(facts)).hexdigest())
            try:
                parts.restore()
                blocks = source.blocks(None, parts.place, BLOCK_BYTES)
                results = in_order(
                    make,
                    blocks,
                    engine=engine,
                    workers=workers,
                    gpus=True,
                    quiet=quiet,
                )
                with source.faults_told(None), closing(results):
                    for block, rows in results:
                        parts.append(block, rows)
                        if on_progress is not None:
                            on_progress(parts.num_rows)
                if not parts.num_rows:
                    raise source.nothing_in(None)
                if source.identity() != facts["source"]:
                    raise OSError(f"{source.name} changed while it was read.")
                index = parts.finish(facts)
            finally:
                parts.close()
                if not (partial / JOURNAL).exists():
                    shutil.rmtree(partial)
            with naming(target):
                os.rename(partial, target)
            # Not before: without it a refused rename would cost everything.
            (target / JOURNAL).unlink()
            atomic.sync_folder(target)
            atomic.sync_folder(target.parent)
            return index


def _refuse(target: Path) -> None:
    if os.path.lexists(target):
        raise ValueError(
            f"out is {target}, which is there already; a new name will do."
        )
