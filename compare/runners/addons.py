"""The runner of the old stack: TensorFlow 2.15 with tensorflow-addons 0.23.

The mLSTM as its users wrote it: `tf.keras.layers.RNN` over a cell whose projections
are dense layers wrapped in `tfa.layers.WeightNormalization`, trained by
`train_on_batch` with `tfa.optimizers.AdamW` (its decay at 0: that is Adam).
tensorflow-addons ended in 2024 and does not import with Keras 3, so it has an
environment of its own, with NumPy and safetensors and nothing else of this project.

Axes: B lanes, E embedding width, H hidden units.

Reference:
    Krause et al. 2016, arXiv:1609.07959, equations 14 to 19.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.runners.facts import RunnerFacts
from compare.runners.inputs import read_batches, read_weights
from compare.runners.serving import Work
from compare.runners.tensorflow_side import BatchTraining, TensorFlowSide
from compare.runners.training import training_work

RUNNERS = (
    RunnerFacts(
        name="addons",
        what="TensorFlow 2.15, tensorflow-addons: RNN over a weight-normalised cell",
        models=("mlstm+norm",),
        tasks=("train",),
        precisions=("float32",),
        packages=("tensorflow", "tensorflow-addons", "keras", "numpy"),
        modules=(),
        environment=(".venv-addons", "addons"),
    ),
)

_MATRICES = ("wx", "wmx", "wh", "wmh")


def open_side(name: str) -> Addons:
    """Open TensorFlow; its notes and the farewell of tensorflow-addons are not told."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import warnings

    warnings.filterwarnings("ignore", message=r"(?s).*TensorFlow Addons")
    return Addons()


class Addons(TensorFlowSide):
    """TensorFlow 2.15 and tensorflow-addons."""

    def work(
        self, task: str, config: dict[str, Any], weights: str, inputs: str
    ) -> Work:
        """Return a training step as work."""
        named, batches = read_weights(weights), read_batches(inputs)
        training = _Training(config, named, batches.bytes_NBT1)
        return training_work(training, len(batches.bytes_NBT1), named)


def make_cell(units: int) -> Any:
    """Return the cell; its projections are `wx`, `wmx`, `wh` and `wmh`."""
    import tensorflow as tf
    import tensorflow_addons as tfa

    class Cell(tf.keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.state_size = [units, units]
            self.output_size = units
            for name in _MATRICES:
                wide = name in ("wx", "wh")
                dense = tf.keras.layers.Dense(
                    4 * units if wide else units, use_bias=name == "wx", name=name
                )
                normed = tfa.layers.WeightNormalization(dense, data_init=False)
                setattr(self, name, normed)

        def build(self, shape: Any) -> None:
            for name in _MATRICES:
                width = shape[-1] if name.endswith("x") else units
                getattr(self, name).build((None, width))
            super().build(shape)

        def call(self, x_BE: Any, states: Any) -> Any:
            h_BH, c_BH = states
            m_BH = self.wmx(x_BE) * self.wmh(h_BH)
            i, f, o, u = tf.split(self.wx(x_BE) + self.wh(m_BH), 4, axis=1)
            c_BH = tf.sigmoid(f) * c_BH + tf.sigmoid(i) * tf.tanh(u)
            h_BH = tf.sigmoid(o) * tf.tanh(c_BH)
            return h_BH, [h_BH, c_BH]

    return Cell()


class _Training(BatchTraining):
    def __init__(
        self,
        config: dict[str, Any],
        named: Mapping[str, np.ndarray],
        bytes_NBT1: np.ndarray,
    ):
        import tensorflow as tf
        import tensorflow_addons as tfa

        shape, settings = config["model"], config["optimizer"]
        cells = [make_cell(shape["hidden_size"]) for _ in range(shape["layers"])]
        layers = [tf.keras.layers.RNN(cell, return_sequences=True) for cell in cells]
        optimizer = tfa.optimizers.AdamW(
            weight_decay=0.0,
            learning_rate=settings["learning_rate"],
            global_clipnorm=settings["clip_norm"] or None,
        )
        super().__init__(tf.keras, layers, config, optimizer, bytes_NBT1)
        for k, cell in enumerate(cells):
            for name in _MATRICES:
                normed = getattr(cell, name)
                self.variables[f"layers/{k}/{name}"] = normed.v
                self.variables[f"layers/{k}/g{name[1:]}"] = normed.g
            self.variables[f"layers/{k}/b"] = cell.wx.layer.bias
        self.values = named
        # The wrapper sets its gains from its directions when it is first called.
        self.logits()
        self.restore()
