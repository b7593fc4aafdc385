"""Two files, one classifier over words: proved in both frameworks at once.

As `parity.py` for language models: one file is computed with Keras, the other with
the twin, on the same texts. A file of one of the frameworks is loaded as that
framework loads it; of any other layout, what its format read.

Axes: N texts, T words, K outputs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from compare.checks import (
    STATE_TOLERANCE,
    Check,
    Parity,
    exact,
    gradient_check,
    gradient_gaps,
    largest,
    loss_check,
    move_check,
    relative,
    sides,
)
from compare.formats import sequence_classifier as layout
from compare.formats.own_classifier import twin_state_dict
from compare.formats.word_model import FUNCTION, WordModel
from compare.reading import ReadModel
from compare.word_questions import WordAnswers, with_output, word_questions


def measure_words(source: ReadModel, target: ReadModel) -> Parity:
    """Return how two classifiers compare: weights, outputs, gradients, updates.

    Raises:
        ValueError: If they have other shapes, or one is a language model.
    """
    one, other = source.checkpoint, target.checkpoint
    if not (isinstance(one, WordModel) and isinstance(other, WordModel)):
        raise ValueError(
            "the models cannot be compared: one is a classifier over words and one "
            "is not."
        )
    _refuse_other_shape(one, other)
    config = dataclasses.replace(one.model, dropout=0.0, spatial_dropout=0.0)
    asked = word_questions(with_output(one), config)
    notes = asked.notes
    if not one.decoder:
        notes = (
            "No output layer: fixed random output weights, equal on both sides, stand "
            "in for logits, loss and gradients.",
            *notes,
        )
    for_keras, for_twin = sides(source, target)
    # Here, not above: the frameworks start only once there is something to compute;
    # torch first.
    from compare.twin_words import twin_answers  # isort: skip
    from compare.keras_words import keras_answers

    keras = keras_answers(_keras_weights(for_keras), one.num_words, asked)
    arrays = _twin_arrays(for_twin)
    twin = twin_answers(arrays, one.num_words, asked)
    return Parity(
        "source" if for_keras is source else "target",
        (
            exact("weights, as stored", one.weights, other.weights),
            *_trace_checks(keras, twin),
            gradient_check(keras, twin),
            move_check(keras, twin),
            loss_check(keras, twin, "nats"),
        ),
        {
            texts: {
                name: np.abs(a - twin.traces[texts][name]).max(1).tolist()
                for name, a in trace.items()
            }
            for texts, trace in keras.traces.items()
        },
        gradient_gaps(keras, twin),
        {"keras": keras.losses, "twin": twin.losses},
        notes,
    )


def _refuse_other_shape(one: WordModel, other: WordModel) -> None:
    shown = ("num_words", "num_outputs")
    values = [
        {name: getattr(each.model, name) for name in FUNCTION}
        | {name: getattr(each, name) for name in shown}
        for each in (one, other)
    ]
    for name, value in values[0].items():
        if value != values[1][name]:
            raise ValueError(
                f"the models cannot be compared: {name} is {value} in the one and "
                f"{values[1][name]} in the other."
            )


def _keras_weights(read: ReadModel) -> dict[str, np.ndarray]:
    """Return a model as Keras loads it."""
    model = with_output(_words(read))
    if read.container.kind != "keras":
        return dict(model.weights)
    import keras

    import tfsent.model  # noqa: F401  Registers the classifier.

    loaded = keras.saving.load_model(read.path, safe_mode=True)
    return {name: np.array(v) for name, v in loaded.named_weights().items()}


def _twin_arrays(read: ReadModel) -> dict[str, np.ndarray]:
    """Return a model as the twin loads it."""
    model = with_output(_words(read))
    arrays = layout.to_twin(model.weights, model.model)
    held = twin_state_dict(read.container) if read.format == "twin" else {}
    return arrays | held


def _words(read: ReadModel) -> WordModel:
    assert isinstance(read.checkpoint, WordModel)
    return read.checkpoint


def _trace_checks(keras: WordAnswers, twin: WordAnswers) -> Iterator[Check]:
    for texts, trace in keras.traces.items():
        for name, one in trace.items():
            gap_N = np.abs(one - twin.traces[texts][name]).max(1)
            yield Check(
                f"{name}, texts {texts}",
                relative(gap_N.max(), largest(one)),
                STATE_TOLERANCE,
                "of the largest",
                f"text {int(gap_N.argmax()) + 1} of {len(gap_N)}",
            )
