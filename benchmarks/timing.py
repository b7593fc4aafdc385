"""One clock for every benchmark: warm up, synchronise, interleave, tell the spread.

On a machine that is shared or throttles, two figures can be compared only if they
were taken side by side. `interleave` therefore lets the contestants take turns and
gauges the machine before and after each turn.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

Gauge = TypeVar("Gauge")

Clock = Callable[[], float]


def _nothing() -> None:
    """Stand in for `sync` where a call has ended when it returns."""


class Spread(NamedTuple):
    """Median and range of repeated figures, in their unit."""

    median: float
    low: float
    high: float


class Repetition(NamedTuple, Generic[Gauge]):
    """One turn of one contestant, and the machine around it."""

    seconds: float
    """What the contestant told."""
    before: Gauge
    """The gauge just before the turn."""
    after: Gauge
    """The gauge just after it."""


def spread(values: Iterable[float]) -> Spread:
    """Return median, smallest and largest of some figures.

    Raises:
        ValueError: If there are none.

    Example:
        >>> spread([3.0, 1.0, 2.0])
        Spread(median=2.0, low=1.0, high=3.0)
    """
    values = list(values)
    if not values:
        raise ValueError("a spread needs at least one figure.")
    return Spread(statistics.median(values), min(values), max(values))


def seconds_per_call(
    call: Callable[[], object],
    calls: int = 1,
    *,
    sync: Callable[[], object] = _nothing,
    clock: Clock = time.perf_counter,
) -> float:
    """Return the seconds that one call takes, as the mean of successive ones.

    Args:
        call: What is timed.
        calls: How often it is called between two looks at the clock.
        sync: Returns when the device has finished what was called. Runs before the
            clock starts and before it stops, not after each call.
        clock: Seconds since whenever.
    """
    sync()
    start_s = clock()
    for _ in range(calls):
        call()
    sync()
    return (clock() - start_s) / calls


def median_s(
    call: Callable[[], object],
    repeats: int = 7,
    *,
    calls: int = 1,
    warmup: int = 1,
    sync: Callable[[], object] = _nothing,
    clock: Clock = time.perf_counter,
) -> float:
    """Return the median over repetitions of the seconds that one call takes.

    Args:
        call: What is timed.
        repeats: Repetitions that count.
        calls: Calls in each of them.
        warmup: Calls before the first, which do not count.
        sync: As for `seconds_per_call`.
        clock: Seconds since whenever.
    """
    for _ in range(warmup):
        call()
    return statistics.median(
        seconds_per_call(call, calls, sync=sync, clock=clock) for _ in range(repeats)
    )


def calls_filling(fill_s: float, call_s: float, most: int = 10_000) -> int:
    """Return how many calls of `call_s` seconds fill `fill_s` seconds: 1 to `most`.

    Example:
        >>> calls_filling(0.5, 0.2), calls_filling(0.5, 9.0)
        (3, 1)
    """
    return min(most, max(1, math.ceil(fill_s / max(call_s, 1e-9))))


def interleave(
    contestants: Mapping[str, Callable[[], float]],
    repeats: int,
    gauge: Callable[[], Gauge],
) -> dict[str, list[Repetition[Gauge]]]:
    """Return the repetitions of each contestant, taken in turns.

    Each round starts with another contestant, so that none always follows the same
    one. The gauge after a turn is the gauge before the next.

    Args:
        contestants: Name to a call that does one repetition and returns its seconds.
        repeats: Rounds.
        gauge: Measures the machine, such as its rate at a known product.
    """
    names = list(contestants)
    found: dict[str, list[Repetition[Gauge]]] = {name: [] for name in names}
    before = gauge()
    for k in range(repeats):
        first = k % len(names)
        for name in names[first:] + names[:first]:
            seconds = contestants[name]()
            after = gauge()
            found[name].append(Repetition(seconds, before, after))
            before = after
    return found
