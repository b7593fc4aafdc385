"""A source -> cleaned byte shards on disk: once, restartable, in constant memory.

Shards are written into a folder beside the final one and renamed at the end, so a
reader finds all of it or nothing. A preparation that was killed goes on behind its
last closed shard; of two at once the second waits and takes what the first made.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from tfsent.config import DataConfig
from tfsent.data.byte_shards import ByteShards, is_prepared, open_prepared
from tfsent.data.cache import cache_folder
from tfsent.data.partial_folder import claimed, remove_leftovers
from tfsent.data.placement import SPLITS
from tfsent.data.preparation import (
    ALONE,
    JOURNAL,
    Preparation,
    Progress,
    Stage,
    Workers,
    write,
)
from tfsent.data.shard_index import FORMAT, canonical_json
from tfsent.data.shard_writer import sync_folder
from tfsent.data.sources import open_source
from tfsent.path_errors import naming

__all__ = ["ByteShards", "Workers", "open_prepared", "prepare"]


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
                job = Preparation(partial, key, config, on_progress, workers)
                write(job, stages, {**facts, "key": key})
                if _facts(config, stages) != facts:
                    raise OSError(f"{config.source} changed while it was read.")
                with naming(target):
                    os.rename(partial, target)
                # Not before: without it a refused rename would cost everything.
                (target / JOURNAL).unlink(missing_ok=True)
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


def _plan(config: DataConfig) -> list[Stage]:
    source = open_source(config.source, config)
    shares = list(config.split)
    stages = []
    for at, split in enumerate(SPLITS[1:], 1):
        if getattr(config, split) is not None:
            stages.append(_own_stage(split, config))
            shares[at] = 0
        elif split in source.splits:
            stages.append(Stage(source, split, _only(split)))
            shares[at] = 0
    train = "train" if source.splits else None
    return [Stage(source, train, tuple(shares)), *stages]


def _own_stage(split: str, config: DataConfig) -> Stage:
    """Return the stage of a `data.val` or `data.test`."""
    spec = getattr(config, split)
    source = open_source(spec, config, setting=f"data.{split}")
    if source.splits and split not in source.splits:
        raise ValueError(
            f"data.{split} is {spec!r}, which has splits but no {split}; choose one of "
            f"them, such as {spec}:{source.splits[0]}."
        )
    return Stage(source, split if source.splits else None, _only(split))


def _only(split: str) -> tuple[int, ...]:
    return tuple(int(name == split) for name in SPLITS)


def _facts(config: DataConfig, stages: list[Stage]) -> dict[str, Any]:
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
