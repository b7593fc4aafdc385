"""How often n-grams stand in texts -> what each counts there.

Axes: N texts, F n-grams (columns), K outputs.

Reference:
    Wang and Manning 2012, "Baselines and bigrams", ACL: log-count ratios of binary
    n-grams.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from tfsent.config_supervised import LinearConfig


def weigh(
    counts: Sequence[sparse.csr_matrix],
    idfs: Sequence[np.ndarray],
    config: LinearConfig,
) -> sparse.csr_matrix:
    """Return weighted rows, float64[N, F], columns of all kinds side by side.

    Args:
        counts: int[N, F] of each kind of n-gram.
        idfs: float64[F] of each kind.
        config: The weighting.
    """
    if config.weighting != "tfidf":
        rows = sparse.hstack(counts, format="csr", dtype=np.float64)
        rows.data[:] = 1.0
        return rows
    return sparse.hstack(
        [_tfidf(*pair, config.sublinear) for pair in zip(counts, idfs, strict=True)],
        format="csr",
    )


def log_count_ratios(
    rows_NF: sparse.csr_matrix, outputs_NK: np.ndarray, smoothing: float
) -> np.ndarray:
    """Return how much oftener each n-gram stands where an output says yes.

    The log of its share of all n-grams there over its share elsewhere: log((p / |p|) /
    (q / |q|)), where p and q are `smoothing` plus the sum of the rows of either side.

    Args:
        rows_NF: float64[N, F] of 0 and 1.
        outputs_NK: int64[N, K] of 0 and 1.
        smoothing: Added to each sum, so that no share is 0.

    Returns:
        float64[F, K].
    """
    yes_FK = smoothing + rows_NF.T @ outputs_NK.astype(np.float64)
    no_FK = smoothing + rows_NF.T @ (1.0 - outputs_NK)
    ratios_FK: np.ndarray = np.log(yes_FK / yes_FK.sum(0)) - np.log(
        no_FK / no_FK.sum(0)
    )
    return ratios_FK


def _tfidf(
    counts_NF: sparse.csr_matrix, idf_F: np.ndarray, sublinear: bool
) -> sparse.csr_matrix:
    rows_NF = counts_NF.astype(np.float64)
    if sublinear:
        rows_NF.data = 1.0 + np.log(rows_NF.data)
    rows_NF.data *= idf_F[rows_NF.indices]
    squares = np.square(rows_NF.data)
    # Not reduceat: it takes the next row's number for a row without any.
    row_of = np.repeat(np.arange(rows_NF.shape[0]), np.diff(rows_NF.indptr))
    length_N = np.sqrt(np.bincount(row_of, squares, minlength=rows_NF.shape[0]))
    rows_NF.data /= length_N[row_of]
    return rows_NF
