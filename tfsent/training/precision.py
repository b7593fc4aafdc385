"""Dtype policy and loss scaling.

Reference:
    Micikevicius et al. 2017, arXiv:1710.03740.
"""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from tfsent.config import OptimizerConfig, Precision, TrainingConfig
from tfsent.model.unrolled import MOST_STEPS


def set_precision(precision: Precision) -> None:
    """Set the dtype policy of every layer made from here on.

    float32 means float32 on GPUs too, whose products are else of TF32, with 11 bits.
    """
    tf.config.experimental.enable_tensor_float_32_execution(precision != "float32")
    keras.config.set_dtype_policy(precision)


def unrolls(precision: Precision, training: TrainingConfig) -> bool:
    """Whether a training step is faster with its products outside of XLA.

    So it is in bfloat16 on a CPU that has instructions for it; see
    `tfsent.model.unrolled`.

    Args:
        precision: Type of the arithmetic.
        training: For the bytes that are read with all activations kept.
    """
    return (
        precision == "mixed_bfloat16"
        and (training.recompute_segment or training.window) <= MOST_STEPS
        and not tf.config.list_physical_devices("GPU")
        and _multiplies_bfloat16()
    )


def _multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for products of bfloat16.

    Known on Linux and x86 only; elsewhere no.
    """
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return bool({"avx512_bf16", "amx_bf16"} & set(text.split()))


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
