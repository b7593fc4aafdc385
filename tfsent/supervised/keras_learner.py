"""A classifier on Keras with its optimizer: one compiled update.

Axes: N texts, T words, K outputs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfsent.config_supervised import FinetuneConfig, LearnerConfig
from tfsent.data.word_batches import Batch
from tfsent.model.sequence_classifier import SequenceClassifier
from tfsent.supervised.fit import UNBOUNDED
from tfsent.supervised.reader import WordReader
from tfsent.supervised.task import Task
from tfsent.training.optimizer import clip_by_global_norm
from tfsent.training.precision import set_precision

RHO = {"adadelta": 0.95, "rmsprop": 0.9}
EPSILON = {"adam": 1e-7, "adadelta": 1e-6, "rmsprop": 1e-6}
MOMENTUM = 0.9
"""Of the optimizers; adadelta's are those of Zeiler 2012 and the LISA tutorial."""

_DRAWS_PER_UPDATE = 2**10

_LENGTHS = [8, *(n * 2**k for k in range(3, 13) for n in (2, 3))]
"""What batches are filled up to. Each new length compiles both loops anew, 4.5 s on one
core for an LSTM of 128 units, so there are fewer than `padded_length` has."""


class KerasLearner:
    """See `tfsent.supervised.fit.Learner`.

    Args:
        model: Built; has `named_weights()`, takes words and mask, gives logits.
        task: Decides the loss.
        config: Optimizer, clipping, norms.
        seed: Of dropout.
    """

    lengths: Sequence[int] = _LENGTHS
    """What batches are filled up to, the smallest first; longer ones, and all if there
    are none, stay as they are."""
    decayed = "output/weight"
    """Name of the matrix that `learner.weight_decay` acts on."""

    def __init__(self, model: Any, task: Task, config: LearnerConfig, seed: int):
        self.model = model
        self._task, self._config, self._seed = task, config, seed
        self._named: dict[str, keras.Variable] = model.named_weights()
        self.names = list(self._named)
        self._trained: list[str] = []
        classes = task.kind in ("binary", "multiclass")
        self._labels_type = tf.int32 if classes else tf.float32
        # One trace for all lengths; the loops inside are compiled for each.
        words = [tf.TensorSpec([None, None], kind) for kind in (tf.int32, tf.bool)]
        self._said = tf.function(self._outputs, words, autograph=False)
        several = task.kind == "multilabel"
        self._signature = [
            *words,
            tf.TensorSpec([None, None] if several else [None], self._labels_type),
            tf.TensorSpec([None], tf.float32),
            tf.TensorSpec([], tf.float32),
            tf.TensorSpec([], tf.int64),
        ]

    def begin(self, trained: Collection[str]) -> None:
        """Make a new optimizer, and compile its update at the first call."""
        self._trained = [name for name in self.names if name in set(trained)]
        self._optimizers = []
        for factor in dict.fromkeys(map(self._factor, self._trained)):
            names = [name for name in self._trained if self._factor(name) == factor]
            optimizer = make_optimizer(self._config.optimizer)
            optimizer.build([self._named[name] for name in names])
            self._optimizers.append((factor, names, optimizer))
        self._run = tf.function(self._update, self._signature, autograph=False)

    def _factor(self, name: str) -> float:
        """Return what the learning rate of a weight is multiplied by."""
        return 1.0

    def _bounded(self, name: str) -> bool:
        """Return whether a weight's columns are held within `learner.max_norm`."""
        return len(self._named[name].shape) == 2 and name not in UNBOUNDED

    def update(self, batch: Batch, rate: float, number: int) -> float:
        """Update the weights once and return the batch's loss."""
        loss = self._run(
            *self._filled_up(batch),
            tf.constant(batch.labels, self._labels_type),
            tf.constant(batch.weight_N, tf.float32),
            tf.constant(rate, tf.float32),
            tf.constant(number, tf.int64),
        )
        return float(loss)

    def outputs(self, batch: Batch) -> np.ndarray:
        """Return what the model says without dropout."""
        said_NK: np.ndarray = self._said(*self._filled_up(batch)).numpy()
        return said_NK

    def attention(self, batch: Batch) -> np.ndarray:
        """Return how attention weighs the words of texts, float32[N, T].

        Raises:
            ValueError: If the model pools otherwise.
        """
        words_NT, mask_NT = map(tf.constant, (batch.words_NT, batch.mask_NT))
        _, weight_NT = self.model(words_NT, mask=mask_NT, return_attention=True)
        found_NT: np.ndarray = np.asarray(weight_NT, np.float32)
        return found_NT

    def weights(self) -> dict[str, np.ndarray]:
        """Return copies of all weights."""
        return {n: np.array(v, np.float32) for n, v in self._named.items()}

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Put weights in the place of those there."""
        for name, variable in self._named.items():
            variable.assign(weights[name])

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of the optimizer's tensors."""
        return {f"{k:04d}": np.array(v) for k, v in enumerate(self._kept())}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Put the optimizer's tensors in the place of those there."""
        for k, variable in enumerate(self._kept()):
            variable.assign(state[f"{k:04d}"])

    def _kept(self) -> list[keras.Variable]:
        """Return the optimizer's variables."""
        return [v for _, _, each in self._optimizers for v in each.variables]

    def _outputs(self, words_NT, mask_NT):
        return self.model(words_NT, mask=mask_NT, training=False)

    def _update(self, words_NT, mask_NT, labels, weight_N, rate, number):
        variables = [self._named[name] for name in self._trained]
        everything = self.model.trainable_variables
        values = [tf.identity(v.value) for v in everything]
        at = {id(v): k for k, v in enumerate(everything)}
        watched = [values[at[id(v)]] for v in variables]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(watched)
            loss = self._total_loss(values, words_NT, mask_NT, labels, weight_N, number)
            if self._config.weight_decay:
                output = values[at[id(self._named[self.decayed])]]
                decay = 0.5 * self._config.weight_decay * tf.reduce_sum(output**2)
                loss = loss + decay
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, watched)]
        if self._config.clip_norm:
            gradients, _ = clip_by_global_norm(gradients, self._config.clip_norm)
        by_name = dict(zip(self._trained, gradients, strict=True))
        for factor, names, optimizer in self._optimizers:
            optimizer.learning_rate.assign(rate * factor)
            optimizer.apply(
                [by_name[name] for name in names], [self._named[name] for name in names]
            )
        if self._config.max_norm:
            self._bound_norms()
        return loss

    def _total_loss(self, values, words_NT, mask_NT, labels, weight_N, number):
        """Return what is made smaller, but for the weight decay."""
        said, _ = self.model.stateless_call(
            values, self._seeds(number), words_NT, mask=mask_NT, training=True
        )
        return self.loss(said, labels, weight_N)

    def loss(self, said_NK, labels, weight_N):
        """Return the weighted mean over the texts."""
        if self._task.kind == "multilabel":
            each_NK = tf.nn.sigmoid_cross_entropy_with_logits(labels, said_NK)
            each_N = tf.reduce_mean(each_NK, axis=1)
        elif self._task.kind == "regression":
            each_N = tf.square(said_NK[:, 0] - labels)
        else:
            each_N = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, said_NK)
        return tf.reduce_sum(each_N * weight_N) / tf.reduce_sum(weight_N)

    def _seeds(self, number):
        """Return the state of every seed generator for one update."""
        number = tf.cast(number * _DRAWS_PER_UPDATE % 2**32, tf.uint32)
        return [
            tf.stack([tf.cast(self._seed * 1009 + k, tf.uint32), number])
            for k, _ in enumerate(self.model.non_trainable_variables)
        ]

    def _filled_up(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Return words and mask, with more padding after them."""
        length = batch.words_NT.shape[1]
        more = next((n for n in self.lengths if n >= length), length) - length
        words_NT, mask_NT = (
            np.pad(array, ((0, 0), (0, more)))
            for array in (batch.words_NT, batch.mask_NT)
        )
        return tf.constant(words_NT, tf.int32), tf.constant(mask_NT)

    def _bound_norms(self) -> None:
        for name in self._trained:
            variable = self._named[name]
            if not self._bounded(name):
                continue
            norms = tf.norm(variable.value, axis=0, keepdims=True)
            bound = self._config.max_norm
            variable.assign(variable * tf.minimum(1.0, bound / (norms + 1e-7)))


def make_optimizer(name: str) -> keras.optimizers.Optimizer:
    """Return an optimizer whose learning rate is set before every update."""
    optimizers = keras.optimizers
    return {
        "adam": lambda: optimizers.Adam(1.0, epsilon=EPSILON["adam"]),
        "adadelta": lambda: optimizers.Adadelta(
            1.0, rho=RHO["adadelta"], epsilon=EPSILON["adadelta"]
        ),
        "rmsprop": lambda: optimizers.RMSprop(
            1.0, rho=RHO["rmsprop"], epsilon=EPSILON["rmsprop"]
        ),
        "sgd": lambda: optimizers.SGD(1.0),
        "momentum": lambda: optimizers.SGD(1.0, momentum=MOMENTUM),
    }[name]()


def make_learner(
    reader: WordReader, task: Task, config: FinetuneConfig
) -> KerasLearner:
    """Return the network that settings ask for, with start weights."""
    set_precision(config.precision)
    model = SequenceClassifier(
        reader.num_symbols, task.num_outputs, config.classifier, config.seed
    )
    model.build(None)
    return KerasLearner(model, task, config.learner, config.seed)
