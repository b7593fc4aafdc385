"""How fast and in how much memory is a large json-lines file made into shards?

    python benchmarks/prepare_memory.py --gigabytes 5

Writes generated text to a temporary folder, prepares it in a process of its own, and
reads that process's resident memory every 50 ms. Removes what it wrote.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
    folder: str | None = None
    """Where the temporary folder is made; twice the size. Default: the system's."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        if not self.gigabytes > 0:
            raise ValueError(f"gigabytes is {self.gigabytes}; above 0 will do.")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print rate and peak."""
    config = parse_config(argv, MemoryConfig, description=__doc__)
    with tempfile.TemporaryDirectory(dir=config.folder) as folder:
        source = Path(folder, "reviews.jsonl")
        write_reviews(source, int(config.gigabytes * 1e9))
        result = measure(source, Path(folder, "shards"))
    if config.json:
        print(json.dumps(result))
        return
    print(
        f"{result['source_bytes'] / 1e9:.2f} GB in {result['wall_s']:.1f} s: "
        f"{result['mb_per_s']:.1f} MB/s, peak resident "
        f"{result['peak_resident_bytes'] / 1e6:.0f} MB ({result['readings']} readings)"
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


def measure(source: Path, out: Path) -> dict[str, object]:
    """Return rate and largest resident memory of one preparation.

    Raises:
        ValueError: If the preparation fails.
    """
    command = [sys.executable, str(_SCRIPT), "--json"]
    command += ["--data.source", str(source), "--out", str(out)]
    readings = []
    start_s = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    process = psutil.Process(child.pid)
    while child.poll() is None:
        try:
            readings.append(process.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(_INTERVAL_S)
    output, _ = child.communicate()
    wall_s = time.perf_counter() - start_s
    if child.returncode:
        raise ValueError(f"prepare.py left with code {child.returncode}.")
    told = json.loads(output)
    size = source.stat().st_size
    return {
        "source_bytes": size,
        "wall_s": wall_s,
        "mb_per_s": size / wall_s / 1e6,
        # The kernel's own high-water mark: no peak between two readings is lost.
        "peak_resident_bytes": max([told["peak_resident_bytes"], *readings]),
        "readings": len(readings),
        "splits": told["splits"],
        "python": platform.python_version(),
        "cpus": psutil.cpu_count(),
    }


if __name__ == "__main__":
    run(main)
