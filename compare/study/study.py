"""The whole study: networks that are not yet there are measured -> one object.

Every network lies in the folder of the report as soon as it is measured, and is not
measured again: a study that is stopped goes on with the next one.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from compare.formats.sequence_classifier import expected_shapes
from compare.rounds import OK
from compare.runners.facts import Found
from compare.study.answers import Right, comparisons
from compare.study.figures import network_figures
from compare.study.findings import findings
from compare.study.measure import (
    Inputs,
    find_systems,
    measure_network,
    num_threads,
    unpacked,
)
from compare.study.networks import CLASSES, Network
from compare.study.settings import StudyConfig
from compare.study.texts import StudyTexts, read_texts
from tfsent.checkpoint import atomic
from tfsent.session import Tell


def measure_study(
    config: StudyConfig, folder: Path, tell: Tell = lambda line: None
) -> dict[str, Any]:
    """Measure what is not yet there, and return the study as JSON values of a report.

    Args:
        config: What is asked for.
        folder: Takes a file for each network.
        tell: Takes a line on how far it is.

    Raises:
        ValueError: If the texts cannot be used, or are no longer those of the
            networks that are there.
        OSError: If the disk refuses; names the file.
    """
    atomic.make_folder(folder)
    texts = read_texts(config, tell)
    known = find_systems()
    systems = {name: known[name] for name in config.system_list()}
    networks = config.networks()
    with contextlib.closing(Inputs(texts, config)) as inputs:
        for number, network in enumerate(networks):
            path = folder / f"{network.key}.json"
            if path.exists():
                continue
            tell(f"network {number + 1} of {len(networks)}: {network.key}")
            started = time.perf_counter()
            found = measure_network(network, systems, inputs, config)
            found["fingerprint"] = texts.facts["fingerprint"]
            found["wall_s"] = time.perf_counter() - started
            atomic.replace_file(path, [json.dumps(found).encode("ascii")])
    measured = {each: _read(folder / f"{each.key}.json", texts) for each in networks}
    return _study(config, texts, systems, measured)


def _read(path: Path, texts: StudyTexts) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="ascii"))
    if found["fingerprint"] != texts.facts["fingerprint"]:
        raise ValueError(
            f"{path} was measured on other texts than those that study.data "
            f"({texts.facts['train']}) has now; the same texts, or --fresh, will do."
        )
    return found


def _study(
    config: StudyConfig,
    texts: StudyTexts,
    systems: Mapping[str, Found],
    measured: Mapping[Network, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the figures of all networks, and what they say."""
    groups: dict[tuple[str, int, int], dict[int, Mapping[str, Any]]] = {}
    for network, found in measured.items():
        groups.setdefault(network[:3], {})[network.seed] = found
    figures = []
    for place, seeds in groups.items():
        network = Network(*place, seed=0)
        shapes = expected_shapes(network.classifier(), texts.num_words, CLASSES)
        count = sum(math.prod(shape) for shape in shapes.values())
        figures.append(network_figures(seeds, network, count))
    study: dict[str, Any] = {
        "texts": texts.facts,
        "epochs": config.epochs,
        "batch_size": config.batch_size,
        "lengths": config.length_list(),
        "latency_words": config.latency_words,
        "threads": _threads(config, measured),
        "wall_s": sum(found["wall_s"] for found in measured.values()),
        "systems": {
            name: {"what": found.facts.what, "versions": _versions(name, measured)}
            for name, found in systems.items()
        },
        "networks": figures,
        "comparisons": comparisons(_right(measured)),
    }
    return study | {"findings": findings(study)}


def _versions(
    name: str, measured: Mapping[Network, Mapping[str, Any]]
) -> dict[str, str] | None:
    for found in measured.values():
        if facts := found["systems"][name]["facts"]:
            versions: dict[str, str] = facts["versions"]
            return versions
    return None


def _right(measured: Mapping[Network, Mapping[str, Any]]) -> Right:
    right: dict[tuple[str, int, int, int, str], np.ndarray] = {}
    for network, found in measured.items():
        for name, entry in found["systems"].items():
            if entry["status"] == OK:
                right[(*network, name)] = unpacked(entry["right"])
    return right


def _threads(config: StudyConfig, measured: Mapping[Network, Mapping[str, Any]]) -> int:
    """Return how many threads computed, as those who did have told."""
    told = [
        entry["facts"]["threads"]
        for found in measured.values()
        for entry in found["systems"].values()
        if entry["facts"]
    ]
    return max(told, default=num_threads(config))
