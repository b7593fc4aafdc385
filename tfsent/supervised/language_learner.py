"""A fine-tuned language model on Keras with its optimizer.

Axes: N texts, T bytes, K outputs, M heads, F columns of the feature.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import tensorflow as tf

from tfsent.config_supervised import FinetuneConfig
from tfsent.data.word_batches import Batch
from tfsent.loading import LanguageModel
from tfsent.model.language_classifier import LanguageClassifier
from tfsent.supervised.keras_learner import KerasLearner
from tfsent.supervised.language import (
    HEADS,
    ByteReader,
    center_and_scale,
    learnt,
    real_texts,
    with_a_byte,
)
from tfsent.supervised.task import Task
from tfsent.training.precision import set_precision


class LanguageLearner(KerasLearner):
    """See `tfsent.supervised.fit.Learner`.

    Training reads batches of whole texts under a mask, with a gradient. Outside of it
    texts are read as `scripts/featurize.py` reads them: in windows without padding,
    in little memory, to the same feature.

    Args:
        model: Built.
        reader: Knows the feature.
        task: Decides the loss.
        config: All settings.
    """

    # Few: one program is compiled for each, and its loops end with the longest text.
    lengths = tuple(64 * n for n in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128))
    decayed = "heads/output/weight"

    def __init__(
        self,
        model: LanguageClassifier,
        reader: ByteReader,
        task: Task,
        config: FinetuneConfig,
    ):
        super().__init__(model, task, config.learner, config.seed)
        self._encoder, self._reader = config.encoder, reader
        self._read = LanguageModel(model.language_model)
        self._language = False

    def begin(self, trained: Collection[str]) -> None:
        """Make a new optimizer, and compile its update at the first call."""
        # With the heads alone the language model's loss is a constant.
        thawed = any(not name.startswith(HEADS) for name in trained)
        self._language = thawed and self._encoder.language_loss > 0.0
        super().begin(learnt(trained, self._language))

    def outputs(self, batch: Batch) -> np.ndarray:
        """Return what the model says without dropout."""
        texts = real_texts(batch)
        feature_NF = np.asarray(self._read.features(texts, self._reader.feature))
        said_NMK = self.model.said(tf.constant(feature_NF))
        said_NK = np.zeros((len(batch.rows), said_NMK.shape[2]), np.float32)
        said_NK[batch.rows >= 0] = tf.reduce_mean(said_NMK, axis=1).numpy()
        return said_NK

    def standardize(self, ids: Sequence[np.ndarray]) -> None:
        """Bring the feature of texts to mean 0 and deviation 1, column by column."""
        texts = (text.tobytes() for text in ids)
        rows = self._read.feature_rows(texts, self._reader.feature)
        self.set_weights(self.weights() | center_and_scale(rows))

    def _factor(self, name: str) -> float:
        return 1.0 if name.startswith(HEADS) else self._encoder.rate_factor

    def _bounded(self, name: str) -> bool:
        return name.startswith(HEADS) and len(self._named[name].shape) == 2

    def _total_loss(self, values, words_NT, mask_NT, labels, weight_N, number):
        (said_NMK, nats, likeness), _ = self.model.stateless_call(
            values,
            self._seeds(number),
            words_NT,
            mask=mask_NT,
            training=True,
            language=self._language,
        )
        heads = [
            self.loss(said_NMK[:, m], labels, weight_N)
            for m in range(self._encoder.heads)
        ]
        loss = tf.add_n(heads) / len(heads)
        return (
            loss
            + self._encoder.language_loss * nats
            + self._encoder.head_variance * likeness
        )

    def _filled_up(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        return super()._filled_up(with_a_byte(batch))


def make_learner(
    reader: ByteReader, task: Task, config: FinetuneConfig
) -> LanguageLearner:
    """Return the model that settings ask for; its language model is still empty."""
    set_precision(config.precision)
    language = reader.language
    model = LanguageClassifier(
        language.model,
        reader.triples,
        task.num_outputs,
        config.encoder,
        config.seed,
        language.text_rule,
        language.decoder,
    )
    model.build(None)
    return LanguageLearner(model, reader, task, config)
