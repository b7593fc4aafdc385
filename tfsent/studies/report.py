"""The folder of a study: results, table, picture, and what they say.

OUT/results.json  table.csv  report.md  STUDY.png  (words: also words.html)
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfsent.checkpoint import atomic
from tfsent.checkpoint.strict_json import json_bytes
from tfsent.studies.pictures import picture
from tfsent.studies.results import Results
from tfsent.studies.rules import sentences
from tfsent.studies.word_page import word_page

TITLES = {
    "optimizers": "Race of five optimizers",
    "tricks": "What each trick adds",
    "crossover": "Accuracy against number of labels",
    "depth": "Accuracy and time against number of layers",
    "words": "Word vectors and sentiment",
}

_COLUMNS = (
    "line",
    "x",
    "draw",
    "val_accuracy",
    "val_f1",
    "test_accuracy",
    "interval",
    "parameters",
    "updates",
    "seconds",
    "peak_memory_bytes",
)
_X = {
    "optimizers": "rate",
    "tricks": "step",
    "crossover": "labels",
    "depth": "layers",
    "words": "x",
}


def write_report(folder: Path, results: Results) -> None:
    """Write all files of a study.

    Raises:
        OSError: If the disk refuses; names the file.
    """
    name = results["study"]
    files = {
        "results.json": json_bytes(results),
        "table.csv": _csv(results),
        f"{name}.png": picture(results),
        "report.md": _markdown(results).encode(),
    }
    if name == "words":
        files["words.html"] = word_page(results).encode()
    for file, content in files.items():
        atomic.replace_file(folder / file, [content])


def short_table(results: Results) -> str:
    """Return what a study found, for the terminal."""
    return "\n".join([_table(results), "", *sentences(results)])


def _markdown(results: Results) -> str:
    origin = results["provenance"]
    name = results["study"]
    versions = ", ".join(f"{k} {v}" for k, v in origin["versions"].items())
    texts = ", ".join(f"{count:,} {split}" for split, count in results["texts"].items())
    lines = [
        f"# {TITLES[name]}",
        "",
        f"    {origin['command']}",
        "",
        f"{origin['date']}, {origin['cpu']}, {origin['threads']} cores, {versions}. "
        f"Texts: {texts}. Intervals are 95 %: bootstrapped over the test texts of one "
        "run, or the middle 95 % of several draws.",
        "",
        f"![{TITLES[name]}]({name}.png)",
        "",
        *[f"- {sentence}" for sentence in sentences(results)],
        "",
        _table(results),
        "",
    ]
    if name == "words":
        lines += ["`words.html` names every word under the pointer.", ""]
    return "\n".join(lines)


def _table(results: Results) -> str:
    """Return the runs as a table of Markdown."""
    columns = [c for c in _COLUMNS if any(c in run for run in results["runs"])]
    head = [_X[results["study"]] if c == "x" else c.replace("_", " ") for c in columns]
    rows = [[_spell(c, run.get(c)) for c in columns] for run in results["runs"]]
    return "\n".join(
        "| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]
    )


def _spell(column: str, value: Any) -> str:
    if value is None:
        return ""
    if column == "interval":
        return f"{value[0]:.4f} to {value[1]:.4f}"
    if column == "peak_memory_bytes":
        return f"{value / 2**20:,.0f} MiB"
    if column == "seconds":
        return f"{value:,.0f}"
    if isinstance(value, float):
        return (
            f"{value:.4f}" if "accuracy" in column or "f1" in column else f"{value:g}"
        )
    return f"{value:,}" if isinstance(value, int) else str(value)


def _csv(results: Results) -> bytes:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    columns = [c for c in _COLUMNS if c != "interval"]
    writer.writerow([*columns, "low", "high"])
    for run in results["runs"]:
        ends: Sequence[Any] = run.get("interval") or ("", "")
        writer.writerow([*(run.get(c, "") for c in columns), *ends])
    return file.getvalue().encode()
