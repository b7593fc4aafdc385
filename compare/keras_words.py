"""What Keras answers about a classifier over words.

Axes: N texts, T words, K outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from compare.word_questions import LEARNER, WordAnswers, WordQuestions
from tfsent.data.word_batches import Batch
from tfsent.model.sequence_classifier import SequenceClassifier
from tfsent.supervised.keras_learner import KerasLearner
from tfsent.supervised.task import Task


def keras_answers(
    weights: Mapping[str, np.ndarray], num_words: int, asked: WordQuestions
) -> WordAnswers:
    """Return what the Keras model computes.

    Args:
        weights: Our names to arrays.
        num_words: V.
        asked: The questions.
    """
    model = SequenceClassifier(num_words, asked.outputs, asked.config)
    model.build(None)
    task = Task(asked.kind, tuple(map(str, range(asked.outputs))))
    learner = KerasLearner(model, task, LEARNER, 0)
    learner.set_weights(weights)
    traces = {name: _trace(learner, batch) for name, batch in asked.texts.items()}
    gradients = _gradients(learner, asked.batches[0])
    losses: list[float] = []
    moves: dict[str, np.ndarray] = {}
    before = learner.weights()
    learner.begin(learner.names)
    for number, batch in enumerate(asked.batches):
        losses.append(learner.update(batch, LEARNER.learning_rate, number))
        if not moves:
            after = learner.weights()
            moves = {n: after[n] - w for n, w in before.items()}
    return WordAnswers(traces, gradients, losses, moves)


def _trace(learner: KerasLearner, batch: Batch) -> dict[str, np.ndarray]:
    found = {"logits": learner.outputs(batch)}
    if learner.model.config.pooling == "attention":
        found["attention weights"] = learner.attention(batch)
    return found


def _gradients(learner: KerasLearner, batch: Batch) -> dict[str, np.ndarray]:
    named = learner.model.named_weights()
    variables = [variable.value for variable in named.values()]
    labels = batch.labels
    if labels.ndim == 2:
        labels = labels.astype(np.float32)
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        said_NK = learner.model(
            tf.constant(batch.words_NT), mask=tf.constant(batch.mask_NT)
        )
        loss = learner.loss(said_NK, tf.constant(labels), tf.constant(batch.weight_N))
    found = tape.gradient(loss, variables)
    return {
        name: tf.convert_to_tensor(gradient).numpy()
        for name, gradient in zip(named, found, strict=True)
    }
