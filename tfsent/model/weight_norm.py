"""Weight normalisation of a matrix: one gain a column.

Reference:
    Salimans and Kingma 2016, arXiv:1602.07868, equation 2.

Axes: I input units, K output columns.
"""

from __future__ import annotations

import numpy as np
from keras import ops


def normalize(v_IK, g_K):
    """Return the effective matrix `g * v / |v|`, the norm taken over the input axis.

    The squared sum has no floor: a column of norm zero gives NaN here and is
    refused where weights are loaded (OpenAI's code floors it at 1e-12).

    Args:
        v_IK: float[I, K]. Directions, [in, out].
        g_K: float[K]. Gains, one a column.

    Returns:
        float[I, K]. The matrix that multiplies the input.
    """
    norm_K = ops.sqrt(ops.sum(ops.square(v_IK), axis=0))
    return v_IK * (g_K / norm_K)


def fold(v_IK: np.ndarray, g_K: np.ndarray) -> np.ndarray:
    """Return `g * v / |v|` computed in float64, in the dtype of `v_IK`.

    Args:
        v_IK: float[I, K]. Directions, [in, out].
        g_K: float[K]. Gains, one a column.

    Returns:
        float[I, K]. A plain matrix; the gains are no longer needed.

    Raises:
        ValueError: If a column has norm zero.
    """
    norm_K = np.sqrt(np.sum(np.square(v_IK, dtype=np.float64), axis=0))
    if not norm_K.all():
        raise ValueError(
            f"column {int(np.argmin(norm_K))} has norm zero; its direction is unknown."
        )
    return (v_IK * (g_K / norm_K)).astype(v_IK.dtype)
