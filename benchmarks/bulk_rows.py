"""How fast do engines featurize many short texts, and is each row there once?

    python -m benchmarks.bulk_rows --model runs/first --texts 1000000

Cuts the texts of a source into short pieces at the ends of sentences, repeated until
there are enough. First a share of them is featurized in turns by the plain script, by
one and by several processes of an engine (whole commands, their start included). Then
all of them by the engine, killed once with its process group and called again: each row
must be there once, in order, and some hundred of them are compared with the model.
"""

from __future__ import annotations

import itertools
import json
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.children import started
from benchmarks.result import begin, finish, span
from benchmarks.timing import spread
from tfsent.bulk.parts import JOURNAL
from tfsent.bulk.readers import is_saved_model
from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config import DataConfig
from tfsent.data.sources import open_source
from tfsent.engines import Engine, available_cores

_SCRIPT = Path(__file__).parents[1] / "scripts" / "featurize.py"
_SENTENCE = re.compile(r"[^.!?]+[.!?]*")
_CHECKED = 300
_INTERVAL_S = 0.05
_MOST_GAP = 2e-5
"""Of the largest value: what tests/scripts/test_engine.py lets features differ between
batches, and tfsent/export/proof.py a SavedModel from its model. float32 rounding alone;
another row differs by some tenths."""


@dataclass(frozen=True, kw_only=True)
class BulkConfig:
    """What is measured."""

    model: str
    """Run folder, or a SavedModel of export.py."""
    plain_model: str | None = None
    """Run folder of the same weights, for the plain script and the check, where `model`
    is a SavedModel."""
    source: str = "builtin"
    """Where sentences come from."""
    feature: str | None = None
    """As for featurize.py."""
    texts: int = 1_000_000
    """Texts of the run that is killed."""
    share: int = 50_000
    """Texts of a turn of the comparison; at most `texts`."""
    longest: int = 100
    """Characters of a text at most."""
    repeats: int = 3
    """Turns of each way."""
    engine: Engine = "local"
    """Who carries out the work: processes of this machine, or a Ray cluster."""
    workers: int = available_cores()
    """Processes of the engine."""
    folder: str | None = None
    """Where the temporary folder is made. Default: the system's."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("texts", "share", "longest", "repeats", "workers"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} is {value}; at least 1 will do.")
        if self.share > self.texts:
            raise ValueError(
                f"share is {self.share}; at most texts, {self.texts}, will do."
            )
        name = "model" if self.plain_model is None else "plain_model"
        if is_saved_model(getattr(self, name)):
            raise ValueError(
                f"{name} is {getattr(self, name)}, a SavedModel, which the plain "
                "script cannot read; as plain_model the run folder that it was "
                "exported from will do."
            )


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, check and print."""
    config = parse_config(argv, BulkConfig, description=__doc__)
    quiet()
    result = begin("benchmarks.bulk_rows", argv, config) | {"settings": asdict(config)}
    for package in ("pyarrow", *(["ray"] if config.engine == "ray" else [])):
        result["versions"][package] = metadata.version(package)
    with tempfile.TemporaryDirectory(dir=config.folder) as name:
        folder = Path(name)
        texts = list(itertools.islice(short_texts(config), config.texts))
        everything = _written(folder / "all.txt", texts)
        some = _written(folder / "some.txt", texts[: config.share])
        result |= {
            "texts": len(texts),
            "bytes": everything.stat().st_size,
            "texts_per_s": _compare(config, some, folder),
            "killed": _killed(config, everything, folder),
        }
        result["check"] = _check(config, texts, folder, result["killed"])
    finish(result, config, table(result))


def table(result: dict[str, Any]) -> str:
    """Return a result as lines."""
    lines = [
        f"{way:16} {span(found, ',.0f')} texts/s"
        for way, found in result["texts_per_s"].items()
    ]
    killed, check = result["killed"], result["check"]
    lines.append(
        f"{result['texts']:,} texts, {result['bytes'] / 1e6:.1f} MB, "
        f"{killed['feature']}, killed with {killed['rows_kept']:,} rows done: "
        f"{killed['seconds']:.0f} s in all, each row once; largest difference "
        f"{check['largest_difference']:.1e} of the largest value"
    )
    return "\n".join(lines)


def short_texts(config: BulkConfig) -> Iterator[str]:
    """Yield sentences of the source without end; those that are long, cut.

    Raises:
        ValueError: If the source has none.
    """
    source = open_source(config.source, DataConfig(source=config.source))
    while True:
        found = False
        for sample in source.samples():
            for sentence in _SENTENCE.findall(sample.text.replace("\n", " ")):
                text = sentence.strip()[: config.longest]
                if text:
                    found = True
                    yield text
        if not found:
            raise ValueError(f"source is {config.source}; one with text will do.")


def _written(path: Path, texts: Iterable[str]) -> Path:
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    return path


def _flags(config: BulkConfig, source: Path, out: Path, workers: int) -> list[str]:
    """Return the flags of an engine; of the plain script where `workers` is 0."""
    model = config.model if workers else (config.plain_model or config.model)
    flags = ["--json", "--model", model]
    flags += ["--data.source", str(source), "--out", str(out)]
    if config.feature:
        flags += ["--feature", config.feature]
    if workers:
        return [*flags, "--engine", config.engine, "--workers", str(workers)]
    return [*flags, "--no-cache"]


def _compare(
    config: BulkConfig, source: Path, folder: Path
) -> dict[str, dict[str, float]]:
    """Return texts a second of each way."""
    ways = {"plain script": 0, "engine, 1": 1}
    ways[f"engine, {config.workers}"] = config.workers
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(config.repeats):
        for way, workers in ways.items():
            out = folder / f"{turn}-{workers}{'.parquet' if workers else '.npy'}"
            start_s = time.perf_counter()
            with started(_SCRIPT, _flags(config, source, out, workers)) as child:
                rows = child.result()["rows"]
            rates[way].append(rows / (time.perf_counter() - start_s))
            if rows != config.share:
                raise ValueError(f"{way}: {rows} rows of {config.share} texts.")
            tell(f"{way}: {rates[way][-1]:,.0f} texts/s")
    return {way: spread(found)._asdict() for way, found in rates.items()}


def _killed(config: BulkConfig, source: Path, folder: Path) -> dict[str, Any]:
    """Featurize all, killed once half-way.

    Raises:
        ChildProcessError: If the engine fails, or ends before it is killed.
    """
    out = folder / "all.parquet"
    flags = _flags(config, source, out, config.workers)
    journal = folder / ".all.parquet.partial" / JOURNAL
    start_s = time.perf_counter()
    with started(_SCRIPT, flags) as child:
        while child.runs() and _rows(journal) < config.texts / 2:
            time.sleep(_INTERVAL_S)
        child.kill()
    kept = _rows(journal)
    if out.exists() or kept >= config.texts:
        raise ChildProcessError(
            f"{_SCRIPT.name} was done before it was killed; more texts will do."
        )
    with started(_SCRIPT, flags) as child:
        told = child.result()
    return {
        "rows_kept": kept,
        "seconds": time.perf_counter() - start_s,
        "rows": told["rows"],
        "feature": told["feature"],
    }


def _rows(journal: Path) -> int:
    try:
        return sum(part["rows"] for part in json.loads(journal.read_bytes())["parts"])
    except FileNotFoundError:
        return 0


def _check(
    config: BulkConfig, texts: list[str], folder: Path, killed: dict[str, Any]
) -> dict[str, Any]:
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
    with started(_SCRIPT, _flags(config, source, out, 0)) as child:
        feature = child.result()["feature"]
    if feature != killed["feature"]:
        raise ValueError(
            f"the engine gave {killed['feature']} and the plain script {feature}; "
            "with feature set, or another plain_model, they are the same."
        )
    expected_NF = np.load(out, allow_pickle=False)
    found_NF = np.float32(table["features"].take(chosen).to_pylist())
    gap = float(np.abs(found_NF - expected_NF).max() / np.abs(expected_NF).max())
    if not gap < _MOST_GAP:
        raise ValueError(f"features differ by {gap:.1e} of the largest value.")
    return {"rows": len(table), "compared": len(chosen), "largest_difference": gap}


if __name__ == "__main__":
    run(main)
