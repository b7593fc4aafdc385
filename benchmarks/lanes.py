"""What training steps are measured on: windows of the built-in text."""

from __future__ import annotations

from tfsent.config import DataConfig
from tfsent.data.batches import LaneBatches
from tfsent.data.shards import prepare


def built_in_lanes(batch_size: int, window: int) -> LaneBatches:
    """Return windows of T bytes of the built-in text in B lanes, equal every time."""
    data = DataConfig()
    return LaneBatches(
        prepare(data)["train"],
        batch_size=batch_size,
        window=window,
        state_reset=data.state_reset,
        seed=0,
    )
