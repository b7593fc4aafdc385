"""How fast and in how much memory is a large json-lines file made into shards?

    python benchmarks/prepare_memory.py --gigabytes 10 --kills 2

Writes generated text to a temporary folder, prepares it in a process of its own, and
reads the resident memory of that process and its workers every 50 ms. With `--kills`
the same text is prepared once more, killed with all its workers that often on the way,
and must come to the same bytes. Removes what it wrote.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tfsent.cli import parse_config, run

_WORDS = 4096
_INTERVAL_S = 0.05
_SCRIPT = Path(__file__).parents[1] / "scripts" / "prepare.py"


@dataclass(frozen=True, kw_only=True)
class MemoryConfig:
    """Size of the generated file."""

    gigabytes: float = 5.0
    """Size of the json-lines file, in 10^9 bytes."""
    workers: int | None = None
    """As for prepare.py. Default: one for each core."""
    kills: int = 0
    """How often a second preparation is killed, at even distances; 0 leaves it out."""
    folder: str | None = None
    """Folder for temporary files, of three times the size. Default: the system's."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not self.gigabytes > 0:
            raise ValueError(f"gigabytes is {self.gigabytes}; above 0 will do.")
        if self.kills < 0:
            raise ValueError(f"kills is {self.kills}; 0 or more will do.")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print rate and peak."""
    config = parse_config(argv, MemoryConfig, description=__doc__)
    with tempfile.TemporaryDirectory(dir=config.folder) as folder:
        source = Path(folder, "reviews.jsonl")
        write_reviews(source, int(config.gigabytes * 1e9))
        flags = [] if config.workers is None else ["--workers", str(config.workers)]
        result = measure(source, Path(folder, "shards"), flags)
        if config.kills:
            again = measure(source, Path(folder, "killed"), flags, config.kills)
            same = again["splits"] == result["splits"]
            if not same:
                raise ValueError("after kills the shards are others.")
            result["killed"] = {
                name: again[name] for name in ("kills", "wall_s", "peak_resident_bytes")
            } | {"same_bytes": same}
    if config.json:
        print(json.dumps(result))
        return
    print(
        f"{result['source_bytes'] / 1e9:.2f} GB in {result['wall_s']:.1f} s: "
        f"{result['mb_per_s']:.1f} MB/s, peak resident of all processes "
        f"{result['peak_resident_bytes'] / 1e6:.0f} MB ({result['readings']} readings)"
    )
    if config.kills:
        killed = result["killed"]
        print(
            f"killed {killed['kills']} times: the same bytes after "
            f"{killed['wall_s']:.1f} s in all, at most "
            f"{killed['peak_resident_bytes'] / 1e6:.0f} MB"
        )


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
    source: Path, out: Path, flags: Sequence[str], kills: int = 0
) -> dict[str, Any]:
    """Return rate and largest resident memory of one preparation.

    Args:
        source: The text.
        out: Folder for the shards.
        flags: Further ones of prepare.py.
        kills: How often it is killed, with its workers, and called again.

    Raises:
        ValueError: If the preparation fails.
    """
    command = [sys.executable, str(_SCRIPT), "--json", *flags]
    command += ["--data.source", str(source), "--out", str(out)]
    readings: list[int] = []
    start_s = time.perf_counter()
    size = source.stat().st_size
    partial = out.with_name(f".{out.name}.partial")
    for number in range(1, kills + 1):
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        until = size * number / (kills + 1)
        while child.poll() is None and _size_of(partial) < until:
            readings.append(_resident(child.pid))
            time.sleep(_INTERVAL_S)
        child.kill()
        child.wait()
        if out.exists():
            raise ValueError("a preparation ended before it was killed.")
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    while child.poll() is None:
        readings.append(_resident(child.pid))
        time.sleep(_INTERVAL_S)
    output, _ = child.communicate()
    wall_s = time.perf_counter() - start_s
    if child.returncode:
        raise ValueError(f"prepare.py left with code {child.returncode}.")
    told = json.loads(output)
    return {
        "source_bytes": size,
        "wall_s": wall_s,
        "mb_per_s": size / wall_s / 1e6,
        # The kernel's own high-water mark: no peak between two readings is lost.
        "peak_resident_bytes": max([told["peak_resident_bytes"], *readings]),
        "readings": len(readings),
        "kills": kills,
        "splits": told["splits"],
        "python": platform.python_version(),
        "cpus": psutil.cpu_count(),
    }


def _resident(pid: int) -> int:
    """Return the resident bytes of a process and all below it; 0 once it has ended."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in [process, *process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
    return total


def _size_of(folder: Path) -> int:
    """Return the bytes of the files below a folder; 0 where there is none."""
    total = 0
    for path in folder.rglob("*.bin"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


if __name__ == "__main__":
    run(main)
