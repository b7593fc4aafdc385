"""A model and labelled texts -> the folder of an experiment."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.transfer.candidates import candidates
from tfsent.transfer.experiment import (
    Options,
    Origin,
    Split,
    Tell,
    check_before,
    experiment,
)
from tfsent.transfer.labelled import LabelledTexts, Labels, Splits
from tfsent.transfer.output import (
    Measured,
    folder_files,
    neuron_names,
    write_folder,
)

Featurize = Callable[[Sequence[str], str], np.ndarray]
"""Texts and the name of a feature to float32[N, F]."""


def transfer(
    model: Any,
    splits: Splits,
    labels: Labels,
    feature: str,
    options: Options,
    out: Path,
    settings: Mapping[str, Any],
    tell: Tell = lambda line: None,
    featurize: Featurize | None = None,
) -> dict[str, Any]:
    """Fit a classifier on a model's features, measure it, write it; return all figures.

    Args:
        model: A `tfsent.trained.TrainedModel`.
        splits: Labelled texts.
        labels: What their labels stand for.
        feature: What to choose among; see `candidates`.
        options: What is asked for.
        out: Folder; see `check_out`.
        settings: What config.json is to hold.
        tell: Takes a line on how far it is.
        featurize: Gives features. Default: the model computes them.

    Raises:
        ValueError: If labels of validation or test were not trained on, the model
            has no such feature, or `out` may not be written.
    """
    started = time.perf_counter()
    config = model.model.config
    asked = candidates(feature, config)
    given = {name: getattr(splits, name) for name in ("train", "val", "test")}
    # Before any text is read by the model, which takes the most time.
    encoded = {
        name: labels.encode(texts, f"data.{name}")
        for name, texts in given.items()
        if texts is not None
    }
    check_before(asked.each, labels, encoded["train"], "val" in encoded, options)
    read: dict[str, Split] = {}
    for name in encoded:
        texts: LabelledTexts = given[name]
        tell(f"reading {len(texts.texts):,} texts of {texts.name}")
        features = np.asarray((featurize or model.features)(texts.texts, asked.feature))
        read[name] = Split(features, encoded[name])
    read_s = time.perf_counter() - started
    outcome = experiment(
        asked.each,
        labels,
        read["train"],
        read.get("val"),
        read.get("test"),
        options,
        Origin(model.fingerprint, model.text_rule, config.hidden_size),
        tell,
    )
    classifier = outcome.classifier
    chosen = next(one for one in asked.each if one.feature == classifier.feature)
    names = neuron_names(
        outcome.figures["neuron"]["columns"], chosen.parts, config.hidden_size
    )
    figures = {
        "format": "tfsent-transfer",
        "format_version": 1,
        "model_fingerprint": classifier.model_fingerprint,
        "text_rule": classifier.text_rule,
        "data": {name: _facts(given[name], labels, encoded[name]) for name in encoded},
        "notes": list(splits.notes),
        **outcome.figures,
    }
    figures["neuron"]["names"] = names
    shown = next(name for name in ("test", "val", "train") if name in encoded)
    figures["shown_texts"] = shown
    features = read[shown].features[:, list(outcome.columns)]
    assert classifier.neuron is not None
    measured = Measured(
        f"{ {'test': 'test', 'val': 'validation', 'train': 'training'}[shown] } texts "
        f"({given[shown].name})",
        given[shown].texts,
        encoded[shown],
        classifier.predict(features),
        features[:, classifier.neuron.column],
    )
    figures["reading_seconds"] = read_s
    figures["seconds"] = time.perf_counter() - started
    files = folder_files(
        settings, figures, classifier, outcome.importance, names, measured
    )
    write_folder(out, files, classifier)
    return figures


def result_of(figures: Mapping[str, Any], out: str) -> dict[str, Any]:
    """Return what the last line of `scripts/transfer.py` says."""
    test, neuron = figures["test"] or {}, figures["neuron"]
    measure = figures["measure"]
    result = {
        "out": out,
        "kind": figures["kind"],
        "feature": figures["feature"],
        "C": figures["C"],
        "chosen_on": figures["chosen_on"],
        f"val_{measure}": figures[f"val_{measure}"],
        "test_accuracy": test.get("accuracy"),
        "interval": test.get("interval"),
        "majority_accuracy": test.get("majority_accuracy"),
        "mcc": test.get("mcc"),
        "features_used": figures["features_used"],
        "columns": figures["columns"],
        "neuron": neuron["unit"],
        "neuron_name": neuron["names"][0],
        "neurons": neuron["units"],
        "neuron_test_accuracy": neuron["test_accuracy"],
        "test_texts": test.get("texts"),
        "seconds": round(figures["seconds"], 1),
    }
    if figures["kind"] == "multilabel":
        result |= {f"test_{name}": test.get(name) for name in ("f1", "jaccard", "mcc")}
        result[f"neuron_test_{measure}"] = neuron.get(f"test_{measure}")
    return result


def table_of(figures: Mapping[str, Any]) -> list[str]:
    """Return the figures as lines to be read."""
    measure = figures["measure"]
    lines = [f"{measure:24} {'C':>5} {'used':>7} {'validation':>11} {'test':>9}"]
    for name, one in figures["candidates"].items():
        mark = "*" if name == figures["feature"] else " "
        on = [_percent(one[f"{split}_{measure}"]) for split in ("val", "test")]
        lines.append(
            f"{mark} {name:22} {_power(one['C']):>5} {one['features_used']:>7,} "
            f"{on[0]:>11} {on[1]:>9}"
        )
    lines.append(f"* chosen on {figures['chosen_on']}")
    for split, facts in figures["data"].items():
        lines.append(f"{split:24} {facts['texts']:,} texts of {facts['source']}")
    names = ", ".join(figures["neuron"]["names"])
    lines.append(f"{_alone(figures):24} {names}")
    if figures["test"] is None:
        return [*lines, "no test texts, so nothing is measured; --data.test names some"]
    return [*lines, *_test_lines(figures), *_check_lines(figures)]


def _test_lines(figures: Mapping[str, Any]) -> list[str]:
    test, neuron, measure = figures["test"], figures["neuron"], figures["measure"]
    low, high = test["interval"]
    lines = [
        f"{'test accuracy':24} {_percent(test['accuracy'])}  "
        f"(95% interval {_percent(low)} to {_percent(high)})",
        f"{'always the majority':24} {_percent(test['majority_accuracy'])}",
    ]
    for name in ("mcc", "f1", "jaccard"):
        if name in test:
            lines.append(f"{'test ' + name:24} {test[name]:.4f}")
    alone = _percent(neuron[f"test_{measure}"])
    lines.append(f"{_alone(figures) + ' alone':24} {alone}  ({measure})")
    return lines


def _check_lines(figures: Mapping[str, Any]) -> list[str]:
    checks = figures["checks"]
    if checks is None:
        return []
    lines = []
    if checks["without_neurons"] is not None:
        name = f"all without {_alone(figures)}"
        lines.append(f"{name:24} {_percent(checks['without_neurons'])}")
    for name in ("random_neurons", "random_crowd"):
        drawn = checks[name]
        title = f"{drawn['neurons']} random, {drawn['draws']} draws"
        lines.append(f"{title:24} {_spread(drawn)}")
    for point in checks["label_efficiency"]:
        draws = f"{point['draws']} draws" if point["draws"] > 1 else "once"
        title = f"{point['labels']:,} labels, {draws}"
        lines.append(f"{title:24} {_spread(point['score'])}")
    return lines


def _alone(figures: Mapping[str, Any]) -> str:
    return "neuron" if len(figures["neuron"]["columns"]) == 1 else "neurons"


def _spread(drawn: Mapping[str, Any]) -> str:
    mean, low, high = (_percent(drawn[name]) for name in ("mean", "low", "high"))
    return f"{mean}  ({low} to {high})"


def _facts(texts: LabelledTexts, labels: Labels, encoded: np.ndarray) -> dict[str, Any]:
    outputs = labels.outputs(encoded).sum(axis=0)
    counts = outputs if labels.kind != "binary" else np.bincount(encoded, minlength=2)
    return {
        "source": texts.name,
        "texts": len(texts.texts),
        "classes": dict(zip(labels.classes, map(int, counts), strict=True)),
    }


def _power(C: float) -> str:
    return f"2^{int(np.log2(C))}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}%"
