"""A source -> the text to score in it: the splits it has, or all of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tfsent.config import DataConfig
from tfsent.data.byte_shards import ByteShards, is_prepared, open_prepared
from tfsent.data.shards import prepare
from tfsent.data.sources import open_source


def open_whole(config: DataConfig, splits: Sequence[str]) -> dict[str, ByteShards]:
    """Return the shards of each asked split, or one of all the text, named "all".

    Args:
        config: Source and cleaning; `val`, `test` and `split` are not looked at.
        splits: Wanted splits of a source that has splits of its own.

    Raises:
        ValueError: If the source is unsound or has none of the splits.
    """
    config = replace(config, val=None, test=None, split=(1, 0, 0))
    path = Path(config.source).expanduser()
    prepared = path.is_dir() and is_prepared(path)
    if prepared:
        rule = open_prepared(path)["train"].index["text_rule"]
        if rule != config.text_rule:
            raise ValueError(
                f"data.source {config.source} holds text cleaned by rule {rule}, but "
                f"the model reads rule {config.text_rule}; the text itself, or shards "
                f"prepared with --data.text-rule {config.text_rule}, will do."
            )
    elif not open_source(config.source, config).splits:
        return {"all": prepare(config)["train"]}
    found = prepare(config)
    chosen = {split: found[split] for split in splits if split in found}
    if not chosen:
        raise ValueError(
            f"splits are {', '.join(splits)}, but data.source {config.source} has "
            f"{', '.join(found)}; one of these will do."
        )
    return chosen
