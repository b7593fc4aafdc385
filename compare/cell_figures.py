"""What the passes found of a cell -> figures with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compare.cells import GridCell, parameters
from compare.equal_work import size_of
from compare.intervals import interval
from compare.rounds import ABSENT, FAILED, INVALID, OK, takes
from compare.runners.facts import Found


def cell_figures(
    cell: GridCell,
    runners: Mapping[str, Found],
    absent: Mapping[str, str | None],
    skipped: str | None,
    found: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what all passes found of a cell, as a report has it.

    Args:
        cell: What was measured.
        runners: All of the comparison, the absent ones too.
        absent: Why a runner is absent, None if it is not.
        skipped: Why it was not measured, None if it was.
        found: For each pass what `measure_cell` found of the runners.
    """
    weights = parameters(cell.config().model)
    able = [name for name, runner in runners.items() if takes(runner, cell)]
    reference = next((n for n in able if _status(n, found)[0] == OK), None)
    return {
        "cell": cell.described(),
        "skipped": skipped,
        "parameters": weights,
        "weight_bytes": 4 * weights,
        "flops": cell.flops,
        "bytes": cell.work_bytes,
        "reference": reference,
        "runners": {
            name: _entry(cell, name, reference, absent[name], found) for name in able
        },
    }


def _status(
    name: str, found: Sequence[Mapping[str, Any]]
) -> tuple[str, str | None, str]:
    """Return the worst of what became of a runner in all passes, and why."""
    entries = [each[name] for each in found if name in each]
    for status in (FAILED, INVALID):
        for entry in entries:
            if entry["status"] == status:
                return status, entry["reason"], entry["stderr"]
    if not entries:
        return ABSENT, "not measured", ""
    return OK, None, ""


def _entry(
    cell: GridCell,
    name: str,
    reference: str | None,
    absent: str | None,
    found: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the figures of one runner in a cell."""
    status, reason, stderr = _status(name, found)
    if status == ABSENT and absent:
        reason = absent
    entries = [each[name] for each in found if name in each]
    gaps = [entry["gap"] for entry in entries if entry.get("gap")]
    entry: dict[str, Any] = {
        "status": status,
        "reason": reason,
        "stderr": stderr,
        "gap": max(gaps, key=size_of) if gaps else None,
        **dict.fromkeys(
            (
                *("seconds", "bytes_per_s", "times_reference", "of_gemm"),
                *("gemm_flop_per_s", "first_s", "peak_resident_bytes"),
                "peak_device_bytes",
            )
        ),
        "turns": [each["turns"] for each in entries],
    }
    if status != OK:
        return entry
    turns = entry["turns"]
    seconds = [[turn["seconds"] for turn in each] for each in turns]
    rates = [[turn["gemm_flop_per_s"] for turn in each] for each in turns]
    first = [[each["first_s"]] for each in entries if "first_s" in each]
    entry |= {
        "seconds": interval(seconds),
        "bytes_per_s": interval(
            [[cell.work_bytes / s for s in each] for each in seconds]
        ),
        "gemm_flop_per_s": interval(rates),
        "of_gemm": interval(
            [
                [cell.flops / s / rate for s, rate in zip(*pair, strict=True)]
                for pair in zip(seconds, rates, strict=True)
            ]
        ),
        "first_s": interval(first) if first else None,
        "peak_resident_bytes": _most(entries, "peak_resident_bytes"),
        "peak_device_bytes": _most(entries, "peak_device_bytes"),
    }
    if reference is not None:
        others = [
            [turn["seconds"] for turn in each[reference]["turns"]] for each in found
        ]
        # Rounds are taken together: the reference's turn of the same round.
        entry["times_reference"] = interval(
            [
                [r / s for r, s in zip(*pair, strict=True)]
                for pair in zip(others, seconds, strict=True)
            ]
        )
    return entry


def _most(entries: Sequence[Mapping[str, Any]], name: str) -> int | None:
    values = [entry[name] for entry in entries if entry.get(name) is not None]
    return max(values, default=None)
