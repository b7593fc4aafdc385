"""How many bytes a second does one core read as training batches?

    python -m benchmarks.read_rate

Writes generated samples as shards to a temporary folder, reads them once so that they
lie in the page cache, and then lets the ways to read them take turns: batches of some
sizes, in the order of the text and shuffled, and the plain reading of the same files
from one end to the other. Removes what it wrote.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.result import begin, finish, span
from benchmarks.timing import interleave, spread
from tfsent.cli import parse_config, run
from tfsent.data import ByteShards, LaneBatches
from tfsent.data.shard_writer import ShardWriter
from tfsent.data.shuffled_shards import ShuffledShards

SAMPLE_BYTES = (100, 1300)
"""Mean lengths: of a sentence, and of a review of films."""

LANES = ((128, 256), (32, 64))
"""Lanes and bytes of a window: of the published recipe, and of the preset tiny."""

GOAL_MB_PER_S = 200

_PLAIN = "plain read"
_PORTION = 2**20


@dataclass(frozen=True, kw_only=True)
class ReadRateConfig:
    """How much text is written and how often it is read."""

    megabytes: float = 200.0
    """Text of each length of samples, in 10^6 bytes."""
    shard_bytes: int = 16 * 2**20
    """Bytes after which a shard file is closed."""
    turn_megabytes: float = 50.0
    """Text that one way reads before the next one's turn, in 10^6 bytes."""
    repeats: int = 7
    """Turns of each way."""
    folder: str | None = None
    """Where the temporary folder is made; twice the text. Default: the system's."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("megabytes", "turn_megabytes", "shard_bytes", "repeats"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} is {value}; above 0 will do.")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure every way to read and print its rate."""
    config = parse_config(argv, ReadRateConfig, description=__doc__)
    result = begin("benchmarks.read_rate", argv, config) | {"settings": asdict(config)}
    result["goal_mb_per_s"] = GOAL_MB_PER_S
    with tempfile.TemporaryDirectory(dir=config.folder) as folder:
        result["texts"] = {
            f"samples of {length} bytes": measure(
                Path(folder, str(length)), length, config
            )
            for length in SAMPLE_BYTES
        }
    finish(result, config, table(result["texts"]))


def measure(folder: Path, sample_bytes: int, config: ReadRateConfig) -> dict[str, Any]:
    """Return the rates of all ways to read one text, MB/s, by name.

    Args:
        folder: Where the text is written; it is made.
        sample_bytes: Mean length of its samples.
        config: How much.

    Raises:
        ValueError: If the text is too short for the lanes.
    """
    write_samples(folder, sample_bytes, config)
    shards = ByteShards(folder)
    start_s = time.process_time()
    shuffled = ShuffledShards(shards, seed=0)
    opening_s = time.process_time() - start_s
    turn_bytes = int(config.turn_megabytes * 1e6)
    ways = {_PLAIN: _plain_reader(shards, turn_bytes)}
    for text, order in ((shards, "sequential"), (shuffled, "shuffled")):
        for batch_size, window in LANES:
            batches = LaneBatches(
                text,
                batch_size=batch_size,
                window=window,
                state_reset="sample",
                seed=0,
            )
            name = f"{order}, {batch_size} lanes of {window}"
            ways[name] = _batch_reader(batches, batch_size * window, turn_bytes)
    for way in ways.values():
        way()
    turns = interleave(ways, config.repeats, lambda: None)
    return {
        "num_samples": shards.num_samples,
        "num_bytes": shards.num_bytes,
        "num_shards": len(shards.index["shards"]),
        "shuffling_s": opening_s,
        "mb_per_s": {
            name: spread(1 / (turn.seconds * 1e6) for turn in found)._asdict()
            for name, found in turns.items()
        },
    }


def write_samples(folder: Path, sample_bytes: int, config: ReadRateConfig) -> None:
    """Write random letters as samples of half to one and a half times a length."""
    rng = np.random.default_rng(0)
    letters = rng.integers(97, 123, 2 * _PORTION, np.uint8).tobytes()
    folder.mkdir()
    writer = ShardWriter(folder, config.shard_bytes)
    left = int(config.megabytes * 1e6)
    while left > 0:
        low, high = sample_bytes // 2, sample_bytes * 3 // 2
        for length in rng.integers(low, high + 1, 1000).tolist():
            at = left % _PORTION
            writer.append(letters[at : at + length])
            left -= length
            if left <= 0:
                break
    writer.finish({"key": "benchmark"})


def _batch_reader(
    batches: LaneBatches, batch_bytes: int, turn_bytes: int
) -> Callable[[], float]:
    """Return a call that reads the next batches and tells the seconds a byte took."""
    count = max(1, turn_bytes // batch_bytes)
    first = 0

    def read() -> float:
        nonlocal first
        # Of the processor: the clock on the wall counts others on a shared core.
        start_s = time.process_time()
        for step in range(first, first + count):
            batches.batch(step)
        seconds = time.process_time() - start_s
        first += count
        return seconds / (count * batch_bytes)

    return read


def _plain_reader(shards: ByteShards, turn_bytes: int) -> Callable[[], float]:
    """Return a call that reads the files on and tells the seconds a byte took."""
    files = cycle(sorted(shards.folder.glob("*.bin")))
    buffer = bytearray(_PORTION)

    def read() -> float:
        done = 0
        start_s = time.process_time()
        while done < turn_bytes:
            descriptor = os.open(next(files), os.O_RDONLY)
            while count := os.readv(descriptor, [buffer]):
                done += count
            os.close(descriptor)
        return (time.process_time() - start_s) / done

    return read


def table(texts: dict[str, Any]) -> str:
    """Return the rates as lines of text."""
    lines = []
    for text, found in texts.items():
        lines.append(
            f"{text}: {found['num_bytes'] / 1e6:.0f} MB, {found['num_shards']} shards, "
            f"shuffled in {found['shuffling_s']:.2f} s"
        )
        lines += [
            f"  {name:<32}{span(rate, '.0f')} MB/s"
            for name, rate in found["mb_per_s"].items()
        ]
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
