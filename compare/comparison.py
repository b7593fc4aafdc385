"""A whole comparison: speed, parity, quality -> one object of results.

What is measured lies in the folder of the report as soon as it is there, and is not
measured again.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from benchmarks.generate import random_weights
from benchmarks.provenance import provenance
from compare.cell_figures import cell_figures
from compare.cells import GridCell, parse_cells
from compare.intervals import interval
from compare.quality import measure_quality
from compare.report import FORMAT, FORMAT_VERSION
from compare.rounds import measure_passes, read_passes, read_starts, takes
from compare.runners.facts import Found, find_runners
from compare.runners.process import RunnerError, RunnerProcess
from compare.settings import CompareConfig
from compare.study.study import measure_study
from compare.training_runs import call_script
from tfsent.checkpoint import atomic, save_weights
from tfsent.session import Tell

_SETTINGS = "settings.json"


def chosen_runners(config: CompareConfig) -> dict[str, Found]:
    """Return the runners that are asked for; the first is what others are held against.

    Raises:
        ValueError: If one is unknown.
    """
    known = find_runners()
    names = [name.strip() for name in config.runners.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise ValueError(
                f"runners has {name!r}; {', '.join(known)} will do, in any number."
            )
    # This project on TensorFlow is the reference, unless the user names another.
    first = "keras-tensorflow"
    return {name: known[name] for name in names or sorted(known, key=first.__ne__)}


def claim_folder(config: CompareConfig, folder: Path) -> None:
    """Make the folder of a report, or make sure that it is one of the same settings.

    Raises:
        ValueError: If it holds a comparison of other settings, or anything else.
    """
    settings = _settings(config)
    path = folder / _SETTINGS
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        other = [name for name in settings if before.get(name) != settings[name]]
        if other:
            raise ValueError(
                f"{folder} holds a comparison with other settings ("
                f"{', '.join(other)}); name another folder, or give --fresh."
            )
        return
    if folder.exists() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty and holds no comparison.")
    atomic.make_folder(folder)
    atomic.replace_file(path, [json.dumps(settings, indent=1).encode("utf-8")])


def _settings(config: CompareConfig) -> dict[str, Any]:
    """Return the settings that a report stands for, as JSON values."""
    asked = dataclasses.asdict(config)
    for name in ("name", "out", "diff", "fresh", "json"):
        del asked[name]
    if not config.measure_study:
        # A comparison without one stands for the same as before there was any.
        del asked["measure_study"], asked["study"]
    found: dict[str, Any] = json.loads(json.dumps(asked))
    return found


def compare(
    config: CompareConfig,
    folder: Path,
    command: str,
    tell: Tell = lambda line: None,
) -> dict[str, Any]:
    """Measure what is not yet there, and return the results.

    Args:
        config: What is asked for.
        folder: Of the report, made by `claim_folder`.
        command: As typed, for the report.
        tell: Takes a line on how far it is.

    Raises:
        ValueError: If a script fails; it has said why.
        OSError: If the disk refuses; names the file.
    """
    cells = parse_cells(config.cells)
    # A study has systems of its own.
    runners = chosen_runners(config) if cells or not config.measure_study else {}
    absent = _absent(runners, config)
    present = {name: found for name, found in runners.items() if not absent[name]}
    skipped = {cell.key: _too_large(cell, present) for cell in cells}
    measured = [cell for cell in cells if not skipped[cell.key]]
    measure_passes(measured, present, config.timing, folder / "speed", tell)
    notes = []
    parity = None
    if config.parity:
        tell("parity: Keras and PyTorch, step by step")
        parity = _parity(folder / "parity.json")
    quality = None
    if config.measure_quality:
        quality = measure_quality(config.quality, folder / "quality", tell)
    study = None
    if config.measure_study:
        study = measure_study(config.study, folder / "study", tell)
    starts = read_starts(folder / "speed")
    for name, reason in absent.items():
        if reason:
            notes.append(f"Runner {name} is absent: {reason}.")
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "provenance": provenance(command)
        | {"memory_bytes": psutil.virtual_memory().total},
        "preset": config.name,
        "settings": _settings(config),
        "runners": {
            name: _runner(found, absent[name], starts.get(name))
            for name, found in runners.items()
        },
        "speed": [
            cell_figures(
                cell,
                runners,
                absent,
                skipped[cell.key],
                read_passes(cell, config.timing.passes, folder / "speed"),
            )
            for cell in cells
        ],
        "parity": parity,
        "quality": quality,
        "study": study,
        "notes": notes,
    }


def _too_large(cell: GridCell, runners: Mapping[str, Found]) -> str | None:
    """Return why a cell cannot be measured here, None if it can."""
    names = [name for name, found in runners.items() if takes(found, cell)]
    if not names:
        return "no runner that is here computes it"
    needed, there = cell.needed_bytes(len(names)), psutil.virtual_memory().available
    if needed > there:
        return (
            f"{len(names)} runners need about {needed / 2**30:.0f} GiB at once, "
            f"{there / 2**30:.0f} GiB are free"
        )
    return None


def _absent(
    runners: Mapping[str, Found], config: CompareConfig
) -> dict[str, str | None]:
    """Return why runners are absent, None of those that are here."""
    reasons = {name: found.facts.absent() for name, found in runners.items()}
    if config.gpu:
        for name, reason in reasons.items():
            if reason is None:
                limit_s = config.timing.limit_s
                reasons[name] = _without_gpu(runners[name], limit_s)
    return reasons


def _without_gpu(found: Found, limit_s: float) -> str | None:
    try:
        process = RunnerProcess(found, limit_s)
    except RunnerError:
        return None  # The cells will tell what is wrong with it.
    process.close()
    return "it finds no GPU" if process.facts["device"] == "cpu" else None


def _runner(
    found: Found, absent: str | None, started: Mapping[str, Any] | None
) -> dict[str, Any]:
    started = started or {}
    seconds = started.get("start_s", [])
    return {
        "what": found.facts.what,
        "absent": absent,
        "device": started.get("device"),
        "threads": started.get("threads"),
        "versions": started.get("versions"),
        "start_s": interval([[s] for s in seconds]) if seconds else None,
    }


def _parity(path: Path) -> dict[str, Any]:
    """Return how Keras and PyTorch compare on one model, kept in a file.

    The model is small and new: what is compared is the arithmetic, layer by layer and
    step by step. A trained one is proved by `scripts/convert.py --verify`.
    """
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
        return kept
    settings = GridCell(hidden_size=128).config()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = random_weights(settings.model)
        save_weights(folder / "model", weights, dataclasses.asdict(settings))
        call_script(
            *("convert.py", folder / "model", folder / "twin"),
            *("--to", "twin", "--verify", "--json"),
        )
        proof = json.loads((folder / "twin.certificate.json").read_text())
    found = _parity_of(proof)
    atomic.replace_file(path, [json.dumps(found).encode("ascii")])
    return found


def _parity_of(proof: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parity of a certificate as a report has it."""
    gradients: dict[str, float | None] = {}
    for name, found in proof["gradients"].items():
        gap, largest = found["largest_difference"], found["largest"]
        gradients[name] = gap / largest if gap is not None and largest else gap
    return {
        "passed": proof["passed"],
        "checks": proof["checks"],
        "steps": {
            f"{name}, from the {start}": gaps
            for start, trace in proof["largest_difference_by_step"].items()
            for name, gaps in trace.items()
        },
        "gradients": gradients,
    }
