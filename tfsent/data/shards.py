"""A source -> cleaned byte shards on disk: once, restartable, in constant memory.

Shards are written into a folder beside the final one and renamed at the end, so a
reader finds all of it or nothing. A preparation that was killed goes on behind its
last closed shard; of two at once the second waits and takes what the first made.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
from array import array
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from tfsent.config import DataConfig
from tfsent.data.blocks import Block, BlockFault, Place
from tfsent.data.byte_shards import (
    FORMAT,
    ByteShards,
    canonical_json,
    is_prepared,
    open_prepared,
)
from tfsent.data.cache import cache_folder
from tfsent.data.file_source import START, EmptySourceError, Source
from tfsent.data.partial_folder import claimed, remove_leftovers
from tfsent.data.placement import SPLITS, place
from tfsent.data.shard_writer import ShardWriter, sync_folder, write_file
from tfsent.data.sources import open_source
from tfsent.data.text_rules import PADDING_BYTES, RULES
from tfsent.engines import Engine, Results, in_order
from tfsent.path_errors import naming

__all__ = ["ByteShards", "open_prepared", "prepare"]

_JOURNAL = "journal.json"
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


class _Stage(NamedTuple):
    """One pass over samples, and where they go."""

    source: Source
    split: str | None
    shares: tuple[int, ...]
    """One a split, in the order of `SPLITS`."""


def prepare(
    config: DataConfig,
    folder: str | Path | None = None,
    on_progress: Progress | None = None,
    workers: Workers = ALONE,
) -> dict[str, ByteShards]:
    """Return the byte shards of a source, cleaned and written if they are not there.

    Splits are, in this order: what `data.val` and `data.test` name; those that the
    source has itself; what a hash of each sample's index takes out of its training
    text, by `data.split`. The first sample that is not empty is always one of train.
    Texts that are empty once cleaned are dropped and counted in the index.

    Shards are found again by a key of the sources' identity and the settings. Text
    that was prepared before (`data.source` is such a folder) is used as it is.

    Args:
        config: Source, cleaning and splits.
        folder: Where the shards shall lie; new or empty, or prepared from the same
            text. Default: in the cache.
        on_progress: Is told how far it is.
        workers: Who cleans; the shards are the same. Default: this process.

    Returns:
        The shards of train, and of val and test if they have samples.

    Raises:
        ValueError: If the source is unsound or train is empty, or the folder holds
            something else.
        OSError: If the disk refuses; it names the file. What is done is kept and
            gone on from next time.
    """
    if _is_folder_of_shards(config.source):
        if folder is not None:
            raise ValueError(
                f"data.source is {config.source!r}, which is prepared already; a "
                "source of text will do."
            )
        return _use_prepared(config, on_progress)
    stages = _plan(config)
    facts = _facts(config, stages)
    key = sha256(canonical_json(facts)).hexdigest()
    if folder is None:
        target = cache_folder(config) / "shards" / key
    else:
        target = Path(folder).expanduser().absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    if folder is None:
        remove_leftovers(target.parent, but=partial)
    while not _is_ready(target, key):
        with claimed(partial) as mine:
            # Whoever held it may have finished meanwhile.
            if mine and _is_ready(target, key):
                shutil.rmtree(partial)
            elif mine:
                job = _Job(partial, key, config, on_progress, workers)
                _write(job, stages, {**facts, "key": key})
                if _facts(config, stages) != facts:
                    raise OSError(f"{config.source} changed while it was read.")
                with naming(target):
                    os.rename(partial, target)
                # Not before: without it a refused rename would cost everything.
                (target / _JOURNAL).unlink(missing_ok=True)
                sync_folder(target)
                sync_folder(target.parent)
    return open_prepared(target)


def _is_folder_of_shards(spec: str) -> bool:
    path = Path(spec).expanduser()
    return path.is_dir() and is_prepared(path)


def _use_prepared(
    config: DataConfig, on_progress: Progress | None
) -> dict[str, ByteShards]:
    splits = open_prepared(Path(config.source).expanduser())
    for shards in splits.values():
        rule = shards.index["text_rule"]
        if rule != config.text_rule:
            raise ValueError(
                f"data.text_rule is {config.text_rule}, but {config.source} was "
                f"cleaned by rule {rule}; give --data.text-rule {rule}."
            )
    for split in SPLITS[1:]:
        spec = getattr(config, split)
        if spec is not None:
            stage = _own_stage(split, config)
            name = f"{stage.source.name}:{stage.split}" if stage.split else spec
            alone = replace(config, source=name, val=None, test=None, split=(1, 0, 0))
            splits[split] = prepare(alone, on_progress=on_progress)["train"]
    return splits


def _plan(config: DataConfig) -> list[_Stage]:
    source = open_source(config.source, config)
    shares = list(config.split)
    stages = []
    for at, split in enumerate(SPLITS[1:], 1):
        if getattr(config, split) is not None:
            stages.append(_own_stage(split, config))
            shares[at] = 0
        elif split in source.splits:
            stages.append(_Stage(source, split, _only(split)))
            shares[at] = 0
    train = "train" if source.splits else None
    return [_Stage(source, train, tuple(shares)), *stages]


def _own_stage(split: str, config: DataConfig) -> _Stage:
    """Return the stage of a `data.val` or `data.test`."""
    spec = getattr(config, split)
    source = open_source(spec, config, setting=f"data.{split}")
    if source.splits and split not in source.splits:
        raise ValueError(
            f"data.{split} is {spec!r}, which has splits but no {split}; choose one of "
            f"them, such as {spec}:{source.splits[0]}."
        )
    return _Stage(source, split if source.splits else None, _only(split))


def _only(split: str) -> tuple[int, ...]:
    return tuple(int(name == split) for name in SPLITS)


def _facts(config: DataConfig, stages: list[_Stage]) -> dict[str, Any]:
    """Return what makes these shards what they are; a hash of it is their key."""
    return {
        "format": FORMAT,
        "sources": [
            {**stage.source.identity(), "split": stage.split, "shares": stage.shares}
            for stage in stages
        ],
        "text_key": config.text_key,
        "text_rule": config.text_rule,
        "invalid_utf8": config.invalid_utf8,
        "split_seed": config.split_seed,
        "shard_bytes": config.shard_bytes,
    }


def _is_ready(target: Path, key: str) -> bool:
    """Return whether the target is there; refuse one that is something else."""
    if not target.exists():
        return False
    if is_prepared(target):
        if open_prepared(target)["train"].index["key"] == key:
            return True
        held = "shards of other text or settings"
    elif target.is_dir() and not any(target.iterdir()):
        return False
    else:
        held = "something else"
    raise ValueError(f"{target} holds {held}; a new or an empty folder will do.")


def _write(job: _Job, stages: list[_Stage], facts: dict[str, Any]) -> None:
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


class _Job:
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
            journal = json.loads((self.partial / _JOURNAL).read_bytes())
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

    def read(self, stage: _Stage) -> None:
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

    def _cleaned(self, stage: _Stage) -> Results:
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

    def _add(
        self, block: Block, cleaned: _Cleaned, skipped: int, stage: _Stage
    ) -> None:
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
        write_file(self.partial / _JOURNAL, canonical_json(journal))

    def _tell(self) -> None:
        self._samples += 1
        if self._on_progress is not None and self._samples % _PROGRESS_SAMPLES == 0:
            self._on_progress(self._samples, self._bytes)
