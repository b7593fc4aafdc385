"""A fine-tuned language model on PyTorch with its optimizer.

Axes: N texts, T bytes, K outputs, M heads, F columns of the feature.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch
from torch import Tensor

from compare.formats.language_classifier import LanguageLayout
from compare.loading import LanguageModel
from compare.twin.language_classifier import LanguageClassifier
from compare.twin.learner import TorchLearner
from compare.twin.precision import autocast, set_precision
from tfsent.config_supervised import FinetuneConfig
from tfsent.data.word_batches import Batch
from tfsent.supervised.language import (
    HEADS,
    ByteReader,
    center_and_scale,
    learnt,
    real_texts,
    with_a_byte,
)
from tfsent.supervised.task import Task


class LanguageLearner(TorchLearner):
    """See `tfsent.supervised.fit.Learner`, and `LanguageLearner` on Keras.

    Args:
        model: On its device.
        reader: Knows the feature.
        task: Decides the loss.
        config: All settings.
    """

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
        self._precision = config.precision
        self._read = LanguageModel(model.language_model, config.precision)
        self._language = False

    def _layout_of(self, model: LanguageClassifier) -> LanguageLayout:
        language = model.language_model
        return LanguageLayout(language.config, language.decoder, model.config)

    def begin(self, trained: Collection[str]) -> None:
        """Make a new optimizer."""
        # With the heads alone the language model's loss is a constant.
        thawed = any(not name.startswith(HEADS) for name in trained)
        self._language = thawed and self._encoder.language_loss > 0.0
        super().begin(learnt(trained, self._language))

    @torch.no_grad()
    def outputs(self, batch: Batch) -> np.ndarray:
        """Return what the model says without dropout."""
        self.model.eval()
        texts = real_texts(batch)
        feature_NF = np.asarray(self._read.features(texts, self._reader.feature))
        said_NMK = self.model.said(self._given(feature_NF))
        said_NK = np.zeros((len(batch.rows), said_NMK.shape[2]), np.float32)
        said_NK[batch.rows >= 0] = said_NMK.mean(1).cpu().numpy()
        return said_NK

    def standardize(self, ids: Sequence[np.ndarray]) -> None:
        """Bring the feature of texts to mean 0 and deviation 1, column by column."""
        texts = (text.tobytes() for text in ids)
        self.model.eval()
        rows = self._read.feature_rows(texts, self._reader.feature)
        self.set_weights(self.weights() | center_and_scale(rows))

    def _factor(self, name: str) -> float:
        return 1.0 if name.startswith(HEADS) else self._encoder.rate_factor

    def _bounded(self, name: str) -> bool:
        return name.startswith(HEADS) and self._named[name].ndim == 2

    def _total_loss(self, batch: Batch) -> Tensor:
        batch = with_a_byte(batch)
        # Nothing is compiled here for a length: what is padding alone is cut off.
        longest = int(np.flatnonzero(batch.mask_NT.any(0))[-1]) + 1
        with autocast(self._precision, self._device.type):
            said_NMK, nats, likeness = self.model(
                self._given(batch.words_NT[:, :longest]),
                self._given(batch.mask_NT[:, :longest]),
                language=self._language,
            )
        heads = [self.loss(said_NMK[:, m], batch) for m in range(self._encoder.heads)]
        return (
            torch.stack(heads).mean()
            + self._encoder.language_loss * nats
            + self._encoder.head_variance * likeness
        )


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
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return LanguageLearner(model.to(device), reader, task, config)
