"""Which settings may change when a run is resumed.

A resumed run must end as if it had never been stopped. What only says how
often something is told or saved, on how many devices and in how much memory, or where
the data lies, may change; anything else would give another run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from tfsent.config import RunConfig

CALL = ("fresh", "json", "launcher", "max_restarts", "out", "plan", "workers")
"""Settings of one call of the command, not of the run."""

FREE = (
    *("log.*", "checkpoint.*", "distribution.*"),
    *("training.eval_interval", "training.eval_bytes", "training.test_bytes"),
    *("training.accumulation_steps", "training.recompute_segment"),
    "training.recompute_layers",
    *("data.root", "data.cache_dir"),
    "converted.*",
    *CALL,
)
"""What may change on resume; `.*` stands for a whole section. `converted` is no
setting: it says where the weights of a converted run came from."""

GROWING = ("training.steps", "training.epochs")
"""May grow while `optimizer.schedule` is constant: no step depends on their number."""

_ABSENT = "absent"


def check_resumable(saved: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Refuse to resume with settings that would make it another run.

    A setting that the run does not name was none yet when it was begun: its default
    is what the run did.

    Args:
        saved: The run's configuration, as nested dictionaries; from JSON or not.
        asked: The one asked for now. Further entries beside the settings, such as
            `data_fingerprint`, are compared alike.

    Raises:
        ValueError: Names every field that differs, with both values.

    Example:
        >>> check_resumable({"seed": 0, "log": {"interval": 10}},
        ...                 {"seed": 1, "log": {"interval": 50}})
        Traceback (most recent call last):
        ValueError: cannot resume: seed was 0, now 1. Give --fresh to start over, ...
    """
    now = dict(flat(asked))
    defaults = flat(dataclasses.asdict(RunConfig()))
    before = {name: value for name, value in defaults if name in now}
    before |= dict(flat(saved))
    longer = _is_longer(before, now)
    differing = [
        f"{name} was {before.get(name, _ABSENT)!r}, now {now.get(name, _ABSENT)!r}"
        for name in dict.fromkeys((*before, *now))
        if before.get(name, _ABSENT) != now.get(name, _ABSENT)
        and not _is_free(name)
        and not (longer and name in GROWING)
    ]
    if differing:
        raise ValueError(
            f"cannot resume: {'; '.join(differing)}. Give --fresh to start over, or "
            "another --out."
        )


def recorded(config: RunConfig) -> dict[str, Any]:
    """Return the settings that are kept with a run: all but how it was called.

    `--config RUN/config.json` then repeats the run elsewhere; with its `out` and
    `fresh` it would move the run aside and train over it.
    """
    settings = dataclasses.asdict(config)
    return {name: value for name, value in settings.items() if name not in CALL}


def identifying(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that make a run what it is, by dotted name."""
    return {name: value for name, value in flat(settings) if not _is_free(name)}


def flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield dotted names and values; JSON's lists count as the tuples they were."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, tuple(value) if isinstance(value, list) else value


def _is_free(name: str) -> bool:
    return name in FREE or name.partition(".")[0] + ".*" in FREE


def _is_longer(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Tell whether the run got longer, in the unit it had, under a constant rate."""
    for settings in (before, now):
        if settings.get("optimizer.schedule") != "constant":
            return False
    old, new = _length(before), _length(now)
    return old[0] == new[0] and new[1] >= old[1]


def _length(settings: Mapping[str, Any]) -> tuple[str, float]:
    steps = settings.get("training.steps")
    if steps is not None:
        return "steps", steps
    epochs = settings.get("training.epochs")
    return "epochs", 1.0 if epochs is None else epochs
