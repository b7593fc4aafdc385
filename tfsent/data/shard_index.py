"""The index of a split: its shard files, their sizes and hashes, and a checksum."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

FORMAT = 1
"""Version of the files; part of the key under which shards are cached."""

INDEX_FILE = "index.json"

_SHARD_NAME = re.compile(r"shard-[0-9]{5,}")


def index_checksum(index: dict[str, Any]) -> str:
    """Return the sha256, in hex, of an index without its own `checksum`."""
    rest = {key: value for key, value in index.items() if key != "checksum"}
    return hashlib.sha256(canonical_json(rest)).hexdigest()


def canonical_json(value: Any) -> bytes:
    """Return the one spelling of a value: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def read_index(path: Path) -> dict[str, Any]:
    """Return what an index states.

    Raises:
        ValueError: If it is damaged, or of a newer format.
    """
    try:
        index = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged ({error}); prepare it again.") from None
    found = index.get("format") if isinstance(index, dict) else None
    if isinstance(found, int) and found > FORMAT:
        raise ValueError(
            f"{path} is of format {found}, newer than format {FORMAT} that is known "
            "here; prepare it again, or read it with a newer tfsent."
        )
    sound = isinstance(index, dict) and index.get("checksum") == index_checksum(index)
    if not sound or not _names_are_plain(index):
        raise ValueError(
            f"{path} is damaged or edited: its checksum does not hold; remove the "
            "folder and prepare it again."
        )
    return index


def _names_are_plain(index: dict[str, Any]) -> bool:
    """Whoever writes a checksum can write a path: only shard names are opened."""
    return all(_SHARD_NAME.fullmatch(shard["name"]) for shard in index["shards"])
