"""One object holds all that a comparison measured: what it must look like; to disk.

Every field is described, with its unit, in `results.schema.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import jsonschema

from tfsent.checkpoint import atomic
from tfsent.checkpoint.strict_json import brief, json_bytes, parse_object

FORMAT, FORMAT_VERSION = "tfsent-comparison", 2
SCHEMA: dict[str, Any] = json.loads(
    Path(__file__).with_name("results.schema.json").read_text(encoding="utf-8")
)

_LONGEST = 60
"""Longest value that an error quotes."""

_WITH_RANGES = (("quality",), ("study",))

Results = dict[str, Any]
Place = tuple[str | int, ...]


def check_results(results: Results) -> None:
    """Refuse what is no sound results object.

    Raises:
        ValueError: In one line that names the first place that is wrong.
    """
    for place, value in _walk(results):
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{_at(place)} is {value}, which is no JSON number.")
    validator = jsonschema.Draft202012Validator(SCHEMA)
    error = jsonschema.exceptions.best_match(validator.iter_errors(results))
    if error is not None:
        raise ValueError(f"{_at(tuple(error.absolute_path))} {_reason(error)}.")
    for place, value in _walk(results):
        _check_interval(place, value)
    _check_cells(results)
    _check_parity(results["parity"])


def read_results(path: str | PathLike[str]) -> Results:
    """Return the results object that a file holds, of version 1 as one of version 2.

    Raises:
        ValueError: In one line that names the file: it is no JSON, another
            format, another version, or not sound.
        OSError: If it cannot be read.
    """
    found = parse_object(Path(path).read_bytes(), path)
    named, version = found.get("format"), found.get("format_version")
    if named != FORMAT:
        raise ValueError(f"{path}: its format is {brief(named)}, not {FORMAT!r}.")
    if type(version) is int and version == 1:
        # What came with version 2 was not measured before it.
        found = {**found, "format_version": FORMAT_VERSION, "study": None}
        version = FORMAT_VERSION
    if type(version) is int and version != FORMAT_VERSION:
        age = "an older" if version < FORMAT_VERSION else "a newer"
        raise ValueError(
            f"{path}: format_version is {version}, {age} one; this program reads "
            f"version {FORMAT_VERSION}."
        )
    try:
        check_results(found)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return found


def write_results(path: str | PathLike[str], results: Results) -> None:
    """Write a results object, replacing what is there as a whole.

    Raises:
        ValueError: If it is not sound; nothing is written then.
        OSError: If the disk refuses; what was there stays.
    """
    check_results(results)
    atomic.replace_file(Path(path), [json_bytes(results)])


def _walk(root: Any) -> Iterator[tuple[Place, Any]]:
    """Yield every value of a JSON tree with where it is, in the order of the file."""
    # A stack of its own: settings may be nested as deeply as JSON can be read.
    left: list[tuple[Place, Any]] = [((), root)]
    while left:
        place, value = left.pop()
        yield place, value
        inside: list[tuple[str | int, Any]] = []
        if isinstance(value, dict):
            inside = list(value.items())
        elif isinstance(value, list):
            inside = list(enumerate(value))
        left += [((*place, name), each) for name, each in reversed(inside)]


def _at(place: Place) -> str:
    """Return a place as one would write it: `speed[0].runners["keras-jax"]`."""
    text = "results"
    for part in place:
        if isinstance(part, str) and part.isidentifier():
            text += f".{part}"
        else:
            text += f"[{json.dumps(part) if isinstance(part, str) else part}]"
    return text


def _reason(error: jsonschema.ValidationError) -> str:
    """Say what is wrong in one short line; the library's own may quote whole tables."""
    value, wanted, rule = error.instance, error.validator_value, error.validator
    if rule == "required":
        return f"lacks {', '.join(name for name in wanted if name not in value)}"
    if rule == "additionalProperties":
        known = error.schema.get("properties", {})
        return (
            f"has the unknown field {brief(next(n for n in value if n not in known))}"
        )
    said = (
        brief(value) if len(brief(value)) <= _LONGEST else f"a {type(value).__name__}"
    )
    if rule == "type":
        names = [wanted] if isinstance(wanted, str) else wanted
        return f"is {said}; the type must be {' or '.join(names)}"
    if rule in ("const", "enum"):
        return f"is {said}; it must be {json.dumps(wanted)}"
    return f"is {said}; {rule} is {brief(wanted)}"


def _check_interval(place: Place, value: Any) -> None:
    if place[:1] == ("settings",) or place[:2] == ("quality", "model"):
        return
    if isinstance(value, dict) and value.keys() == {"median", "low", "high", "n"}:
        low, high = value["low"], value["high"]
    elif value and place[:1] in _WITH_RANGES and place[-1] == "interval":
        low, high = value
    else:
        return
    if low > high:
        raise ValueError(f"{_at(place)}: low is {low}, above high, {high}.")


def _check_cells(results: Results) -> None:
    seen: set[str] = set()
    for number, entry in enumerate(results["speed"]):
        place, key = _at(("speed", number)), entry["cell"]["key"]
        if key in seen:
            raise ValueError(f"{place}.cell.key: there are two cells {brief(key)}.")
        seen.add(key)
        for name in entry["runners"]:
            if name not in results["runners"]:
                raise ValueError(f"{place}: runner {brief(name)} is not in runners.")
        reference = entry["reference"]
        if entry["skipped"] is None and reference not in (None, *entry["runners"]):
            raise ValueError(
                f"{place}: reference {brief(reference)} is no runner of it."
            )


def _check_parity(parity: dict[str, Any] | None) -> None:
    if parity is None:
        return
    if parity["passed"] != all(check["passed"] for check in parity["checks"]):
        raise ValueError(
            f"results.parity.passed is {parity['passed']}, which is not what its "
            "checks say."
        )
