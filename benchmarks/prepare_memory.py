"""How fast and in how much memory is a large json-lines file made into shards?

    python -m benchmarks.prepare_memory --gigabytes 10 --kills 2

Writes generated text to a temporary folder and prepares it in a process of its own.
With `--kills` the same text is prepared once more, killed with all its workers that
often on the way, and must come to the same bytes. Removes what it wrote.

The memory told is the largest of the sums, read about every 50 ms, of what the process
and its workers have resident. A page that n of them share, such as of a library, counts
n times: it is never less than what they take at that moment, but a peak between two
readings is lost. Only the script's own process has a mark that misses none.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.children import Child, started
from benchmarks.result import begin, finish
from tfsent.cli import parse_config, run
from tfsent.engines import available_cores

_WORDS = 4096
_INTERVAL_S = 0.01
_SCRIPT = Path(__file__).parents[1] / "scripts" / "prepare.py"


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """Size of the generated file."""

    gigabytes: float = 5.0
    """Size of the json-lines file, in 10^9 bytes; below 0.01 no worker is started."""
    workers: int = available_cores()
    """As for prepare.py."""
    shard_bytes: int = 16 * 2**20
    """Bytes after which a shard file is closed; what a kill can lose."""
    kills: int = 0
    """How often a second preparation is killed, with its workers, at even distances; 0
    leaves it out."""
    folder: str | None = None
    """Folder for temporary files, of three times the size. Default: the system's."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not self.gigabytes > 0:
            raise ValueError(f"gigabytes is {self.gigabytes}; above 0 will do.")
        if self.workers < 1:
            raise ValueError(f"workers is {self.workers}; at least 1 will do.")
        if self.kills < 0:
            raise ValueError(f"kills is {self.kills}; 0 or more will do.")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print rate and peak."""
    config = parse_config(argv, MemoryConfig, description=__doc__)
    result = begin("benchmarks.prepare_memory", argv, config)
    result["settings"] = asdict(config)
    with tempfile.TemporaryDirectory(dir=config.folder) as folder:
        source = Path(folder, "reviews.jsonl")
        write_reviews(source, int(config.gigabytes * 1e9))
        found = measure(source, Path(folder, "shards"), config)
        if config.kills:
            killed = measure(source, Path(folder, "killed"), config, found["splits"])
            if killed.pop("splits") != found["splits"]:
                raise ValueError("after kills the shards are others.")
            result["killed"] = killed
    finish(result | found, config, text(result | found))


def text(result: dict[str, Any]) -> str:
    """Return a result as lines."""
    lines = [
        f"{result['source_bytes'] / 1e6:,.0f} MB in {result['wall_s']:.1f} s: "
        f"{result['mb_per_s']:.1f} MB/s, resident in all processes at most "
        f"{result['peak_resident_bytes'] / 1e6:.0f} MB (largest of "
        f"{result['readings']} sums), in the script's own "
        f"{result['own_peak_resident_bytes'] / 1e6:.0f} MB"
    ]
    if "killed" in result:
        killed = result["killed"]
        lines.append(
            f"killed {killed['kills']} times with all workers: the same bytes after "
            f"{killed['wall_s']:.1f} s in all, at most "
            f"{killed['peak_resident_bytes'] / 1e6:.0f} MB"
        )
    return "\n".join(lines)


def write_reviews(path: Path, num_bytes: int) -> None:
    """Write json lines of random words, 50 to 450 a text, with entities and tags."""
    rng = np.random.default_rng(0)
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz", np.uint8)
    words = [
        rng.choice(letters, size).tobytes().decode()
        for size in rng.integers(2, 10, _WORDS)
    ]
    words[:3] = ["<br />", "&amp;", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"]
    written = 0
    with open(path, "wb") as file:
        while written < num_bytes:
            picks = rng.integers(0, _WORDS, int(rng.integers(50, 450))).tolist()
            row = {
                "text": " ".join([words[pick] for pick in picks]),
                "stars": picks[0] % 5,
            }
            written += file.write(json.dumps(row).encode() + b"\n")


def measure(
    source: Path,
    out: Path,
    config: MemoryConfig,
    splits: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return rate and largest resident memory of one preparation.

    Args:
        source: The text.
        out: Folder for the shards.
        config: Workers, and how often it is killed.
        splits: What an unbroken preparation told of its shards. Then this one is
            killed, with its workers, and called again.

    Raises:
        ChildProcessError: If the preparation fails, or ends before it is killed.
    """
    flags = ["--json", "--workers", str(config.workers), "--data.source", str(source)]
    flags += ["--data.shard-bytes", str(config.shard_bytes), "--out", str(out)]
    kills = config.kills if splits else 0
    total = sum(split["bytes"] for split in (splits or {}).values())
    readings: list[int] = []
    start_s = time.perf_counter()
    for number in range(1, kills + 1):
        with started(_SCRIPT, flags) as child:
            _read_memory(child, out, total * number / (kills + 1), readings)
            child.kill()
        if out.exists():
            raise ChildProcessError(
                f"{_SCRIPT.name} was done before it was killed; more gigabytes will do."
            )
    with started(_SCRIPT, flags) as child:
        _read_memory(child, out, float("inf"), readings)
        told = child.result()
    wall_s = time.perf_counter() - start_s
    size = source.stat().st_size
    return {
        "source_bytes": size,
        "wall_s": wall_s,
        "mb_per_s": size / wall_s / 1e6,
        "peak_resident_bytes": max(readings),
        "own_peak_resident_bytes": told["peak_resident_bytes"],
        "readings": len(readings),
        "kills": kills,
        "splits": told["splits"],
    }


def _read_memory(child: Child, out: Path, until: float, readings: list[int]) -> None:
    """Add readings until a preparation has ended or has written that many bytes."""
    partial = out.with_name(f".{out.name}.partial")
    while child.runs() and not _size_of(partial) >= until:
        readings.append(_resident(child.pid))
        time.sleep(_INTERVAL_S)


def _resident(pid: int) -> int:
    """Return the resident bytes of a process and all below it; 0 once it has ended.

    The proportional set size would count a shared page once, but takes 5 ms to read
    for a process of 240 MB (this: 0.015 ms): with some workers, a good part of a core.
    """
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
    return total


def _size_of(folder: Path) -> int:
    """Return the bytes of the shards below a folder; 0 where there is none."""
    total = 0
    for path, _, names in os.walk(folder):  # passes over what goes meanwhile
        for name in names:
            if name.endswith(".bin"):
                with suppress(FileNotFoundError):
                    total += os.stat(os.path.join(path, name)).st_size
    return total


if __name__ == "__main__":
    run(main)
