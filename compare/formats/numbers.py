"""Stored types of weights: half precision <-> float32, without losing a bit."""

from __future__ import annotations

import ml_dtypes
import numpy as np

DTYPES = {
    "float32": np.dtype(np.float32),
    "float16": np.dtype(np.float16),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
}
"""Types that weights may have in a file."""


def stored_type(array: np.ndarray) -> str | None:
    """Return the name of a weight's type, or None for what no weight may be."""
    name = array.dtype.name
    return name if name in DTYPES else None


def widened(array: np.ndarray) -> np.ndarray:
    """Return float32, which holds every value of the half types exactly."""
    return array.astype(np.float32, copy=False)


def narrowed(array: np.ndarray, dtype: str, name: str) -> np.ndarray:
    """Return float32 values as `dtype`, contiguous.

    Raises:
        ValueError: If a value has no exact form there; names the weight.
    """
    with np.errstate(over="ignore"):
        narrow = np.asarray(array.astype(DTYPES[dtype], copy=False), order="C")
    if not np.array_equal(widened(narrow), array):
        raise ValueError(f"{name} holds values that {dtype} cannot hold exactly.")
    return narrow


def two_terms(total: np.ndarray, dtype: str) -> list[np.ndarray]:
    """Return two float32 arrays whose sum is float32 `total`, the first of it alone.

    The second is zero, but in a half type: there it holds the digits that the sum
    of two biases has and one of them has not. Where `total` is -0.0 it is -0.0
    too, since -0.0 + 0.0 is +0.0.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        first = widened(total.astype(DTYPES[dtype]))
        second = total - first
    second[(total == 0) & np.signbit(total)] = -0.0
    return [first, second]
