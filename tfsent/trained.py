"""What every trained language model offers, on whatever framework it computes.

Axes: B lanes, T time steps, V = 256 byte values.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from tfsent.config import NO_DECODER
from tfsent.data.batches import ScoreBatches
from tfsent.data.text_rules import clean
from tfsent.training.results import Score

_LANES, _WINDOW = 64, 256


class TrainedModel(ABC):
    """A trained byte-level language model and how its text was cleaned.

    Args:
        model: The framework's model, with `text_rule` and `decoder`.
        evaluator: Scores it: `score(batches) -> Score`.

    Attributes:
        model: The framework's model.
        text_rule: Cleaning of the text it was trained on, "openai" or "nvidia".
    """

    def __init__(self, model: Any, evaluator: Any):
        self.model = model
        self.text_rule: str = model.text_rule
        self._evaluator = evaluator

    def logits(self, bytes_BT: np.ndarray) -> np.ndarray:
        """Return the logits of the byte after each byte, the state zero at the start.

        Args:
            bytes_BT: uint8[B, T].

        Returns:
            float32[B, T, 256].

        Raises:
            ValueError: If the model has no decoder.
        """
        self._need_decoder()
        bytes_BT = np.asarray(bytes_BT)
        if bytes_BT.dtype != np.uint8 or bytes_BT.ndim != 2 or 0 in bytes_BT.shape:
            raise ValueError(
                f"bytes are {bytes_BT.dtype}{list(bytes_BT.shape)}; "
                "uint8[B, T] will do."
            )
        return self._logits(bytes_BT)

    @abstractmethod
    def _logits(self, bytes_BT: np.ndarray) -> np.ndarray:
        """Return float32[B, T, 256]."""

    def bpc(self, texts: Sequence[str | bytes]) -> float:
        """Return the bits per character of texts, over all bytes but each one's first.

        Args:
            texts: A str is cleaned as in training; bytes are taken as they are.

        Raises:
            ValueError: If no text has a second byte, or the model has no decoder.
        """
        if isinstance(texts, str | bytes):  # Would be read character by character.
            raise ValueError(f"texts is one {type(texts).__name__}; a list will do.")
        cleaned = [
            clean(text, self.text_rule) if isinstance(text, str) else text
            for text in texts
        ]
        score = self.score(_Samples([text for text in cleaned if text]))
        if not score.scored_bytes:
            raise ValueError(
                "texts have no byte to predict; at least two bytes will do."
            )
        return score.bpc

    def score(self, samples: Any, max_bytes: int | None = None) -> Score:
        """Return the score of samples on disk or in memory.

        Args:
            samples: `tfsent.data.ByteShards`.
            max_bytes: Take only samples of this many bytes together.

        Raises:
            ValueError: If the model has no decoder.
        """
        self._need_decoder()
        if not samples.num_samples:
            return Score(math.nan, 0, 0.0)
        batches = ScoreBatches(
            samples, batch_size=_LANES, window=_WINDOW, max_bytes=max_bytes
        )
        score: Score = self._evaluator.score(batches)
        return score

    def _need_decoder(self) -> None:
        if not self.model.decoder:
            raise ValueError(NO_DECODER)


class _Samples:
    """Texts in memory, read like shards."""

    def __init__(self, texts: Sequence[bytes]):
        self.num_samples = len(texts)
        self._bounds = np.cumsum([0, *map(len, texts)])
        self._bytes = np.frombuffer(b"".join(texts), np.uint8)

    def sample_bounds(self) -> np.ndarray:
        return self._bounds

    def read(self, start: int, stop: int) -> np.ndarray:
        return self._bytes[start:stop]
