"""Dataclass <-> JSON: nested settings as plain values, read back strictly.

Knows no setting by name; `tfsent.cli` adds the flags.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import sys
from collections.abc import Sequence
from types import NoneType, UnionType
from typing import (
    Any,
    Literal,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

C = TypeVar("C")

WORDS = {
    NoneType: "None",
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    str: "text",
}
"""What a setting of each plain type may be."""

FILE_NOTES = ("format", "format_version", "converted")
"""Names that a file may hold beside the settings; their writer checks them. The last
says where the weights of a converted run came from."""


def setting_types(config_type: Any, prefix: str = "") -> dict[str, Any]:
    """Return the type of every setting by its dotted path, depth first."""
    found: dict[str, Any] = {}
    hints = get_type_hints(config_type)
    for field in dataclasses.fields(config_type):
        kind = hints[field.name]
        if dataclasses.is_dataclass(kind):
            found |= setting_types(kind, f"{prefix}{field.name}.")
        else:
            found[prefix + field.name] = kind
    return found


def choices(kind: Any) -> list[str]:
    """Return the names that a setting of this type may have; none if it is free."""
    if get_origin(kind) is Literal:
        return [str(choice) for choice in get_args(kind)]
    return [choice for arm in _arms(kind) for choice in choices(arm)]


def _arms(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else ()


def describe(kind: Any) -> str:
    """Return in words what a setting of this type may be."""
    if _arms(kind):
        # None last, since it is rarely what was meant.
        arms = sorted(_arms(kind), key=lambda arm: arm is NoneType)
        return " or ".join(describe(arm) for arm in arms)
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(kind))
    if get_origin(kind) is tuple:
        items = get_args(kind)
        if items[-1] is Ellipsis:
            return f"values, each {describe(items[0])},"
        return f"{len(items)} values ({', '.join(map(describe, items))})"
    return WORDS.get(kind, str(kind))


def to_dict(config: Any) -> dict[str, Any]:
    """Return nested settings as plain JSON values; `from_dict` takes them back."""
    return {
        field.name: _plain(getattr(config, field.name))
        for field in dataclasses.fields(config)
    }


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return to_dict(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"a setting of type {type(value).__name__} has no place in JSON.")


def from_dict(config_type: type[C], values: Any, where: str = "") -> C:
    """Return the settings that `to_dict` wrote. Settings left out keep their default.

    Args:
        config_type: Dataclass to build.
        values: Nested dictionary of JSON values.
        where: Dotted path of `values` in the whole, for messages.

    Raises:
        ValueError: If a name is unknown, at any level, or a value is of another type
            or refused by its dataclass. The message names the setting.
    """
    if not isinstance(values, dict):
        raise ValueError(
            f"{where or 'the settings'} must be a JSON object, not {values!r}."
        )
    prefix = f"{where}." if where else ""
    hints = get_type_hints(config_type)
    fields = dataclasses.fields(cast(Any, config_type))
    for name in values:
        if name not in hints:
            paths = [prefix + field.name for field in fields]
            paths += list(setting_types(config_type, prefix))
            hint = did_you_mean(f"{prefix}{name}", paths)
            raise ValueError(f"{prefix}{name} is not a setting.{hint}")
    given = {
        name: _value(hints[name], value, prefix + name)
        for name, value in values.items()
    }
    missing = [
        prefix + field.name
        for field in fields
        if field.name not in given
        and field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise ValueError(f"{' and '.join(missing)} must be given.")
    return config_type(**given)


def _value(kind: Any, value: Any, where: str) -> Any:
    """Return a JSON value as the type of its setting; refuse any other type."""
    if dataclasses.is_dataclass(kind):
        return from_dict(cast(Any, kind), value, where)
    for arm in _arms(kind) or (kind,):
        items = get_args(arm)
        if get_origin(arm) is tuple and isinstance(value, list | tuple):
            if items[-1] is Ellipsis:
                items = items[:1] * len(value)
            if len(items) == len(value):
                return tuple(map(_value, items, value, [where] * len(items)))
        elif _fits(arm, value):
            return float(value) if arm is float else value
    hint = did_you_mean(value, choices(kind)) if isinstance(value, str) else ""
    raise ValueError(f"{where} is {value!r}; {describe(kind)} will do.{hint}")


def _fits(kind: Any, value: Any) -> bool:
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if kind is float:  # JSON writers may drop the point of 1.0.
        return type(value) in (int, float) and abs(value) <= sys.float_info.max
    return type(value) is kind


def read_config(path: str | os.PathLike[str], config_type: type[C]) -> C:
    """Return the settings in a JSON file: a run's `config.json`, or the bare settings.

    Raises:
        ValueError: If the file is not JSON or `from_dict` refuses what it holds; the
            message starts with the path.
        OSError: If the file cannot be read.
    """
    with open(path, encoding="utf-8") as file:
        try:
            values = json.load(file, object_pairs_hook=_without_repeats)
            return from_dict(config_type, _bare(values, config_type))
        except RecursionError:
            raise ValueError(f"{os.fspath(path)}: nested too deeply.") from None
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from None


def _bare(values: Any, config_type: type[Any]) -> Any:
    """Return the settings in what a file holds, without the notes beside them."""
    if not isinstance(values, dict):
        return values
    names = get_type_hints(config_type)
    if "config" in values and "config" not in names:
        return values["config"]
    return {k: v for k, v in values.items() if k not in FILE_NOTES or k in names}


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice} is given twice.")
    return values


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return ' Did you mean ...?' with the closest known names, or nothing."""
    name = name.replace("_", "-") if name.startswith("--") else name
    leaf = name.lstrip("-").split(".")[-1]
    leaves = {other: other.lstrip("-").split(".")[-1] for other in known}
    close = [other for other in known if leaves[other] == leaf]
    close = close or difflib.get_close_matches(name, known, n=1)
    if not close:
        nearest = difflib.get_close_matches(leaf, list(leaves.values()), n=1)
        close = [other for other in known if leaves[other] in nearest]
    return f" Did you mean {' or '.join(close)}?" if close else ""
