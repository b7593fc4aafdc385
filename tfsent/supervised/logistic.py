"""Logistic regression on many columns: each output on its own.

Axes: N texts, F columns, K outputs (labels, classes, or 1 for two classes).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from tfsent.transfer.regression import Fit

Matrix: TypeAlias = "sparse.csr_matrix | np.ndarray"

_MAX_ITERATIONS = 1000
_DUAL_ITERATIONS = 128

_SPARSE_TOLERANCE = 1e-3
_DENSE_TOLERANCE = 1e-6


class Fitted(NamedTuple):
    """A regression, and whether its solver came to an end."""

    fit: Fit
    converged: bool


@dataclass(frozen=True)
class Regression:
    """How the weights of each output are found.

    Attributes:
        penalty: On the weights: half their squares, or their absolute values.
        balanced: Whether the two values of an output count the same in all, however
            often each comes.
        seed: Of the order in which the solver goes through texts or columns.
    """

    penalty: Literal["l2", "l1"] = "l2"
    balanced: bool = False
    seed: int = 0

    def fit(
        self,
        x_NF: Matrix,
        outputs_NK: np.ndarray,
        C: float,
        ratios_FK: np.ndarray | None = None,
    ) -> Fitted:
        """Return the regression of each output.

        An output that has but one value among the rows gets no weights and a bias that
        says so.

        Args:
            x_NF: float64[N, F], sparse or dense; with ratios, sparse.
            outputs_NK: int64[N, K] of 0 and 1.
            C: Weight of the loss, summed over rows, against the penalty.
            ratios_FK: float64[F, K]. What each column is multiplied by for each output;
                the weights that come back take the column as it was.
        """
        columns = range(outputs_NK.shape[1])
        found = [
            self._fit_one(
                x_NF,
                outputs_NK[:, k],
                C,
                None if ratios_FK is None else ratios_FK[:, k],
            )
            for k in columns
        ]
        weights_FK = np.stack([weights for weights, _, _ in found], axis=1)
        bias_K = np.array([bias for _, bias, _ in found], np.float64)
        return Fitted(Fit(weights_FK, bias_K), all(ended for *_, ended in found))

    def _fit_one(
        self,
        x_NF: Matrix,
        output_N: np.ndarray,
        C: float,
        ratio_F: np.ndarray | None,
    ) -> tuple[np.ndarray, float, bool]:
        count, ones = len(output_N), int(output_N.sum())
        if ones in (0, count):
            bias = float(np.log((ones + 0.5) / (count - ones + 0.5)))
            return np.zeros(x_NF.shape[1]), bias, True
        if ratio_F is not None:
            x_NF = scaled(x_NF, ratio_F)
        for limit, kind in self._solvers(sparse.issparse(x_NF)):
            solver = LogisticRegression(
                C=C,
                l1_ratio=1.0 if self.penalty == "l1" else 0.0,
                class_weight="balanced" if self.balanced else None,
                max_iter=limit,
                random_state=self.seed,
                **kind,
            )
            with warnings.catch_warnings():
                # Told by `converged`, which is kept with what was tried.
                warnings.simplefilter("ignore", ConvergenceWarning)
                solver.fit(x_NF, output_N)
            ended = int(solver.n_iter_[0]) < limit
            if ended:
                break
        weights_F = solver.coef_[0]
        if ratio_F is not None:
            weights_F = weights_F * ratio_F
        return weights_F, float(solver.intercept_[0]), ended

    def _solvers(self, is_sparse: bool) -> list[tuple[int, dict[str, Any]]]:
        """Return most iterations and settings of solvers; the first that ends will do.

        On 25,000 reviews, 1.4 million words and pairs and C of 1 the dual of liblinear
        took 3.9 s, its primal 12.6 s and lbfgs 66 s. The dual takes ever more steps as
        C grows: on 6,838 tweets and C of 256, 1.4 s and no end, the primal 0.2 s. Of
        dense rows there are many more than columns: newton-cholesky. liblinear
        penalises the bias like a weight.
        """
        primal = {"solver": "liblinear", "tol": _SPARSE_TOLERANCE}
        if self.penalty == "l1":
            return [(_MAX_ITERATIONS, primal)]
        if is_sparse:
            return [
                (_DUAL_ITERATIONS, {**primal, "dual": True}),
                (_MAX_ITERATIONS, primal),
            ]
        dense = {"solver": "newton-cholesky", "tol": _DENSE_TOLERANCE}
        return [(_MAX_ITERATIONS, dense)]


def scaled(x_NF: sparse.csr_matrix, ratio_F: np.ndarray) -> sparse.csr_matrix:
    """Return sparse rows with each column multiplied by its ratio."""
    copy = x_NF.copy()
    copy.data = copy.data * ratio_F[copy.indices]
    return copy
