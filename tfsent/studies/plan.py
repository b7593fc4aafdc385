"""A study as a list of trainings that differ in one thing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple, cast

from tfsent.config_studies import StudyConfig
from tfsent.config_supervised import FinetuneConfig, Optimizer

RATES: Mapping[Optimizer, float] = {
    "sgd": 0.3,
    "momentum": 0.1,
    "rmsprop": 1e-3,
    "adadelta": 1.0,
    "adam": 1e-3,
}
"""Learning rate of each optimizer where none is asked for."""

_LONG = 10**9
"""Patience of a race: nobody stops before the end."""

_LEAST_INTERVAL = 25


class Run(NamedTuple):
    """One training of a study."""

    name: str
    """Of its folder."""
    line: str
    """Line of the picture that it is a point of."""
    x: float
    """Where it stands on the line: learning rate, labels, layers or step."""
    config: FinetuneConfig
    what: Literal["finetune", "transfer"] = "finetune"


def plan(config: StudyConfig, num_texts: int) -> list[Run]:
    """Return the trainings of a study, in the order in which they are made.

    Args:
        config: All settings.
        num_texts: Training texts there are.

    Raises:
        ValueError: If there are too few texts for any of the numbers asked for.
    """
    plans: Mapping[str, Callable[..., Iterator[Run]]] = {
        "optimizers": _optimizers,
        "tricks": _tricks,
        "depth": _depth,
        "words": _words,
    }
    if config.study == "crossover":
        return list(_crossover(config, num_texts))
    return list(plans[config.study](config))


def _optimizers(config: StudyConfig) -> Iterator[Run]:
    """Yield each optimizer with each of its rates; all see the same batches."""
    base = config.finetune()
    for name, own in RATES.items():
        for factor in config.rates:
            rate = own * factor
            learner = replace(
                base.learner, optimizer=name, learning_rate=rate, patience=_LONG
            )
            one = replace(base, learner=learner)
            yield Run(f"{name}-{rate:.3g}", name, rate, one)


def _tricks(config: StudyConfig) -> Iterator[Run]:
    """Yield networks each of which has one trick more than the one before.

    The last is the one that the settings describe, if its cell is a GRU.
    """
    full = config.finetune()
    shape, learner = full.classifier, full.learner
    shape = replace(
        shape,
        cell="lstm",
        gate_activation="sigmoid",
        initialization="uniform",
        initialization_gain=1.0,
    )
    learner = replace(
        learner,
        optimizer="sgd",
        learning_rate=RATES["sgd"],
        patience=_LONG,
        sort_by_length=False,
        max_norm=0.0,
    )
    tricks: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("plain LSTM", {}, {}),
        ("+ GRU", {"cell": "gru"}, {}),
        (
            "+ orthogonal start",
            {
                "initialization": "orthogonal",
                "initialization_gain": full.classifier.initialization_gain,
            },
            {},
        ),
        ("+ steeper gates", {"gate_activation": "steep_sigmoid"}, {}),
        (
            "+ Adam",
            {},
            {"optimizer": "adam", "learning_rate": full.learner.learning_rate},
        ),
        ("+ batches of like length", {}, {"sort_by_length": True}),
        ("+ bounded norms", {}, {"max_norm": full.learner.max_norm or 3.0}),
    ]
    for number, (name, of_shape, of_learner) in enumerate(tricks):
        shape, learner = replace(shape, **of_shape), replace(learner, **of_learner)
        one = replace(full, classifier=shape, learner=learner)
        yield Run(f"{number}-{_file_name(name)}", name, number, one)


def _depth(config: StudyConfig) -> Iterator[Run]:
    base = config.finetune()
    for cell in config.cells:
        for layers in config.depths:
            classifier = replace(base.classifier, cell=cell, layers=layers)
            one = replace(base, classifier=classifier)
            yield Run(f"{cell}-{layers}", cell, layers, one)


def _words(config: StudyConfig) -> Iterator[Run]:
    yield Run("network", "network", 0, config.finetune())


def _crossover(config: StudyConfig, num_texts: int) -> Iterator[Run]:
    """Yield each line at each number of labels, in each draw; the cheapest first."""
    sizes = sorted({min(size, num_texts) for size in config.sizes if size <= num_texts})
    if not sizes:
        raise ValueError(
            f"sizes is {config.sizes}, but data.train has {num_texts:,} texts; at "
            "least one number that is no larger will do."
        )
    for size in sizes:
        for draw in range(config.draws if size < num_texts else 1):
            for line in config.compared():
                yield _point(config, line, size, draw)


def _point(config: StudyConfig, line: str, size: int, draw: int) -> Run:
    base = config.finetune()
    data = replace(base.data, train_texts=size, draw=draw)
    name = f"{line}-{size}-{draw}"
    if line == "transfer":
        return Run(name, line, size, replace(base, data=data), "transfer")
    if line == "network":
        learner = base.learner
        batches = math.ceil(size * (1.0 - learner.val_share) / learner.batch_size)
        learner = replace(
            learner,
            epochs=max(learner.epochs, config.least_updates / batches),
            # An epoch of a few batches is no reason to validate.
            eval_interval=learner.eval_interval
            or (0 if batches >= _LEAST_INTERVAL else _LEAST_INTERVAL),
        )
        one = replace(base, data=data, learner=learner, seed=base.seed + draw)
        return Run(name, line, size, one)
    system = cast(Literal["linear", "embeddings"], line)
    return Run(name, line, size, replace(base, data=data, system=system))


def _file_name(name: str) -> str:
    return name.replace("+ ", "").replace(" ", "-").lower()
