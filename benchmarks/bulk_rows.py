"""How fast do engines featurize many short texts, and is each row there once?

    python -m benchmarks.bulk_rows --model runs/first --texts 1000000

Cuts the texts of a source into short pieces at the ends of sentences, repeated until
there are enough. First a share of them is featurized in turns by the plain script, by
one and by several processes of an engine (whole commands, their start included). Then
all of them by the engine, killed once with all its workers and called again: each row
must be there once, in order, and some hundred of them are compared with the model.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.timing import spread
from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config import DataConfig
from tfsent.data.sources import open_source

_SCRIPT = Path(__file__).parents[1] / "scripts" / "featurize.py"
_SENTENCE = re.compile(r"[^.!?]+[.!?]*")
_CHECKED = 300
_MOST_GAP = 2e-5


@dataclass(frozen=True, kw_only=True)
class BulkConfig:
    """What is measured."""

    model: str
    """Run folder, or a SavedModel of export.py."""
    plain_model: str | None = None
    """What the plain script and the check read, where `model` is a SavedModel."""
    source: str = "builtin"
    """Where sentences come from."""
    feature: str | None = None
    """As for featurize.py."""
    texts: int = 1_000_000
    """Texts of the run that is killed."""
    share: int = 50_000
    """Texts of a turn of the comparison."""
    longest: int = 100
    """Characters of a text at most."""
    repeats: int = 3
    """Turns of each way."""
    engine: str = "local"
    """local or ray."""
    workers: int = os.cpu_count() or 1
    """Processes of the engine."""
    folder: str | None = None
    """Where the temporary folder is made. Default: the system's."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, check and print."""
    config = parse_config(argv, BulkConfig, description=__doc__)
    quiet()
    with tempfile.TemporaryDirectory(dir=config.folder) as name:
        folder = Path(name)
        texts = list(itertools.islice(short_texts(config), config.texts))
        everything = _written(folder / "all.txt", texts)
        some = _written(folder / "some.txt", texts[: config.share])
        result = {
            "texts": len(texts),
            "bytes": everything.stat().st_size,
            "texts_per_s": _compare(config, some, folder),
            "killed": _killed(config, everything, folder),
            "check": _check(config, texts, folder),
        }
    if config.json:
        print(json.dumps(result))
        return
    for way, figure in result["texts_per_s"].items():
        print(
            f"{way:16} {figure[0]:>10,.0f} texts/s [{figure[1]:,.0f}-{figure[2]:,.0f}]"
        )
    killed = result["killed"]
    print(
        f"{result['texts']:,} texts, {result['bytes'] / 1e6:.0f} MB, killed with "
        f"{killed['rows_kept']:,} rows done: {killed['seconds']:.0f} s in all, each "
        f"row once; largest difference {result['check']['largest_difference']:.1e}"
    )


def short_texts(config: BulkConfig) -> Iterator[str]:
    """Yield sentences of the source without end; those that are long, cut."""
    source = open_source(config.source, DataConfig(source=config.source))
    while True:
        for sample in source.samples():
            for sentence in _SENTENCE.findall(sample.text.replace("\n", " ")):
                text = sentence.strip()[: config.longest]
                if text:
                    yield text


def _written(path: Path, texts: Iterable[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def _command(config: BulkConfig, source: Path, out: Path, workers: int) -> list[str]:
    """Return the command of an engine; of the plain script where `workers` is 0."""
    model = config.model if workers else (config.plain_model or config.model)
    command = [sys.executable, str(_SCRIPT), "--json", "--model", model]
    command += ["--data.source", str(source), "--out", str(out)]
    if config.feature:
        command += ["--feature", config.feature]
    if workers:
        return [*command, "--engine", config.engine, "--workers", str(workers)]
    return [*command, "--no-cache"]


def _compare(config: BulkConfig, source: Path, folder: Path) -> dict[str, list[float]]:
    """Return texts a second of each way: median, least, most."""
    ways = {"plain script": 0, "engine, 1": 1}
    ways[f"engine, {config.workers}"] = config.workers
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(config.repeats):
        for way, workers in ways.items():
            out = folder / f"{turn}-{workers}.parquet"
            start_s = time.perf_counter()
            subprocess.run(
                _command(config, source, out, workers), check=True, capture_output=True
            )
            rates[way].append(config.share / (time.perf_counter() - start_s))
            tell(f"{way}: {rates[way][-1]:,.0f} texts/s")
    return {way: list(spread(found)) for way, found in rates.items()}


def _killed(config: BulkConfig, source: Path, folder: Path) -> dict[str, Any]:
    """Featurize all, killed once half-way."""
    out = folder / "all.parquet"
    command = _command(config, source, out, config.workers)
    journal = folder / ".all.parquet.partial" / "_journal.json"
    start_s = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    while child.poll() is None and (kept := _rows(journal)) < config.texts / 2:
        time.sleep(0.1)
    if child.returncode is not None:
        raise ValueError("the engine ended before it was killed; more texts will do.")
    os.killpg(child.pid, 9)
    child.wait()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {
        "rows_kept": kept,
        "seconds": time.perf_counter() - start_s,
        "rows": json.loads(done.stdout)["rows"],
    }


def _rows(journal: Path) -> int:
    try:
        return sum(part["rows"] for part in json.loads(journal.read_bytes())["parts"])
    except FileNotFoundError:
        return 0


def _check(config: BulkConfig, texts: list[str], folder: Path) -> dict[str, Any]:
    """Hold keys, and some rows against the plain script's.

    Raises:
        ValueError: If a row is missing, there twice, or another one.
    """
    table = pq.read_table(folder / "all.parquet", columns=["row", "features"])
    if not np.array_equal(table["row"].to_numpy(), np.arange(len(texts))):
        raise ValueError("rows are missing, there twice, or out of order.")
    chosen = np.linspace(0, len(texts) - 1, _CHECKED).astype(int)
    source = _written(folder / "chosen.txt", (texts[row] for row in chosen))
    out = folder / "chosen.npy"
    subprocess.run(_command(config, source, out, 0), check=True, capture_output=True)
    expected_NF = np.load(out, allow_pickle=False)
    found_NF = np.float32(table["features"].take(chosen).to_pylist())
    gap = float(np.abs(found_NF - expected_NF).max() / np.abs(expected_NF).max())
    if not gap < _MOST_GAP:
        raise ValueError(f"features differ by {gap:.1e} of the largest value.")
    return {"rows": len(table), "compared": len(chosen), "largest_difference": gap}


if __name__ == "__main__":
    run(main)
