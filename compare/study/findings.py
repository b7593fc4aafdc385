"""What the figures of the study say, in sentences that rules make of them.

A rule reads figures and nothing else; the same figures give the same sentences. A time
differs where the interval of its ratio leaves out 1, an accuracy where p stays below
.05 after Holm's correction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from compare.report.numbers import Interval, inverse, plain
from compare.rounds import ABSENT, OK
from compare.study.answers import BETWEEN_FRAMEWORKS, MORE_LAYERS
from compare.study.figures import BETWEEN

LEVEL = 0.05
"""Below it a corrected p tells of a difference."""

_ABOUT = 0.1
"""So far from a proportion, as a share of it, a growth still counts as the same."""

NAMES = {
    "keras": "Keras with this project's layers",
    "torch": "PyTorch with this project's layers",
    "keras-layers": "Keras with its own layers",
    "torch-layers": "PyTorch with its own layers",
}
_TASKS = {"train": "Training", "test": "The test texts", "single": "One text alone"}

Study = Mapping[str, Any]
Networks = Sequence[Mapping[str, Any]]


def findings(study: Study) -> list[dict[str, str]]:
    """Return the sentences, each with the name of its rule, as JSON values.

    Args:
        study: "networks" and "comparisons", as in a report.
    """
    networks = study["networks"]
    rules = {
        "equal work": equal_work(networks),
        "speed": speed(networks),
        "speed of each cell": speed_of_cells(networks),
        "quickest": quickest(networks),
        "growth with depth": growth(networks, "depth"),
        "growth with width": growth(networks, "width"),
        "start-up": start_up(networks),
        "accuracy between frameworks": accuracy(study["comparisons"]),
        "accuracy and depth": depth_pays(study["comparisons"]),
        "best": best(networks),
    }
    return [
        {"rule": rule, "sentence": sentence}
        for rule, sentences in rules.items()
        for sentence in sentences
    ]


def faster(ratio: Interval | None) -> int:
    """Return 1 if the first is faster, -1 if the second is, 0 if none is shown."""
    if ratio is None or ratio["low"] <= 1 <= ratio["high"]:
        return 0
    return 1 if ratio["low"] > 1 else -1


def equal_work(networks: Networks) -> Iterator[str]:
    """Say whether all systems did the same, and which did not."""
    entries = [
        (network["key"], name, system)
        for network in networks
        for name, system in network["systems"].items()
        if system["status"] != ABSENT
    ]
    fine = [system for *_, system in entries if system["status"] == OK]
    gaps = [system["gap"]["value"] for system in fine if system["gap"]]
    if gaps:
        yield (
            f"In {len(fine)} of {len(entries)} cases the systems did the same work: "
            "the losses of the first updates, from the same weights on the same texts, "
            f"differ by at most {max(gaps):.1e} of the largest."
        )
    for key, name, system in entries:
        if system["status"] != OK:
            reason = system["reason"].rstrip(".")
            yield f"{NAMES[name]}, {key}, {system['status']}: {reason}."


def speed(networks: Networks) -> Iterator[str]:
    """Say for each pair and task in how many networks which is faster."""
    pairs = dict.fromkeys(
        (each["one"], each["other"])
        for network in networks
        for each in network["speed"]
    )
    for one, other in pairs:
        for task, title in _TASKS.items():
            ratios = [ratio for _, ratio in _ratios(networks, one, other, task)]
            if not ratios:
                continue
            verdicts = [faster(ratio) for ratio in ratios]
            values = [ratio["median"] for ratio in ratios]
            yield (
                f"{title}: of {len(ratios)} networks {NAMES[one]} is faster in "
                f"{verdicts.count(1)} and {NAMES[other]} in {verdicts.count(-1)}; "
                f"{verdicts.count(0)} show no difference. The first is "
                f"{_range(values)} times as fast as the second, median "
                f"{plain(median(values), 3)}."
            )


def speed_of_cells(networks: Networks) -> Iterator[str]:
    """Say of each cell which framework trains faster, at which depth, by how much."""
    for one, other in BETWEEN:
        for cell in dict.fromkeys(network["cell"] for network in networks):
            own = [network for network in networks if network["cell"] == cell]
            found = list(_ratios(own, one, other, "train"))
            if found:
                yield f"{cell}, training: {'; '.join(_verdicts(found, one, other))}."


def _verdicts(
    found: Sequence[tuple[Mapping[str, Any], Interval]], one: str, other: str
) -> Iterator[str]:
    """Yield which networks show what, with the ratio of each."""
    for side, words in (
        (1, f"{NAMES[one]} is faster at"),
        (-1, f"{NAMES[other]} is faster at"),
        (0, f"no difference of {NAMES[one]} and {NAMES[other]} is shown at"),
    ):
        told = [(network, ratio) for network, ratio in found if faster(ratio) == side]
        if side < 0:
            told = [(n, turned) for n, r in told if (turned := inverse(r)) is not None]
        if told:
            yield f"{words} {', '.join(_at(*each) for each in told)}"


def _at(network: Mapping[str, Any], ratio: Interval) -> str:
    low, high = plain(ratio["low"], 3), plain(ratio["high"], 3)
    return (
        f"depth {network['depth']} and {network['width']} units "
        f"({plain(ratio['median'], 3)} times [{low}, {high}])"
    )


def quickest(networks: Networks) -> Iterator[str]:
    """Say in how many networks each system has the shortest epochs.

    Of those in which more than one system was measured.
    """
    least = []
    for network in networks:
        times = {
            name: system["epoch_s"]["median"]
            for name, system in network["systems"].items()
            if system["status"] == OK
        }
        if len(times) > 1:
            least.append(min(times, key=lambda name: times[name]))
    if least:
        counts = sorted({*least}, key=lambda name: -least.count(name))
        told = ", ".join(f"{NAMES[name]} in {least.count(name)}" for name in counts)
        yield f"The shortest epochs of {len(least)} networks: {told}."


def growth(networks: Networks, axis: str) -> Iterator[str]:
    """Say how the time of an epoch grows from the least to the most of an axis.

    Args:
        networks: All.
        axis: "depth" or "width".
    """
    sizes = sorted({network[axis] for network in networks})
    if len(sizes) < 2:
        return
    least, most = sizes[0], sizes[-1]
    factor = most / least
    for name, title in NAMES.items():
        times = {
            (n["cell"], n["depth"], n["width"]): n["systems"][name]["epoch_s"]["median"]
            for n in networks
            if n["systems"].get(name, {}).get("status") == OK
        }
        grown = []
        for key, small_s in times.items():
            place = 1 if axis == "depth" else 2
            there = key[:place] + (most,) + key[place + 1 :]
            if key[place] == least and there in times:
                grown.append(times[there] / small_s)
        if grown:
            verdict = _proportion(median(grown), factor, axis)
            what = f"{most} layers" if axis == "depth" else f"{most} units"
            base = f"{least} " + (
                ("layer" if least == 1 else "layers") if axis == "depth" else "units"
            )
            yield (
                f"{title}: an epoch with {what} takes "
                f"{_range(grown)} times as long as with {base}, median "
                f"{plain(median(grown), 3)}: {verdict}."
            )


def _proportion(value: float, factor: float, axis: str) -> str:
    """Say how a growth stands to the growth of the size, and of the weights.

    Weights of a recurrent layer grow with the square of its width.
    """
    if value < factor * (1 - _ABOUT):
        return f"less than the {axis}, {plain(factor, 3)} times as large"
    if value <= factor * (1 + _ABOUT):
        return f"as the {axis}, {plain(factor, 3)} times as large"
    if axis == "depth":
        return f"more than the depth, {plain(factor, 3)} times as large"
    square = factor**2
    if value < square * (1 - _ABOUT):
        return "more than the width, less than its square"
    if value <= square * (1 + _ABOUT):
        return "as the square of the width, and so the weights of a layer"
    return "more than the square of the width"


def start_up(networks: Networks) -> Iterator[str]:
    """Say how long each system takes until its first update, and to compile."""
    for name, title in NAMES.items():
        fine = [
            network["systems"][name]
            for network in networks
            if network["systems"].get(name, {}).get("status") == OK
        ]
        if fine:
            start, imported, compiling = (
                [system[key]["median"] for system in fine]
                for key in ("start_s", "import_s", "compile_s")
            )
            yield (
                f"{title}: {_range(start)} s from the start of "
                f"the process to the end of the first update, {_range(imported)} s of "
                f"them importing; compiling takes {_range(compiling)} s in all."
            )


def accuracy(comparisons: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Say whether accuracy differs between the frameworks in any network."""
    every = [each for each in comparisons if each["kind"] == BETWEEN_FRAMEWORKS]
    for one, other in dict.fromkeys((each["one"], each["other"]) for each in every):
        own = [each for each in every if (each["one"], each["other"]) == (one, other)]
        apart = [each for each in own if each["holm_p"] < LEVEL]
        largest = max(own, key=lambda each: abs(each["difference"]))
        said = f"{NAMES[one]} and {NAMES[other]}"
        if apart:
            yield (
                f"Accuracy differs between {said} in {len(apart)} of {len(own)} "
                "comparisons of one network and seed, after Holm's correction: "
                f"{', '.join(map(_difference, apart))}."
            )
        else:
            yield (
                f"Accuracy differs between {said} in none of {len(own)} comparisons of "
                "one network and seed, after Holm's correction; the largest difference "
                f"is {_difference(largest)}."
            )


def _difference(each: Mapping[str, Any]) -> str:
    low, high = (f"{100 * end:+.2f}" for end in each["interval"])
    return (
        f"{100 * each['difference']:+.2f} points [{low}, {high}] in {each['key']}, "
        f"seed {each['seed']} (p = {each['holm_p']:.2g})"
    )


def depth_pays(comparisons: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Say of each cell whether more layers are more accurate than the fewest."""
    every = [each for each in comparisons if each["kind"] == MORE_LAYERS]
    for cell in dict.fromkeys(each["key"].partition("-")[0] for each in every):
        own = [each for each in every if each["key"].partition("-")[0] == cell]
        shown = [each for each in own if each["holm_p"] < LEVEL]
        better = sum(each["difference"] > 0 for each in shown)
        worse = len(shown) - better
        if better and not worse:
            verdict = "depth pays"
        elif worse and not better:
            verdict = "depth costs accuracy"
        elif better:
            verdict = "depth pays in some and costs accuracy in others"
        else:
            verdict = "depth is not shown to pay"
        middle = 100 * median(each["difference"] for each in own)
        yield (
            f"{cell}: {verdict}. Of {len(own)} comparisons with the fewest layers on "
            f"the same texts more layers are better in {better} and worse in {worse} "
            f"after Holm's correction; the median difference is {middle:+.2f} points."
        )


def best(networks: Networks) -> Iterator[str]:
    """Say which network got the most test texts right, and what its time is."""
    runs = [
        (median(run["accuracy"] for run in system["runs"]), network, name, system)
        for network in networks
        for name, system in network["systems"].items()
        if system["status"] == OK
    ]
    if runs:
        reached, network, name, system = max(runs, key=lambda run: run[0])
        quick = min(runs, key=lambda run: run[3]["epoch_s"]["median"])
        yield (
            f"Highest on these test texts is {network['key']} of {NAMES[name]}, "
            f"{100 * reached:.2f} % at {plain(system['epoch_s']['median'], 3)} s an "
            f"epoch; the quickest to train is {quick[1]['key']} of {NAMES[quick[2]]}, "
            f"{100 * quick[0]:.2f} % at {plain(quick[3]['epoch_s']['median'], 3)} s."
        )


def _ratios(
    networks: Networks, one: str, other: str, task: str
) -> Iterator[tuple[Mapping[str, Any], Interval]]:
    for network in networks:
        for each in network["speed"]:
            if (each["one"], each["other"]) == (one, other) and each[task] is not None:
                yield network, each[task]


def _range(values: Sequence[float]) -> str:
    low, high = plain(min(values), 3), plain(max(values), 3)
    return low if low == high else f"{low} to {high}"
