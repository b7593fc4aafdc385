"""Dtype policy and loss scaling.

Reference:
    Micikevicius et al. 2017, arXiv:1710.03740.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from tfsent.config import OptimizerConfig, Precision


def set_precision(precision: Precision) -> None:
    """Set the dtype policy of every layer made from here on.

    float32 means float32 on GPUs too, whose products are else of TF32, with 11 bits.
    """
    tf.config.experimental.enable_tensor_float_32_execution(precision != "float32")
    keras.config.set_dtype_policy(precision)


def with_loss_scale(
    optimizer: keras.optimizers.Optimizer, config: OptimizerConfig
) -> keras.optimizers.Optimizer:
    """Return `optimizer` with dynamic loss scaling if the policy is mixed_float16.

    bfloat16 has the exponents of float32 and needs none.
    """
    if keras.config.dtype_policy().name != "mixed_float16":
        return optimizer
    return keras.optimizers.LossScaleOptimizer(
        optimizer,
        initial_scale=config.initial_loss_scale,
        dynamic_growth_steps=config.loss_scale_growth_steps,
    )


def loss_scale_of(optimizer: keras.optimizers.Optimizer) -> keras.Variable | None:
    """Return the loss scale, float32[], or None where there is none."""
    if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
        return optimizer.dynamic_scale
    return None
