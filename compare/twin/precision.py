"""Types of the arithmetic and loss scaling.

Reference:
    Micikevicius et al. 2017, arXiv:1710.03740.
"""

from __future__ import annotations

import contextlib

import torch

from tfsent.config import MAX_LOSS_SCALE, MIN_LOSS_SCALE, OptimizerConfig, Precision

_DTYPES = {"mixed_float16": torch.float16, "mixed_bfloat16": torch.bfloat16}


def set_precision(precision: Precision) -> None:
    """Say what float32 products are made of in this process.

    float32 means float32 on GPUs too, whose products can else be of TF32, with 11
    bits.
    """
    torch.backends.cuda.matmul.allow_tf32 = precision != "float32"


def autocast(
    precision: Precision, device_type: str
) -> contextlib.AbstractContextManager:
    """Return the context in which products are computed as `precision` says."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device_type, dtype=_DTYPES[precision])


def dtype_of(precision: Precision) -> torch.dtype | None:
    """Return the type of products, None for that of the weights."""
    return _DTYPES.get(precision)


def make_scaler(
    config: OptimizerConfig, precision: Precision, device_type: str
) -> torch.amp.GradScaler:
    """Return dynamic loss scaling for mixed_float16, and none for anything else.

    Keras's rule: half the scale after an overflow, twice the scale after so many
    steps without one. bfloat16 has the exponents of float32 and needs none.
    """
    return torch.amp.GradScaler(
        device_type,
        init_scale=config.initial_loss_scale,
        growth_factor=2.0,
        backoff_factor=0.5,
        growth_interval=config.loss_scale_growth_steps,
        enabled=precision == "mixed_float16",
    )


def scale_of(scaler: torch.amp.GradScaler, device: torch.device) -> torch.Tensor:
    """Return the loss scale, float32[]; 1 without loss scaling. Waits for nothing."""
    return scaler.scale(torch.ones((), device=device))


def keep_bounds(scaler: torch.amp.GradScaler, device: torch.device) -> None:
    """Hold the loss scale within its bounds; `GradScaler` itself has none."""
    if scaler.is_enabled():
        scale = scale_of(scaler, device)
        scaler.update(scale.clamp(MIN_LOSS_SCALE, MAX_LOSS_SCALE))
