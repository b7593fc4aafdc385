"""The runner of this project on Keras: its layers, one compiled TensorFlow update.

Axes: B lanes, T bytes in a window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.runners.facts import RunnerFacts
from compare.runners.inputs import read_batches, read_weights
from compare.runners.serving import Work
from compare.runners.tensorflow_side import TensorFlowSide
from compare.runners.training import Training, training_work
from tfsent.quiet import quiet

RUNNERS = (
    RunnerFacts(
        name="keras-tensorflow",
        what="this project's Keras layers and training step, XLA",
        models=("mlstm+norm", "mlstm", "lstm+norm", "lstm", "gru+norm", "gru"),
        tasks=("train", "featurize", "generate"),
        precisions=("float32", "mixed_bfloat16", "mixed_float16"),
        packages=("tensorflow", "keras", "numpy"),
        modules=("tensorflow", "keras"),
    ),
)


def open_side(name: str) -> KerasTensorFlow:
    """Open TensorFlow."""
    quiet()
    return KerasTensorFlow()


class KerasTensorFlow(TensorFlowSide):
    """This project on Keras and TensorFlow."""

    def work(
        self, task: str, config: dict[str, Any], weights: str, inputs: str
    ) -> Work:
        """Return a piece of work, done once."""
        if task == "train":
            from tfsent.config import RunConfig
            from tfsent.settings_json import from_dict

            settings, named = from_dict(RunConfig, config), read_weights(weights)
            training = _Training(settings, named, inputs)
            return training_work(training, training.num_batches, named)

        from compare.runners.trained_work import trained_work

        return trained_work(task, language_model(config, weights), inputs)


def language_model(config: dict[str, Any], weights: str) -> Any:
    """Return a `tfsent.loading.LanguageModel` of the weights of a piece of work."""
    from tfsent.config import RunConfig
    from tfsent.loading import LanguageModel
    from tfsent.model import ByteLanguageModel
    from tfsent.settings_json import from_dict
    from tfsent.training.precision import set_precision

    settings = from_dict(RunConfig, config)
    set_precision(settings.precision)
    model = ByteLanguageModel(settings.model, seed=None)
    model.build(None)
    model.set_named_weights(read_weights(weights))
    return LanguageModel(model)


class _Training(Training):
    """The update of `scripts/train.py`."""

    def __init__(self, settings: Any, named: dict[str, np.ndarray], inputs: str):
        from tfsent.data.batches import Batch
        from tfsent.training.build import build_run

        self._named = named
        self._batches = [
            Batch(*pair) for pair in zip(*read_batches(inputs), strict=True)
        ]
        self.num_batches = len(self._batches)
        self._state, self._step = build_run(settings, settings.training.steps)
        self.restore()

    def update(self, k: int) -> Any:
        loss = self._state.update(self._step, self._batches[k]).bpc
        self._state.step += 1
        return loss

    def nats(self, loss: Any) -> float:
        return float(loss) * math.log(2)

    def restore(self) -> None:
        self._state.model.set_named_weights(self._named)

    def logits(self) -> np.ndarray:
        import tensorflow as tf

        model = self._state.model
        read = tf.function(model.call, jit_compile=True, autograph=False)
        return read(tf.constant(self._batches[0].bytes_BT1[:, :-1])).numpy()

    def gradients(self) -> Mapping[str, np.ndarray]:
        import tensorflow as tf

        model = self._state.model
        found = self._step.gradients(*self._batches[0], self._state.carried)
        # In an order of their own: Keras lists layers before what is the model's.
        names = {id(v): name for name, v in model.named_weights().items()}
        return {
            names[id(variable)]: tf.convert_to_tensor(gradient).numpy()
            for variable, gradient in zip(model.trainable_variables, found, strict=True)
        }
