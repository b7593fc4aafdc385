"""A path -> a trained language model, ready to use.

Axes: B lanes, T time steps, V = 256 byte values.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.shapes import model_settings
from tfsent.checkpoint.weights import has_decoder, load_weights
from tfsent.config import NO_DECODER, Precision
from tfsent.data.batches import ScoreBatches
from tfsent.data.text_rules import clean
from tfsent.model.language_model import ByteLanguageModel
from tfsent.training.evaluate import Evaluator
from tfsent.training.results import Score

_LANES, _WINDOW = 64, 256


class LanguageModel:
    """A trained byte-level language model and how its text was cleaned.

    Attributes:
        model: The Keras model.
        text_rule: Cleaning of the text it was trained on, "openai" or "nvidia".
    """

    def __init__(self, model: ByteLanguageModel):
        self.model = model
        self.text_rule = model.text_rule
        self._evaluator = Evaluator(model)
        self._logits = tf.function(
            lambda bytes_BT, state: model.call(bytes_BT, state, return_state=True),
            jit_compile=True,
            autograph=False,
        )

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
        # In windows of a few lengths, the last one padded: every length would else
        # be compiled anew. Compiled whole, nothing is kept for a gradient.
        steps = bytes_BT.shape[1]
        window = min(_WINDOW, 1 << (steps - 1).bit_length())
        padded = np.pad(bytes_BT, ((0, 0), (0, -steps % window)))
        state = self.model.zero_state(len(bytes_BT))
        parts = []
        for start in range(0, steps, window):
            part = tf.constant(padded[:, start : start + window])
            logits, state = self._logits(part, state)
            parts.append(logits.numpy())
        return np.concatenate(parts, axis=1)[:, :steps]

    def bpc(self, texts: Sequence[str | bytes]) -> float:
        """Return the bits per character of texts, over all bytes but each one's first.

        Args:
            texts: A str is cleaned as in training; bytes are taken as they are.

        Raises:
            ValueError: If no text has a second byte.
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
            return Score(float("nan"), 0, 0.0)
        return self._evaluator.score(
            ScoreBatches(
                samples, batch_size=_LANES, window=_WINDOW, max_bytes=max_bytes
            )
        )

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


def load(path: str | Path, precision: Precision = "float32") -> LanguageModel:
    """Return the model of a run folder, a checkpoint folder or a `.keras` file.

    Runs no code from the file.

    Args:
        path: `RUN`, `RUN/checkpoints/best`, `RUN/checkpoints/STEP`, `FILE.keras`.
        precision: Type of the arithmetic; weights stay float32.

    Raises:
        CheckpointError: If there is no sound model; names the path.
    """
    path = Path(path).expanduser()
    if path.suffix == ".keras":
        return _load_keras(path, precision)
    weights, config = load_weights(path)
    model = ByteLanguageModel(
        model_settings(config, path),
        seed=None,
        text_rule=config.get("data", {}).get("text_rule", "openai"),
        decoder=has_decoder(config, path),
        dtype=precision,
    )
    model.build(None)
    model.set_named_weights(weights)
    return LanguageModel(model)


def _load_keras(path: Path, precision: Precision) -> LanguageModel:
    if not path.is_file():
        raise CheckpointError(path, "is no file.")
    try:
        saved = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:
        # Keras raises whatever its archive, JSON and HDF5 readers raise.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(path, f"is no sound Keras model: {reason}") from error
    if not isinstance(saved, ByteLanguageModel):
        raise CheckpointError(path, f"holds a {type(saved).__name__}, not this model.")
    model = ByteLanguageModel(
        saved.config,
        seed=None,
        text_rule=saved.text_rule,
        decoder=saved.decoder,
        dtype=precision,
    )
    model.build(None)
    model.set_weights(saved.get_weights())
    return LanguageModel(model)
