"""A preparation under way: samples -> cleaned -> shards, gone on with after a kill.

Blocks of the source are cleaned, here or by several workers; this process alone places
the texts in splits and writes, in the order of the source, so that the shards are the
same whoever cleans.
"""

from __future__ import annotations

import functools
import json
import shutil
from array import array
from collections.abc import Callable
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from tfsent.config import DataConfig
from tfsent.data.blocks import Block, BlockFault, Place
from tfsent.data.file_source import START, EmptySourceError, Source
from tfsent.data.placement import SPLITS, place
from tfsent.data.shard_index import canonical_json
from tfsent.data.shard_writer import ShardWriter, sync_folder, write_file
from tfsent.data.text_rules import PADDING_BYTES, RULES
from tfsent.engines import Engine, Results, in_order

JOURNAL = "journal.json"
"""How far a preparation has come, while it is not all there."""

_PROGRESS_SAMPLES = 1000

Progress = Callable[[int, int], None]
"""Told, now and then, the samples read and the bytes kept by this call."""


_FEW_BLOCKS = 8
"""Text of so many blocks is cleaned here: in that time no worker has started."""


class Workers(NamedTuple):
    """Who cleans: processes of this machine, or of a Ray cluster."""

    engine: Engine = "local"
    processes: int | None = 1
    """How many. Default: one for each core, or each CPU of the cluster."""


ALONE = Workers()
"""This process."""


class Stage(NamedTuple):
    """One pass over samples, and where they go."""

    source: Source
    split: str | None
    shares: tuple[int, ...]
    """One a split, in the order of `SPLITS`."""


def write(job: Preparation, stages: list[Stage], facts: dict[str, Any]) -> None:
    """Fill the folder with everything that the final one shall hold."""
    try:
        job.restore()
        while job.stage < len(stages):
            job.read(stages[job.stage])
            job.stage += 1
            job.consumed, job.reached = 0, _Reached()
        job.finish(facts, stages[0].source.name)
    except BlockFault:
        raise  # Not to be seen from here: another machine's copy, perhaps.
    except ValueError:
        # The text is at fault; mended, it has another key and this is of no use.
        shutil.rmtree(job.partial)
        raise
    finally:
        job.close()


class _Cleaned(NamedTuple):
    """The texts of a block, cleaned."""

    content: bytes
    """All of them, end to end."""
    lengths: array[int]
    """Of each, 0 of those without content."""


def _clean(rule: str, block: Block) -> _Cleaned:
    clean = RULES[rule]
    cleaned = [clean(text) for text in block.texts()]
    lengths = array("q", (len(c) if len(c) > PADDING_BYTES else 0 for c in cleaned))
    held = (c for c, length in zip(cleaned, lengths, strict=True) if length)
    return _Cleaned(b"".join(held), lengths)


def _cleaner(rule: str) -> Callable[[Block], _Cleaned]:
    return functools.partial(_clean, rule)


class _Reached(NamedTuple):
    """How far a stage has been read."""

    block: Place = START
    """Where the block begins that is being read."""
    samples: int = 0
    """Samples of it that were."""


class Preparation:
    """A preparation under way: its writers, and how far it has read."""

    def __init__(
        self,
        partial: Path,
        key: str,
        config: DataConfig,
        on_progress: Progress | None,
        workers: Workers,
    ) -> None:
        self.stage = 0
        self.consumed = 0
        """Samples of the stage that were read."""
        self.reached = _Reached()
        self.partial = partial
        self._key = key
        self._config = config
        self._on_progress = on_progress
        self._workers = workers
        self._samples = 0
        self._bytes = 0
        self._writers: dict[str, ShardWriter] = {}

    def restore(self) -> None:
        """Go on from the journal, or begin anew if there is none that can be used."""
        self._make_writers()
        try:
            journal = json.loads((self.partial / JOURNAL).read_bytes())
            if journal["key"] != self._key:
                raise ValueError("it is of other text")
            for split, writer in self._writers.items():
                writer.restore(journal["writers"][split])
            self.stage, self.consumed = journal["stage"], journal["consumed"]
            place, samples = journal["reached"]
            self.reached = _Reached(Place(*place), samples)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            self.close()
            for path in self.partial.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            self._make_writers()

    def read(self, stage: Stage) -> None:
        """Clean the samples of a stage into the writers."""
        # Blocks may be smaller today than when the journal was written.
        left = self.reached.samples
        with closing(self._cleaned(stage)) as blocks:
            for block, cleaned in blocks:
                skipped = min(left, len(cleaned.lengths))
                left -= skipped
                self._add(block, cleaned, skipped, stage)
        if not self.consumed and stage.split in (None, "train"):
            raise stage.source.nothing_in(stage.split)

    def _cleaned(self, stage: Stage) -> Results:
        """Yield the blocks of a stage that are left, cleaned."""
        blocks = stage.source.blocks(stage.split, self.reached.block)
        first = list(islice(blocks, _FEW_BLOCKS))
        few = len(first) < _FEW_BLOCKS
        workers = ALONE if few else self._workers
        make = functools.partial(_cleaner, self._config.text_rule)
        cleaned = in_order(
            make,
            chain(first, blocks),
            engine=workers.engine,
            workers=workers.processes,
        )
        with stage.source.faults_told(stage.split), closing(cleaned):
            yield from cleaned

    def _add(self, block: Block, cleaned: _Cleaned, skipped: int, stage: Stage) -> None:
        """Take a block into the writers, but for its first samples."""
        seed, shares = self._config.split_seed, stage.shares
        hashed = sum(share > 0 for share in shares) > 1
        split = SPLITS[shares.index(max(shares))]
        train = self._writers["train"]
        content = memoryview(cleaned.content)
        stop = sum(cleaned.lengths[:skipped])
        for at in range(skipped, len(cleaned.lengths)):
            length = cleaned.lengths[at]
            if hashed:
                split = place(self.consumed, seed, shares)
            self.consumed += 1
            if not length:
                self._writers[split].dropped_empty += 1
                continue
            writer = self._writers[split]
            if hashed and not train.num_samples:
                # A source of one sample shall train, wherever the hash would put it.
                writer = train
            start, stop = stop, stop + length
            self._bytes += length
            if writer.append(content[start:stop]):
                self.reached = _Reached(block.begin, at + 1)
                self._save()
            self._tell()

    def finish(self, facts: dict[str, Any], name: str) -> None:
        """Close the shards, write each index and leave nothing else."""
        if not self._writers["train"].num_samples:
            dropped = sum(writer.dropped_empty for writer in self._writers.values())
            raise EmptySourceError(
                f"data.source is {name!r}: no text is left for training ({dropped} "
                "were empty once cleaned); a source with text will do."
            )
        for split, writer in self._writers.items():
            if writer.num_samples:
                writer.finish({**facts, "split": split})
            else:
                shutil.rmtree(writer.folder)
        sync_folder(self.partial)

    def close(self) -> None:
        """Let go of open files."""
        for writer in self._writers.values():
            writer.close()

    def _make_writers(self) -> None:
        for split in SPLITS:
            (self.partial / split).mkdir(exist_ok=True)
            self._writers[split] = ShardWriter(
                self.partial / split, self._config.shard_bytes
            )

    def _save(self) -> None:
        writers = {split: each.checkpoint() for split, each in self._writers.items()}
        journal = {
            "key": self._key,
            "stage": self.stage,
            "consumed": self.consumed,
            "reached": self.reached,
            "writers": writers,
        }
        write_file(self.partial / JOURNAL, canonical_json(journal))

    def _tell(self) -> None:
        self._samples += 1
        if self._on_progress is not None and self._samples % _PROGRESS_SAMPLES == 0:
            self._on_progress(self._samples, self._bytes)
