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
    traces = {name: _trace(model, batch) for name, batch in asked.texts.items()}
    gradients = _gradients(model, asked.batches[0], asked.kind)
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


def _trace(model: SequenceClassifier, batch: Batch) -> dict[str, np.ndarray]:
    attention = model.config.pooling == "attention"
    words_NT, mask_NT = tf.constant(batch.words_NT), tf.constant(batch.mask_NT)
    said = model(words_NT, mask=mask_NT, return_attention=attention)
    if not attention:
        return {"logits": np.array(said)}
    logits_NK, weights_NT = said
    return {"logits": np.array(logits_NK), "attention weights": np.array(weights_NT)}


def _gradients(
    model: SequenceClassifier, batch: Batch, kind: str
) -> dict[str, np.ndarray]:
    named = model.named_weights()
    variables = [variable.value for variable in named.values()]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        said_NK = model(tf.constant(batch.words_NT), mask=tf.constant(batch.mask_NT))
        if kind == "multilabel":
            labels_NK = tf.constant(batch.labels, tf.float32)
            each = tf.nn.sigmoid_cross_entropy_with_logits(labels_NK, said_NK)
        else:
            labels_N = tf.constant(batch.labels)
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels_N, said_NK)
        loss = tf.reduce_mean(each)
    found = tape.gradient(loss, variables)
    return {
        name: tf.convert_to_tensor(gradient).numpy()
        for name, gradient in zip(named, found, strict=True)
    }
