"""The choice among ways to see a text and strengths of a penalty.

Each is tried on validation texts or, where there are none, in folds of the training
texts; then the best is fitted on all that it may be fitted on.

Axes: N texts, F columns, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tfsent.supervised.logistic import Matrix, Regression
from tfsent.supervised.problem import Problem
from tfsent.transfer.classifier import probabilities
from tfsent.transfer.regression import Fit

Tell = Callable[[str], None]

FULL_CELLS = 2**22
"""Up to this many numbers other than 0, times outputs, every C is tried; above, those
that come after two in a row that were worse than the best are left out."""

_WORSE = 2


class View(NamedTuple):
    """Rows as the regression takes them."""

    inside: Matrix
    """float64[N, F] of the rows that are fitted on."""
    outside: Matrix
    """float64[N, F] of those that it is tried on."""
    ratios: np.ndarray | None = None
    """float64[F, K], see `Regression.fit`."""


class Candidate(NamedTuple):
    """One way to see texts."""

    settings: dict[str, Any]
    """Names and values, for people."""
    view: Callable[[np.ndarray, np.ndarray], View | None]
    """Rows to fit on and rows to try on -> both as columns; None where the first have
    none, or the others none of them."""


class Tried(NamedTuple):
    """What one candidate gave with one C."""

    candidate: Candidate
    C: float
    score: float
    thresholds: np.ndarray
    """float64[K], on probabilities."""
    columns: int
    converged: bool
    fit: Fit | None
    """On the training rows; None where they were split in folds."""

    @property
    def figures(self) -> dict[str, Any]:
        """What there is to tell, as JSON holds it."""
        return {
            **self.candidate.settings,
            "C": self.C,
            "score": self.score,
            "columns": self.columns,
            "converged": self.converged,
        }


def choose(
    problem: Problem,
    candidates: Sequence[Candidate],
    strengths: Sequence[float],
    regression: Regression,
    refusal: str,
    tell: Tell,
) -> tuple[Tried, list[Tried]]:
    """Return the best candidate with its C, and all that was tried.

    Of equals the first candidate is taken, and its smallest C.

    Args:
        problem: Texts and labels.
        candidates: Ways to see them, the simplest first.
        strengths: Values of C.
        regression: How weights are found.
        refusal: What to say where no candidate has a view.
        tell: Takes a line on each.

    Raises:
        ValueError: If no candidate has a view.
    """
    tried: list[Tried] = []
    for candidate in candidates:
        found = _try(problem, candidate, sorted(strengths), regression, tell)
        if not found:
            tell(f"{_spell(candidate.settings)}: nothing is left of the texts")
        tried += found
    if not tried:
        raise ValueError(refusal)
    # The first of equals is what max returns.
    return max(tried, key=lambda one: one.score), tried


def chosen_fit(
    problem: Problem, best: Tried, regression: Regression
) -> tuple[Fit, bool]:
    """Return the chosen regression on all rows that it may be fitted on."""
    inside, _ = problem.parts[0]
    if best.fit is not None and len(inside) == len(problem.final):
        return best.fit, best.converged
    view = best.candidate.view(problem.final, problem.final[:0])
    assert view is not None
    outputs_NK = problem.outputs[problem.final]
    return regression.fit(view.inside, outputs_NK, best.C, view.ratios)


def figures(problem: Problem, best: Tried, tried: Sequence[Tried]) -> dict[str, Any]:
    """Return what was tried and chosen, as JSON holds it."""
    return {
        "chosen_on": problem.how,
        "measure": problem.task.measure,
        "chosen": best.figures,
        "tried": [one.figures for one in tried],
        "texts_fitted": len(problem.final),
    }


def _try(
    problem: Problem,
    candidate: Candidate,
    strengths: Sequence[float],
    regression: Regression,
    tell: Tell,
) -> list[Tried]:
    """Return what a candidate gives with each C; nothing where no column is left."""
    # One pair of rows is seen once. Folds are seen anew for each C: to keep them all
    # would take the memory of five.
    kept = candidate.view(*problem.parts[0])
    if kept is None:
        return []
    tried: list[Tried] = []
    worse = 0
    for C in strengths:
        one = _attempt(problem, candidate, C, regression, kept)
        if one is None:
            return []
        tried.append(one)
        tell(f"{_spell(candidate.settings)}, C {C:g}: {one.score:.4f}")
        best = max(each.score for each in tried)
        worse = 0 if one.score >= best else worse + 1
        if worse == _WORSE and _size(kept.inside, problem) > FULL_CELLS:
            break
    return tried


def _attempt(
    problem: Problem,
    candidate: Candidate,
    C: float,
    regression: Regression,
    first: View,
) -> Tried | None:
    scores, outside, found = [], [], None
    converged = True
    for number, rows in enumerate(problem.parts):
        view = candidate.view(*rows) if number else first
        if view is None:
            return None
        found, ended = regression.fit(
            view.inside, problem.outputs[rows[0]], C, view.ratios
        )
        converged &= ended
        scores.append(found.scores(view.outside))
        outside.append(rows[1])
    predicted = predict(np.concatenate(scores), problem.task.kind)
    labels = problem.labels[np.concatenate(outside)]
    return Tried(
        candidate,
        C,
        problem.task.score(predicted, labels),
        np.full(
            problem.outputs.shape[1], problem.task.tuned(predicted, labels).thresholds
        ),
        first.inside.shape[1],
        converged,
        found if len(problem.parts) == 1 else None,
    )


def predict(scores_NK: np.ndarray, kind: str) -> np.ndarray:
    """Return probabilities, float64[N] of the second of two classes or [N, K]."""
    predicted = probabilities(scores_NK, kind)
    return predicted[:, 0] if kind == "binary" else predicted


def _size(x_NF: Matrix, problem: Problem) -> int:
    held = x_NF.size  # Of a sparse matrix: the numbers that it holds.
    return int(held * problem.outputs.shape[1])


def _spell(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
