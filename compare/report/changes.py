"""What is not the same around two measurements: machine, versions and settings."""

from __future__ import annotations

from collections.abc import Iterator

from compare.report.results import Results
from compare.report.speed_sections import versions_text

_MACHINE = ("cpu", "threads", "memory_bytes", "system")


def changes(one: Results, other: Results) -> Iterator[tuple[str, str, str]]:
    """Yield what differs: its name, then as it is in the one and in the other."""
    first, second = _facts(one), _facts(other)
    for name in {**first, **second}:
        before, after = first.get(name, "none"), second.get(name, "none")
        if before != after:
            yield name, before, after


def _facts(results: Results) -> dict[str, str]:
    provenance, settings = results["provenance"], results["settings"]
    facts = {key: str(provenance[key]) for key in _MACHINE}
    facts["preset"] = results["preset"]
    for name, version in provenance["versions"].items():
        facts[name] = version
    for name, runner in results["runners"].items():
        for key in ("device", "threads", "absent"):
            facts[f"{key} of {name}"] = str(runner[key])
        facts[f"versions of {name}"] = versions_text(runner["versions"] or {})
    named = settings if isinstance(settings, dict) else {"settings": settings}
    return facts | {f"setting {name}": str(value) for name, value in named.items()}
