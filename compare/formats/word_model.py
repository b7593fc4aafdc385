"""A classifier over words, as every form of it is read: this project's and others'.

Axes: V words, E embedding width, H units, G gate columns, F width of the pooled
vector, K outputs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from compare.checkpoint import Origin
from compare.formats.sequence_classifier import expected_shapes
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief
from tfsent.config_supervised import ClassifierConfig, FinetuneConfig, WordsConfig
from tfsent.data.words import SPECIAL_WORDS
from tfsent.settings_json import from_dict

DROPOUTS = ("dropout", "spatial_dropout")
_STARTS = (
    *("initialization", "input_initialization", "initialization_gain"),
    *("embedding_range", "forget_bias"),
)
FUNCTION = tuple(
    name
    for name in ClassifierConfig.__dataclass_fields__
    if name not in (*DROPOUTS, *_STARTS)
)
"""Settings that decide what a trained model says."""

OPTIMIZER = "optimizer"
"""Fact of an origin: the file held the state of an optimizer, which was not read."""


@dataclass(frozen=True)
class WordModel:
    """The classifier as every form is read into it; like a `Checkpoint`, but of words.

    Formats of language models refuse it: they have no place for its weights.

    Attributes:
        weights: Name to float32 array as `SequenceClassifier.named_weights` lists
            them; without "output/weight" and "output/bias" it is an encoder.
        model: Its shape.
        task: What its outputs stand for, as the manifest of a run says it.
        origin: Where it came from; `symbols` is V.
        words: The word of each number, None where the file does not say.
        settings: Of the run of `finetune.py`, where it is one.
        extras: Errors logged while it was trained, as nested lists.
    """

    weights: dict[str, np.ndarray]
    model: ClassifierConfig
    task: dict[str, Any]
    origin: Origin
    words: tuple[str, ...] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)

    training = None

    @property
    def decoder(self) -> bool:
        """Whether it has an output layer."""
        return "output/weight" in self.weights

    @property
    def num_words(self) -> int:
        """V."""
        return num_words(self.weights, self.model)

    @property
    def num_outputs(self) -> int:
        """K; 0 without an output layer."""
        return len(self.weights["output/bias"]) if self.decoder else 0

    @property
    def config(self) -> dict[str, Any]:
        """Its settings beside its shape that other models have too: none."""
        return {}

    def facts(self) -> dict[str, Any]:
        """Return what it is, as JSON values."""
        model = self.model
        return {
            "cell": model.cell,
            "layers": model.layers,
            "direction": model.direction,
            "hidden_size": model.units,
            "gate_activation": model.gate_activation,
            "embedding_size": None if model.one_hot else model.embedding_size,
            "embedding_activation": model.embedding_activation,
            "pooling": model.pooling,
            "skip_connections": model.skip_connections,
            "words": self.num_words,
            "vocabulary": self.words is not None,
            "decoder": self.decoder,
            "outputs": self.num_outputs,
            "task": self.task.get("kind"),
            "dtype": self.origin.dtype,
            "extras": sorted(self.extras),
            "training_step": None,
        }

    def differing(self, other: WordModel) -> list[str]:
        """Return the settings of what it says in which another model differs."""
        return [
            f"classifier.{name}"
            for name in FUNCTION
            if getattr(self.model, name) != getattr(other.model, name)
        ]

    def left_behind(self, other: WordModel) -> Iterator[str]:
        """Yield a line for each thing that it has and another model has not."""
        if self.words is not None and self.words != other.words:
            yield "the words of its numbers; vocabulary.json or a run folder has them"
        for name in ("kind", "classes"):
            before, after = self.task.get(name), other.task.get(name)
            if before != after:
                yield f"the {name} of its task, {brief(before)}: the format says none"
        lost = sorted(self.extras.keys() - other.extras.keys())
        if lost:
            yield f"what was logged while it was trained: {', '.join(lost)}"
        if OPTIMIZER in self.origin.facts and OPTIMIZER not in other.origin.facts:
            yield "the state of the optimizer"
        if self.origin.dtype == "float64":
            yield "the digits of float64 weights beyond float32"
        for name in DROPOUTS:
            before, after = getattr(self.model, name), getattr(other.model, name)
            if before != after:
                yield f"{name} {before}: the format says nothing of it"

    def lines(self) -> list[str]:
        """Return the same for a reader."""
        facts, model = self.facts(), self.model
        sides = " in both directions" if model.direction == "both" else ""
        pooled = f"{model.pooling} over the words"
        if model.skip_connections:
            pooled += ", all layers joined"
        named = "with their names" if self.words else "without a vocabulary"
        return [
            f"{model.cell} with {model.gate_activation} gates, {model.layers} x "
            f"{model.units} units{sides}, embedding of {facts['embedding_size']} "
            f"({model.embedding_activation}), {pooled}",
            f"{facts['dtype']}, {self.num_words:,} words {named}, "
            + (f"{self.num_outputs} outputs" if self.decoder else "no output layer"),
        ]


def made(
    weights: dict[str, np.ndarray],
    model: ClassifierConfig,
    origin: Origin,
    words: tuple[str, ...] | None,
    learner: FinetuneConfig,
    extras: Mapping[str, Any] | None = None,
) -> WordModel:
    """Return the model of a foreign file, with the settings of a run.

    Args:
        weights: In our names.
        model: Its shape.
        origin: The file.
        words: Its vocabulary, if there is one.
        learner: Settings that a run of such models starts from.
        extras: What was logged.
    """
    # Here, not above: it brings scikit-learn.
    from tfsent.supervised.output import recorded

    most = max(origin.symbols, len(SPECIAL_WORDS) + 1)
    words_of = replace(learner.words, max_features=most)
    settings = replace(learner, classifier=model, words=words_of)
    outputs = len(weights["output/bias"]) if "output/bias" in weights else 0
    return WordModel(
        weights,
        model,
        task_of(outputs),
        origin,
        words,
        recorded(settings),
        dict(extras or {}),
    )


def task_of(outputs: int) -> dict[str, Any]:
    """Return the task of a file that says no more than how many outputs there are.

    One output is one label told by a sigmoid, as DeepMoji has it for two classes.
    """
    kind = {1: "multilabel", 2: "binary"}.get(outputs, "multiclass")
    names = ["1"] if outputs == 1 else [str(k) for k in range(outputs)]
    return {"kind": kind, "classes": names}


def check_weights(
    weights: Mapping[str, np.ndarray],
    config: ClassifierConfig,
    path: Path,
    shown: Mapping[str, str] | None = None,
    turned: Collection[str] = (),
) -> None:
    """Refuse weights that make no model of this shape together.

    Args:
        weights: In our names and axes.
        config: The shape.
        path: The file, for messages.
        shown: Our name to the one in the file.
        turned: Our names of those whose axes the file has the other way round.

    Raises:
        CheckpointError: Names the first that is missing, left over or does not fit.
    """
    shown = shown or {}
    words, outputs = num_words(weights, config), len(weights.get("output/bias", ()))
    wanted = expected_shapes(config, words, outputs)
    if not outputs:
        wanted = {n: s for n, s in wanted.items() if not n.startswith("output/")}
    for name, shape in wanted.items():
        if name not in weights:
            raise CheckpointError(path, f"misses the weight {shown.get(name, name)!r}.")
        found = weights[name].shape
        if found != shape:
            if name in turned:
                found, shape = found[::-1], shape[::-1]
            reason = f"{shown.get(name, name)!r} has shape {brief(found)}, not {shape}."
            raise CheckpointError(path, reason)
        if not np.isfinite(weights[name]).all():
            reason = f"{shown.get(name, name)!r} has values beyond float32."
            raise CheckpointError(path, reason)
    surplus = sorted(weights.keys() - wanted.keys())
    if surplus:
        names = brief([shown.get(name, name) for name in surplus])
        raise CheckpointError(path, f"has weights without a place: {names}.")


def num_words(weights: Mapping[str, np.ndarray], config: ClassifierConfig) -> int:
    """Return V as the weights have it; 0 if what tells it is missing."""
    side = "backward" if config.direction == "backward" else "forward"
    name = f"layers/0/{side}/wx" if config.one_hot else "embedding/weight"
    array = weights.get(name)
    return 0 if array is None or array.ndim != 2 else len(array)


def require_settings(model: WordModel, name: str, wanted: Mapping[str, object]) -> None:
    """Refuse a model that a format has no place for.

    Raises:
        ValueError: Names the first setting that it cannot hold.
    """
    for setting, value in wanted.items():
        found = getattr(model.model, setting)
        if found != value:
            raise ValueError(
                f"{name} holds classifiers whose classifier.{setting} is {value}; "
                f"this one's is {found}."
            )


def parse_config(section: Any, path: Path) -> ClassifierConfig:
    """Return the shape that a file says, of which nothing is trusted.

    Raises:
        CheckpointError: If there can be no such model.
    """
    try:
        return from_dict(ClassifierConfig, section, "classifier")
    except (ValueError, TypeError) as error:
        raise CheckpointError(path, str(error)) from error


def words_config(model: WordModel) -> WordsConfig:
    """Return how a model's texts are split, as its settings say."""
    section = model.settings.get("words", {})
    return from_dict(WordsConfig, section, "words")


def require_model(model: Any, name: str, output: bool = False) -> None:
    """Refuse what is no classifier over words, or lacks an output layer.

    Raises:
        ValueError: Says so.
    """
    if not isinstance(model, WordModel):
        raise ValueError(f"{name} holds a classifier over words, no language model.")
    if output and not model.decoder:
        raise ValueError(
            f"{name} holds an output layer, and the model has none; deepmoji, "
            "torchmoji and a run folder hold it without one."
        )
