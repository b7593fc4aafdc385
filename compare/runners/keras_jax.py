"""The runner of this project's Keras layers on JAX: the same layers, one jitted update.

Axes: N batches, B lanes, T bytes in a window.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from compare.runners.facts import RunnerFacts
from compare.runners.inputs import read_batches, read_weights
from compare.runners.serving import Work
from compare.runners.training import Training, training_work

RUNNERS = (
    RunnerFacts(
        name="keras-jax",
        what="this project's Keras layers on JAX, one jitted update",
        models=("mlstm+norm", "mlstm", "lstm+norm", "lstm", "gru+norm", "gru"),
        tasks=("train",),
        precisions=("float32", "mixed_bfloat16"),
        packages=("jax", "keras", "numpy"),
        modules=("jax", "keras"),
    ),
)


def open_side(name: str) -> KerasJax:
    """Open JAX; Keras reads its backend once, when it is imported."""
    os.environ["KERAS_BACKEND"] = "jax"
    return KerasJax()


class KerasJax:
    """This project's layers on JAX."""

    def __init__(self) -> None:
        import jax

        self._jax = jax
        self.device = jax.default_backend()

    def work(
        self, task: str, config: dict[str, Any], weights: str, inputs: str
    ) -> Work:
        """Return a training step as work."""
        named, batches = read_weights(weights), read_batches(inputs)
        training = _Training(config, named, batches.bytes_NBT1, batches.reset_NBT)
        return training_work(training, len(batches.bytes_NBT1), named)

    def product(self, side: int) -> tuple[Callable[[], object], Callable[[], object]]:
        """Return a float32 product of square matrices, and what waits for it."""
        jax = self._jax
        a, b = (jax.random.normal(jax.random.key(k), (side, side)) for k in (1, 2))
        multiply = jax.jit(jax.numpy.matmul)
        last: list[Any] = []

        def product() -> None:
            last[:] = [multiply(a, b)]

        return product, lambda: last[0].block_until_ready()

    def memory(self) -> dict[str, int]:
        """Return the most memory of the device so far, where it tells."""
        stats = self._jax.local_devices()[0].memory_stats() or {}
        peak = stats.get("peak_bytes_in_use")
        return {} if peak is None else {"peak_device_bytes": int(peak)}


class _Training(Training):
    """One jitted function: loss, gradient, clipping, Adam, new state."""

    def __init__(
        self,
        config: dict[str, Any],
        named: Mapping[str, np.ndarray],
        bytes_NBT1: np.ndarray,
        reset_NBT: np.ndarray,
    ):
        import jax
        import keras
        from keras import ops

        from tfsent.config import ModelConfig
        from tfsent.model import ByteLanguageModel

        keras.config.set_dtype_policy(config["precision"])
        self._named = named
        self._batches = [
            (jax.numpy.asarray(b, "int32"), jax.numpy.asarray(r))
            for b, r in zip(bytes_NBT1, reset_NBT, strict=True)
        ]
        model = self._model = ByteLanguageModel(
            ModelConfig(**config["model"]), seed=None
        )
        model.build(None)
        settings = config["optimizer"]
        self._optimizer = keras.optimizers.Adam(
            settings["learning_rate"], global_clipnorm=settings["clip_norm"] or None
        )
        self._optimizer.build(model.trainable_variables)
        self._carried = model.zero_state(bytes_NBT1.shape[1])

        def loss_of(weights: Any, bytes_BT1: Any, reset_BT: Any, state: Any) -> Any:
            (logits_BTV, state), _ = model.stateless_call(
                weights,
                self._fixed(),
                bytes_BT1[:, :-1],
                state=state,
                reset_BT=reset_BT,
                return_state=True,
                training=True,
            )
            nats_BT = ops.sparse_categorical_crossentropy(
                bytes_BT1[:, 1:], logits_BTV, from_logits=True
            )
            return ops.mean(nats_BT), (state, logits_BTV)

        def update(
            weights: Any, slots: Any, bytes_BT1: Any, reset_BT: Any, state: Any
        ) -> Any:
            (nats, (state, _)), gradients = jax.value_and_grad(loss_of, has_aux=True)(
                weights, bytes_BT1, reset_BT, state
            )
            weights, slots = self._optimizer.stateless_apply(slots, gradients, weights)
            return nats, weights, slots, state

        self._loss_of = loss_of
        self._weights: Any = None
        self._update = jax.jit(update, donate_argnums=(0, 1, 4))
        self._slots = [v.value for v in self._optimizer.variables]
        self.restore()

    def _fixed(self) -> list[Any]:
        return [v.value for v in self._model.non_trainable_variables]

    def update(self, k: int) -> Any:
        nats, self._weights, self._slots, self._carried = self._update(
            self._weights, self._slots, *self._batches[k], self._carried
        )
        return nats

    def nats(self, loss: Any) -> float:
        return float(loss)

    def restore(self) -> None:
        self._model.set_named_weights(dict(self._named))
        # Copies: the update takes the memory of what it is given.
        self._weights = [v.value.copy() for v in self._model.trainable_variables]

    def logits(self) -> np.ndarray:
        _, (_, logits_BTV) = self._look()[0]
        return np.asarray(logits_BTV)

    def gradients(self) -> Mapping[str, np.ndarray]:
        names = {id(v): name for name, v in self._model.named_weights().items()}
        return {
            names[id(variable)]: np.asarray(gradient, np.float32)
            for variable, gradient in zip(
                self._model.trainable_variables, self._look()[1], strict=True
            )
        }

    def _look(self) -> Any:
        """Return `((nats, (state, logits)), gradients)` of batch 0."""
        import jax

        look = jax.jit(jax.value_and_grad(self._loss_of, has_aux=True))
        return look(self._weights, *self._batches[0], self._carried)
