"""The settings of `scripts/prepare.py`."""

from __future__ import annotations

from dataclasses import dataclass, field

from tfsent.config import DataConfig


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """Clean a source once and write its bytes as shards."""

    data: DataConfig = field(default_factory=DataConfig)
    out: str
    """Folder for the shards, new or empty; train.py takes it as --data.source."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""
