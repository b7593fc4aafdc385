"""The speed of every runner as lines for a terminal."""

from __future__ import annotations

from typing import Any

from compare.report.numbers import tiny
from compare.report.results import Results
from compare.report.tables import printable


def short_table(results: Results) -> str:
    """Return a block of lines for each cell: rate, times the reference, largest gap.

    Of a study the sentences that its figures say.
    """
    lines = [line for entry in results["speed"] for line in _block(entry)]
    if results["study"] is not None:
        said = [each["sentence"] for each in results["study"]["findings"]]
        lines += [f"- {printable(sentence)}" for sentence in said]
    return "\n".join(lines)


def _block(entry: dict[str, Any]) -> list[str]:
    title = printable(entry["cell"]["key"])
    if entry["skipped"] is not None:
        return [f"{title}: skipped, {printable(entry['skipped'])}"]
    against = printable(entry["reference"] or "the reference")
    lines = [f"{title:42} {'bytes/s':>10}  times {against} [95 %]", "-" * 88]
    for name, timing in entry["runners"].items():
        lines.append(f"  {printable(name):40} {_figures(timing)}".rstrip())
    return [*lines, ""]


def _figures(timing: dict[str, Any]) -> str:
    if timing["status"] != "ok":
        return f"{timing['status']}: {printable(timing['reason'])}"
    rate, times, gap = timing["bytes_per_s"], timing["times_reference"], timing["gap"]
    words = f"{rate['median']:10,.0f}"
    if times is not None:
        words += f"  {times['median']:.2f} [{times['low']:.2f}-{times['high']:.2f}]"
    return words + (f"  gap {tiny(gap['value'])}" if gap and gap["value"] else "")
