"""What both frameworks are asked about a classifier over words, and answer.

Axes: N texts, T words.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from compare.formats.sequence_classifier import expected_shapes
from compare.formats.word_model import WordModel
from compare.questions import NEXT_STEPS
from tfsent.config_supervised import ClassifierConfig, LearnerConfig
from tfsent.data.word_batches import Batch, PadSide, reading_batches

LENGTHS = (21, 1, 13, 5, 17, 2, 9, 8)
"""Words of the texts that are read."""

LEARNER = LearnerConfig(optimizer="adam", learning_rate=1e-3, clip_norm=1.0)
"""How DeepMoji is tuned: Adam, gradients of norm 1 at most."""

_STAND_IN = 3
"""Outputs of an encoder, whose own are none."""


class WordQuestions(NamedTuple):
    """What both sides are asked, equal by construction.

    Attributes:
        config: Shape of the model, without dropout.
        outputs: K.
        kind: Of the task: "multiclass", or "multilabel" for one output.
        texts: Name to texts, padded as it says.
        batches: Of the updates; the first is also that of the gradient.
        notes: What the reader of a certificate should know.
    """

    config: ClassifierConfig
    outputs: int
    kind: str
    texts: dict[str, Batch]
    batches: list[Batch]
    notes: tuple[str, ...]


class WordAnswers(NamedTuple):
    """What one side computed.

    Attributes:
        traces: By the names of the texts: "logits" float32[N, K] and, of attention,
            "attention weights" float32[N, T].
        gradients: Our name of a weight to the gradient of the mean loss, our axes.
        losses: Mean loss of each update's texts, before it.
        moves: Name of a weight to what the first update added to it.
    """

    traces: dict[str, dict[str, np.ndarray]]
    gradients: dict[str, np.ndarray]
    losses: list[float]
    moves: dict[str, np.ndarray]


def with_output(model: WordModel) -> WordModel:
    """Return the model; of an encoder, with fixed random output weights."""
    if model.decoder:
        return model
    rng = np.random.default_rng(0)
    shapes = expected_shapes(model.model, model.num_words, _STAND_IN)
    made = {
        name: (0.1 * rng.standard_normal(shape)).astype(np.float32)
        for name, shape in shapes.items()
        if name.startswith("output/")
    }
    return replace(model, weights=model.weights | made)


def word_questions(model: WordModel, config: ClassifierConfig) -> WordQuestions:
    """Return what to ask about a model.

    The texts are random numbers of words: equality holds for any.

    Args:
        model: It, with an output layer.
        config: Its shape, without dropout.
    """
    rng = np.random.default_rng(0)
    outputs, num_words = model.num_outputs, model.num_words
    kind = "multilabel" if outputs == 1 else "multiclass"

    def batch(side: PadSide) -> Batch:
        return _batch(rng, num_words, outputs, side)

    texts = {"padded behind": batch("after"), "padded in front": batch("before")}
    notes = (
        "Texts are random words, among them some of one word; what fills them up is "
        "masked.",
        "Updates are made without dropout.",
    )
    return WordQuestions(
        config,
        outputs,
        kind,
        texts,
        [batch("after") for _ in range(NEXT_STEPS)],
        notes,
    )


def _batch(rng: Any, num_words: int, outputs: int, side: PadSide) -> Batch:
    # From 1 on, where there is another number than that of padding.
    least = min(1, num_words - 1)
    ids = [rng.integers(least, num_words, n).astype(np.int32) for n in LENGTHS]
    labels = rng.integers(0, max(2, outputs), len(ids))
    if outputs == 1:
        labels = labels[:, None]
    return reading_batches(ids, labels, len(ids), side)[0]
