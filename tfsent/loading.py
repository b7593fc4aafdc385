"""A path -> a trained language model, ready to use.

Axes: B lanes, T time steps, P pieces of texts, H hidden units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfsent.checkpoint.errors import CheckpointError
from tfsent.checkpoint.shapes import model_settings
from tfsent.checkpoint.weights import has_decoder, load_weights, text_rule_of
from tfsent.config import Precision
from tfsent.generate import Draw, Pin
from tfsent.model.generation import Generation
from tfsent.model.language_model import ByteLanguageModel
from tfsent.trained import TrainedModel
from tfsent.training.evaluate import Evaluator
from tfsent.transfer.feature import STATES, Part
from tfsent.transfer.features import State
from tfsent.transfer.reading import Piece

_WINDOW = 256


class LanguageModel(TrainedModel):
    """A trained byte-level language model on Keras; see `TrainedModel`."""

    def __init__(self, model: ByteLanguageModel):
        super().__init__(model, Evaluator(model))
        self._predict = tf.function(
            lambda bytes_BT, state: model.call(bytes_BT, state, return_state=True),
            jit_compile=True,
            autograph=False,
        )
        self._pooled = tf.function(
            model.pooled, jit_compile=True, autograph=False, reduce_retracing=False
        )

    @property
    def arithmetic(self) -> str:
        """Framework and precision."""
        return f"keras-{self.model.dtype_policy.name}"

    def _named_weights(self) -> Mapping[str, np.ndarray]:
        return {
            name: keras.ops.convert_to_numpy(variable)
            for name, variable in self.model.named_weights().items()
        }

    def _read(
        self,
        bytes_BT: np.ndarray,
        reset_BT: np.ndarray,
        state: State,
        parts: Sequence[Part],
        pieces: Sequence[Piece],
    ) -> tuple[list[np.ndarray], State]:
        wanted = tuple(
            (
                part.layer,
                STATES.index(part.state),
                "sum" if part.pooling == "mean" else part.pooling,
            )
            for part in parts
        )
        sequences, after = self._pooled(
            tf.constant(bytes_BT),
            [tuple(map(tf.constant, layer)) for layer in state],
            tf.constant(reset_BT),
            wanted,
        )
        lane_P = [piece.lane for piece in pieces]
        end_P = [piece.stop - 1 for piece in pieces]
        # [T, H, B]: with lanes last the loop is fastest. Only ends are looked at, so
        # that turning the whole of it round (as long as a third of reading) is saved.
        values = [sequence.numpy()[end_P, :, lane_P] for sequence in sequences]
        return values, [tuple(s_BH.numpy() for s_BH in layer) for layer in after]

    def _logits(self, bytes_BT: np.ndarray) -> np.ndarray:
        # In windows of a few lengths, the last one padded: every length would else
        # be compiled anew. Compiled whole, nothing is kept for a gradient.
        steps = bytes_BT.shape[1]
        window = min(_WINDOW, 1 << (steps - 1).bit_length())
        padded = np.pad(bytes_BT, ((0, 0), (0, -steps % window)))
        state = self.model.zero_state(len(bytes_BT))
        parts = []
        for start in range(0, steps, window):
            part = tf.constant(padded[:, start : start + window])
            logits, state = self._predict(part, state)
            parts.append(logits.numpy())
        return np.concatenate(parts, axis=1)[:, :steps]

    def _generation(
        self, first_byte: int, samples: int, draw: Draw, pin: Pin | None
    ) -> Generation:
        return Generation(self.model, first_byte, samples, *draw, pin)


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
        text_rule=text_rule_of(config, path),
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
