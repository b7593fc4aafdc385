"""Averaged word vectors and a linear model: the baseline of any feature of a text.

A text becomes the mean of the vectors of its words, plain or weighted; one logistic
regression an output tells what it says.

Axes: N texts, W words of the vocabulary, D dimensions of a word vector, K outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.checkpoint import CheckpointError
from tfsent.config_supervised import EmbeddingsConfig
from tfsent.settings_json import from_dict, to_dict
from tfsent.supervised.averages import (
    Averages,
    first_component,
    single_words,
    without,
)
from tfsent.supervised.choosing import (
    Candidate,
    Tell,
    View,
    choose,
    chosen_fit,
    figures,
    predict,
)
from tfsent.supervised.fitted_folder import (
    VOCABULARY,
    Content,
    check_arrays,
    num_outputs,
    read_folder,
    write_folder,
)
from tfsent.supervised.logistic import Regression
from tfsent.supervised.problem import pose
from tfsent.supervised.word_vectors import make_vectors
from tfsent.transfer.labelled import LabelledTexts, Labels
from tfsent.transfer.regression import Fit

FORMAT = "tfsent-embeddings"

_FACTS = ("classes", "config", "feature", "figures", "kind")


@dataclass(frozen=True, eq=False)
class FittedEmbeddings:
    """Averages with a linear model; says of a text what it was fitted to say."""

    config: EmbeddingsConfig
    kind: str
    """ "binary", "multiclass" or "multilabel"."""
    classes: tuple[str, ...]
    feature: str
    """Which averages were chosen, "average" or "weighted"."""
    averages: Averages
    fit: Fit
    """On averages as they are."""
    thresholds: np.ndarray
    """float64[K]. Probability above which an output says yes; not used by
    "multiclass", where the largest probability wins."""
    figures: dict[str, Any]
    """What was tried and chosen, as JSON holds it."""

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Return probabilities: of the second of two classes, else of each.

        Those of several classes add up to 1; those of several labels do not. A text
        without a known word gets what is most likely of any text.

        Args:
            texts: N texts.

        Returns:
            float64[N] for two classes, else float64[N, K].
        """
        return predict(self.fit.scores(self.averages.rows(texts)), self.kind)

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write weights, vectors, words and facts, and return the folder.

        Raises:
            OSError: If the disk refuses; names the file.
        """
        arrays = {
            "table": self.averages.table,
            "word_weight": self.averages.word_weight,
            "component": self.averages.component,
            "weights": self.fit.weights,
            "bias": self.fit.bias,
            "thresholds": self.thresholds,
        }
        facts = {
            "config": to_dict(self.config),
            "kind": self.kind,
            "classes": list(self.classes),
            "feature": self.feature,
            "figures": self.figures,
        }
        words = {"word": list(self.averages.vocabulary.names)}
        return write_folder(folder, FORMAT, Content(arrays, words, facts))

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> FittedEmbeddings:
        """Return what `save` wrote; its probabilities are equal to the last bit.

        Raises:
            CheckpointError: If the folder holds no sound one; names the file.
        """
        content = read_folder(folder, FORMAT, _FACTS)
        facts, arrays = content.facts, content.arrays
        path = Path(folder).expanduser() / VOCABULARY
        try:
            config = from_dict(EmbeddingsConfig, facts["config"], "embeddings")
            if set(content.words) != {"word"}:
                raise ValueError(f"holds {sorted(content.words)}.")
            vocabulary = single_words(content.words["word"])
        except ValueError as error:
            raise CheckpointError(path, str(error)) from error
        outputs = num_outputs(facts)
        width = len(arrays.get("component", ()))
        shapes = {
            "table": (len(vocabulary), width),
            "word_weight": (len(vocabulary),),
            "component": (width,),
            "weights": (width, outputs),
            "bias": (outputs,),
            "thresholds": (outputs,),
        }
        check_arrays(folder, arrays, shapes, ("table",))
        averages = Averages(
            vocabulary, arrays["table"], arrays["word_weight"], arrays["component"]
        )
        return cls(
            config,
            facts["kind"],
            tuple(facts["classes"]),
            facts["feature"],
            averages,
            Fit(arrays["weights"], arrays["bias"]),
            arrays["thresholds"],
            facts["figures"],
        )


def fit_embeddings(
    train: LabelledTexts,
    val: LabelledTexts | None,
    labels: Labels,
    unlabelled: Callable[[], Iterable[str]],
    config: EmbeddingsConfig,
    seed: int,
    tell: Tell,
    *,
    metric: str = "f1",
) -> FittedEmbeddings:
    """Return averaged word vectors with the linear model of labelled texts.

    Args:
        train: Texts to learn from.
        val: Texts on which settings are chosen. Default: folds of the training texts.
        labels: What the labels stand for.
        unlabelled: Gives the text for the word vectors, anew at every call.
        config: What is tried.
        seed: Of folds, solver and decomposition.
        tell: Takes lines on how far it is.
        metric: Of several labels, what is chosen for and thresholds are tuned for.

    Raises:
        ValueError: If the texts or the settings make it impossible.
    """
    problem = pose(train, val, labels, metric, config.refit_on_val, seed)
    vectors = make_vectors(unlabelled, config, seed)
    size, width = vectors.table.shape
    tell(f"vectors of {size:,} words, {width} dimensions")
    kinds = ("average", "weighted") if config.features == "both" else (config.features,)
    averages = {
        kind: Averages.of(
            vectors, config.frequent_weight if kind == "weighted" else None
        )
        for kind in kinds
    }
    views = {kind: _View(kind, averages[kind].rows(problem.texts)) for kind in kinds}
    candidates = [Candidate({"feature": kind}, views[kind]) for kind in kinds]
    regression = Regression("l2", config.class_weights == "balanced", seed)
    refusal = (
        f"no word of data.train ({train.name}), or none that the choice is tried on, "
        "has a vector; unlabelled text of the same kind will do."
    )
    best, tried = choose(problem, candidates, config.C, regression, refusal, tell)
    fit, converged = chosen_fit(problem, best, regression)
    kind = best.candidate.settings["feature"]
    component, unit = views[kind].learnt(problem.final)
    return FittedEmbeddings(
        config,
        labels.kind,
        labels.classes,
        kind,
        replace(averages[kind], component=component),
        Fit(fit.weights / unit, fit.bias),
        best.thresholds,
        figures(problem, best, tried)
        | {"words": size, "dimensions": width, "converged": converged},
    )


@dataclass(frozen=True, eq=False)
class _View:
    """Averages as the regression takes them.

    In units of their root mean square distance from their mean, so that the same C does
    for every set; one unit for all dimensions, of which the first stay the largest.
    """

    kind: str
    rows_ND: np.ndarray

    def learnt(self, inside: np.ndarray) -> tuple[np.ndarray, float]:
        """Return what is removed and the unit of length, as some rows have them."""
        rows_ND = self.rows_ND[inside]
        component_D = np.zeros(rows_ND.shape[1])
        if self.kind == "weighted":
            component_D = first_component(rows_ND)
        variance_D = without(rows_ND, component_D).var(axis=0)
        return component_D, float(np.sqrt(variance_D.sum()))

    def __call__(self, inside: np.ndarray, outside: np.ndarray) -> View | None:
        component_D, unit = self.learnt(inside)
        if unit == 0.0 or (len(outside) and not self.rows_ND[outside].any()):
            return None
        x_in, x_out = (
            without(self.rows_ND[rows], component_D) / unit
            for rows in (inside, outside)
        )
        return View(x_in, x_out)
