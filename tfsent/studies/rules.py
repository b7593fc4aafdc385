"""What the figures of a study say, in sentences made by rule.

Two accuracies differ where their 95 % intervals do not touch; of curves that is said
which reaches a level first. No sentence here is written for one result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tfsent.studies.results import Results, best_of_lines, score_name, validated

LEVEL = 0.9
"""Share of the way from the majority to the best at which curves are compared."""


def sentences(results: Results) -> list[str]:
    """Return what a study's figures say, a sentence each."""
    rules: Mapping[str, Callable[[Results], list[str]]] = {
        "optimizers": _optimizers,
        "tricks": _tricks,
        "crossover": _crossover,
        "depth": _depth,
        "words": _words,
    }
    return rules[results["study"]](results)


def first_reaching(run: Mapping[str, Any], score: str, level: float) -> Any:
    """Return the first validation of a run that reaches a level, None if none does."""
    return next((one for one in run["history"] if one[score] >= level), None)


def level_of(results: Results) -> float:
    """Return the level at which curves are compared."""
    best = max(validated(run) for run in results["runs"])
    floor = min(
        (run.get("test_majority_accuracy") or 0.0 for run in results["runs"]),
        default=0.0,
    )
    if score_name(results) != "val_accuracy":
        floor = 0.0
    return float(floor + LEVEL * (best - floor))


def _optimizers(results: Results) -> list[str]:
    best, level = best_of_lines(results), level_of(results)
    score = score_name(results)
    order = sorted(best, key=lambda line: -validated(best[line]))
    said = [
        "Best on validation texts: "
        + ", ".join(
            f"{line} {validated(best[line]):.4f} (rate {best[line]['x']:.3g})"
            for line in order
        )
        + "."
    ]
    reached = {line: first_reaching(run, score, level) for line, run in best.items()}
    there = sorted(
        (line for line in best if reached[line]),
        key=lambda line: reached[line]["update"],
    )
    if there:
        said.append(
            f"{level:.4f}, {LEVEL:.0%} of the way from the majority to the best, is "
            "reached first by "
            + ", ".join(f"{x} ({reached[x]['update']:,} updates)" for x in there)
            + "."
        )
    missing = [line for line in best if not reached[line]]
    if missing:
        said.append(f"It is not reached by {', '.join(missing)}.")
    edge = [line for line in order if _on_edge(results, best[line])]
    if edge:
        said.append(
            "The best rate is the largest or smallest that was tried, so that a better "
            f"one may lie beyond: {', '.join(edge)}."
        )
    return said


def _on_edge(results: Results, run: Mapping[str, Any]) -> bool:
    tried = [one["x"] for one in results["runs"] if one["line"] == run["line"]]
    return len(tried) > 1 and run["x"] in (min(tried), max(tried))


def _tricks(results: Results) -> list[str]:
    runs, level, score = results["runs"], level_of(results), score_name(results)
    reached = [first_reaching(run, score, level) for run in runs]
    said = [
        f"Level: {level:.4f}, {LEVEL:.0%} of the way from the majority to the best of "
        "all."
    ]
    for run, there in zip(runs, reached, strict=True):
        if there is None:
            end = run["history"][-1]
            said.append(
                f"{run['line']}: not reached in {end['examples']:,} texts "
                f"({end['seconds']:.0f} s); best {validated(run):.4f}."
            )
        else:
            said.append(
                f"{run['line']}: reached after {there['examples']:,} texts, "
                f"{there['seconds']:.0f} s."
            )
    first, last = reached[0], reached[-1]
    if last is None:
        return [*said, "With all tricks it is not reached: they do not add up here."]
    least = "" if first else "at least "
    first = first or runs[0]["history"][-1]
    return [
        *said,
        f"All tricks together: {least}"
        f"{first['examples'] / last['examples']:.1f} times fewer texts and {least}"
        f"{first['seconds'] / max(last['seconds'], 1e-9):.1f} times less time.",
    ]


def _crossover(results: Results) -> list[str]:
    points = results["lines"]
    sizes = sorted({point["x"] for point in points})
    names = list(dict.fromkeys(point["line"] for point in points))
    at = {(point["line"], point["x"]): point for point in points}
    said = []
    for size in sizes:
        here = [at[name, size] for name in names if (name, size) in at]
        here.sort(key=lambda point: -point["mean"])
        said.append(
            f"{size:,} labels: "
            + ", ".join(f"{p['line']} {p['mean']:.4f}" for p in here)
            + f"; {_leads(here)}."
        )
    for k, one in enumerate(names):
        for other in names[k + 1 :]:
            both = [x for x in sizes if (one, x) in at and (other, x) in at]
            said += [_crossing(one, other, both, at)] if both else []
    return said


def _leads(here: Sequence[Mapping[str, Any]]) -> str:
    if len(here) == 1:
        return "nothing to compare it with"
    first, second = here[:2]
    if first["low"] > second["high"]:
        return f"{first['line']} leads, intervals apart"
    return f"intervals of {first['line']} and {second['line']} touch"


def _crossing(
    one: str, other: str, both: Sequence[float], at: Mapping[Any, Mapping[str, Any]]
) -> str:
    """Say where the better of two lines becomes the worse, by their means."""
    ahead = [at[one, x]["mean"] > at[other, x]["mean"] for x in both]
    turns = [
        (both[k], both[k + 1], other if ahead[k] else one)
        for k in range(len(both) - 1)
        if ahead[k] != ahead[k + 1]
    ]
    if not turns:
        lead, behind = (one, other) if all(ahead) else (other, one)
        return (
            f"{lead} is ahead of {behind} at every number from {both[0]:,} to "
            f"{both[-1]:,}: they do not cross."
        )
    where = "; ".join(
        f"between {low:,} and {high:,} {name} goes ahead" for low, high, name in turns
    )
    return f"{one} and {other} cross: {where}."


def _depth(results: Results) -> list[str]:
    said = []
    points = results["lines"]
    for line in dict.fromkeys(point["line"] for point in points):
        own = sorted((p for p in points if p["line"] == line), key=lambda p: p["x"])
        first = own[0]
        for point in own[1:]:
            gap = 100 * (point["mean"] - first["mean"])
            apart = point["low"] > first["high"] or point["high"] < first["low"]
            said.append(
                f"{line}, {point['x']:g} layers against {first['x']:g}: "
                f"{gap:+.2f} points, intervals {'apart' if apart else 'touch'}; "
                f"{point['seconds'] / max(first['seconds'], 1e-9):.2f} times the time."
            )
    return said


def _words(results: Results) -> list[str]:
    words = results["words"]
    told, chance = words["correlation"], words["correlation_shuffled"]
    verdict = "sort" if told > chance else "do not sort"
    shown = sorted(words["shown"], key=lambda word: word["sentiment"])
    ends = [
        ", ".join(word["word"] for word in part) for part in (shown[:8], shown[-8:])
    ]
    return [
        f"Word vectors {verdict} by sentiment: a word's correlates {told:.2f} with the "
        f"mean of its {words['neighbours']} nearest words', {chance:.2f} at most when "
        "sentiments are shuffled.",
        f"Lowest: {ends[0]}. Highest: {ends[1]}.",
    ]
