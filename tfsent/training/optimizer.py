"""Optimizer, schedule, clipping."""

from __future__ import annotations

import math

import keras
import tensorflow as tf
from keras import ops

from tfsent.config import OptimizerConfig
from tfsent.training.precision import with_loss_scale
from tfsent.training.schedule import peak_learning_rate


@keras.saving.register_keras_serializable(package="tfsent")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate that rises linearly to its peak, then falls or stays.

    Args:
        peak: Learning rate at the end of warm-up.
        shape: "linear" or "cosine", both 0 after the last step, or "constant".
        warmup_steps: Steps of the rise; the first step is not 0 but one part of it.
        total_steps: Steps in all.
    """

    def __init__(self, peak: float, shape: str, warmup_steps: int, total_steps: int):
        self.peak = peak
        self.shape = shape
        self.warmup_steps = warmup_steps
        self.total_steps = total_steps

    def __call__(self, step):
        """Return the learning rate of the update after `step` updates, float32[]."""
        step = ops.cast(step, "float32")
        rise = ops.minimum((step + 1) / max(1, self.warmup_steps), 1.0)
        length = max(1, self.total_steps - self.warmup_steps)
        progress = ops.clip((step - self.warmup_steps) / length, 0.0, 1.0)
        fall = {
            "linear": lambda: 1 - progress,
            "cosine": lambda: 0.5 * (1 + ops.cos(math.pi * progress)),
            "constant": lambda: ops.ones_like(progress),
        }[self.shape]()
        return self.peak * rise * fall

    def get_config(self):
        """Return the arguments."""
        return {
            "peak": self.peak,
            "shape": self.shape,
            "warmup_steps": self.warmup_steps,
            "total_steps": self.total_steps,
        }


def make_optimizer(
    config: OptimizerConfig, batch_size: int, total_steps: int
) -> keras.optimizers.Optimizer:
    """Return a Keras optimizer for gradients that are already averaged and clipped.

    Under mixed_float16 it comes within a `LossScaleOptimizer`.

    Args:
        config: Name, learning rate, schedule, loss scaling.
        batch_size: B, over all replicas.
        total_steps: Steps after which linear and cosine schedules are at 0.

    Raises:
        ValueError: If Keras knows no optimizer of that name.
    """
    peak = peak_learning_rate(config, batch_size)
    schedule = WarmupDecay(peak, config.schedule, config.warmup_steps, total_steps)
    known = {
        name.lower(): kind
        for name, kind in vars(keras.optimizers).items()
        if isinstance(kind, type) and issubclass(kind, keras.optimizers.Optimizer)
    }
    for name in ("optimizer", "lossscaleoptimizer", "multioptimizer"):
        known.pop(name, None)
    if config.name.lower() not in known:
        raise ValueError(
            f"optimizer.name is {config.name!r}; one of {', '.join(sorted(known))} "
            "will do."
        )
    optimizer = known[config.name.lower()](learning_rate=schedule)
    # On TensorFlow a Keras optimizer sums gradients over replicas (keras#19308).
    # Ours are reduced before clipping; a second all-reduce of every gradient
    # would only add up equal copies.
    optimizer._all_reduce_sum_gradients = list
    return with_loss_scale(optimizer, config)


def clip_by_global_norm(gradients: list, threshold):
    """Return the gradients, scaled down to a global norm of at most `threshold`.

    A gradient that is not finite stays not finite, so that a test of the result
    is a test of the input.

    Args:
        gradients: Tensors of any shapes.
        threshold: float32[]; infinity leaves all as they are.

    Returns:
        `(gradients, norm)`; norm is that before clipping, float32[].
    """
    norm = tf.sqrt(tf.add_n([tf.reduce_sum(tf.square(g)) for g in gradients]))
    # norm NaN or infinite: the factor is NaN or 0, and infinity * 0 is NaN.
    factor = tf.where(norm > threshold, threshold / norm, tf.ones_like(norm))
    factor = tf.where(tf.math.is_finite(norm), factor, tf.fill([], float("nan")))
    return [g * factor for g in gradients], norm
