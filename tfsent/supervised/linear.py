"""n-grams and a linear model: what any network over texts has to beat.

Each text is a long row of n-grams, weighted; one logistic regression an output tells
what it says. How rare an n-gram may be, and how strong the penalty is, is chosen on
validation texts.

Axes: N texts, F n-grams (columns), K outputs (labels, classes, or 1 for two classes).

Reference:
    Wang and Manning 2012, "Baselines and bigrams", ACL: binary n-grams, each multiplied
    by its log-count ratio. Departures: logistic regression instead of a support vector
    machine, as Mesnil et al. 2014 (arXiv:1412.5335) take it, and no interpolation
    between the weights and their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from tfsent.checkpoint import CheckpointError
from tfsent.config_supervised import LinearConfig
from tfsent.settings_json import from_dict, to_dict
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
from tfsent.supervised.found_ngrams import Found, document_frequency, find_ngrams
from tfsent.supervised.logistic import Regression
from tfsent.supervised.ngrams import Vocabulary
from tfsent.supervised.problem import Problem, pose
from tfsent.supervised.symbols import Split
from tfsent.supervised.weighting import log_count_ratios, weigh
from tfsent.transfer.labelled import LabelledTexts, Labels
from tfsent.transfer.regression import Fit

FORMAT = "tfsent-linear"

_FACTS = ("classes", "config", "figures", "kind")
_TEXTS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class FittedLinear:
    """A linear model with its n-grams; says of a text what it was fitted to say."""

    config: LinearConfig
    kind: str
    """ "binary", "multiclass" or "multilabel"."""
    classes: tuple[str, ...]
    vocabularies: tuple[Vocabulary, ...]
    """Of words, of characters, or both, in this order."""
    idf: np.ndarray
    """float64[F]. How rare each n-gram is; 1 where the weighting asks for no such."""
    fit: Fit
    thresholds: np.ndarray
    """float64[K]. Probability above which an output says yes; not used by
    "multiclass", where the largest probability wins."""
    figures: dict[str, Any]
    """What was tried and chosen, as JSON holds it."""

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        """Return probabilities: of the second of two classes, else of each.

        Those of several classes add up to 1; those of several labels do not. A text
        without a known n-gram gets what is most likely of any text.

        Args:
            texts: N texts.

        Returns:
            float64[N] for two classes, else float64[N, K].
        """
        scores = [
            self.fit.scores(self._rows(texts[first : first + _TEXTS_AT_ONCE]))
            for first in range(0, len(texts), _TEXTS_AT_ONCE)
        ]
        empty_0K = np.zeros((0, len(self.fit.bias)))
        return predict(np.concatenate([empty_0K, *scores]), self.kind)

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write weights, vocabulary and facts, and return the folder.

        Raises:
            OSError: If the disk refuses; names the file.
        """
        words = {str(each.split.unit): list(each.names) for each in self.vocabularies}
        arrays = {
            "idf": self.idf,
            "weights": self.fit.weights,
            "bias": self.fit.bias,
            "thresholds": self.thresholds,
        }
        facts = {
            "config": to_dict(self.config),
            "kind": self.kind,
            "classes": list(self.classes),
            "figures": self.figures,
        }
        return write_folder(folder, FORMAT, Content(arrays, words, facts))

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> FittedLinear:
        """Return what `save` wrote; its probabilities are equal to the last bit.

        Raises:
            CheckpointError: If the folder holds no sound one; names the file.
        """
        content = read_folder(folder, FORMAT, _FACTS)
        facts, path = content.facts, Path(folder).expanduser() / VOCABULARY
        try:
            config = from_dict(LinearConfig, facts["config"], "linear")
            splits = _splits(config)
            if set(content.words) != {split.unit for split in splits}:
                raise ValueError(f"holds {sorted(content.words)}.")
            vocabularies = tuple(
                Vocabulary(split, content.words[split.unit]) for split in splits
            )
        except ValueError as error:
            raise CheckpointError(path, str(error)) from error
        columns, outputs = sum(map(len, vocabularies)), num_outputs(facts)
        shapes = {
            "idf": (columns,),
            "weights": (columns, outputs),
            "bias": (outputs,),
            "thresholds": (outputs,),
        }
        arrays = content.arrays
        check_arrays(folder, arrays, shapes)
        return cls(
            config,
            facts["kind"],
            tuple(facts["classes"]),
            vocabularies,
            arrays["idf"],
            Fit(arrays["weights"], arrays["bias"]),
            arrays["thresholds"],
            facts["figures"],
        )

    def _rows(self, texts: Sequence[str]) -> sparse.csr_matrix:
        counts = [vocabulary.count(texts) for vocabulary in self.vocabularies]
        ends = np.cumsum([len(vocabulary) for vocabulary in self.vocabularies])
        idfs = np.split(self.idf, ends[:-1])
        return weigh(counts, idfs, self.config)


def fit_linear(
    train: LabelledTexts,
    val: LabelledTexts | None,
    labels: Labels,
    config: LinearConfig,
    seed: int,
    tell: Tell,
    *,
    metric: str = "f1",
) -> FittedLinear:
    """Return the linear model of labelled texts.

    Args:
        train: Texts to learn from.
        val: Texts on which settings are chosen. Default: folds of the training texts.
        labels: What the labels stand for.
        config: What is tried.
        seed: Of folds and of the solver.
        tell: Takes lines on how far it is.
        metric: Of several labels, what is chosen for and thresholds are tuned for.

    Raises:
        ValueError: If the texts or the settings make it impossible.
    """
    problem = pose(train, val, labels, metric, config.refit_on_val, seed)
    found = [
        find_ngrams(problem.texts, split, min(config.min_df))
        for split in _splits(config)
    ]
    # Fewer n-grams are simpler: of equals they are taken.
    candidates = [
        Candidate({"min_df": least}, _view(problem, found, least, config))
        for least in sorted(set(config.min_df), reverse=True)
    ]
    regression = Regression(config.penalty, config.class_weights == "balanced", seed)
    refusal = (
        f"linear.min_df is {config.min_df}, but no n-gram stands in "
        f"{min(config.min_df)} of {len(train.texts)} texts of data.train "
        f"({train.name}) and in any text that the choice is tried on; more texts, or "
        "texts in the same language, will do."
    )
    best, tried = choose(problem, candidates, config.C, regression, refusal, tell)
    fit, converged = chosen_fit(problem, best, regression)
    kept, idfs = _columns(problem.final, found, best.candidate.settings["min_df"])
    vocabularies = tuple(
        each.vocabulary(mask) for each, mask in zip(found, kept, strict=True)
    )
    columns, uses_idf = len(fit.weights), config.weighting == "tfidf"
    return FittedLinear(
        config,
        labels.kind,
        labels.classes,
        vocabularies,
        np.concatenate(idfs) if uses_idf else np.ones(columns),
        fit,
        best.thresholds,
        figures(problem, best, tried) | {"columns": columns, "converged": converged},
    )


def _splits(config: LinearConfig) -> list[Split]:
    splits = []
    if config.word_ngrams is not None:
        splits.append(Split("word", *config.word_ngrams, config.lower))
    if config.character_ngrams is not None:
        splits.append(Split(config.characters, *config.character_ngrams, config.lower))
    return splits


def _columns(
    rows: np.ndarray, found: Sequence[Found], least: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return which columns stand in enough of some rows, and how rare they are."""
    kept, idfs = [], []
    for each in found:
        frequency_F = document_frequency(each.counts[rows])
        mask_F = frequency_F >= least
        kept.append(mask_F)
        idfs.append(np.log((1 + len(rows)) / (1 + frequency_F[mask_F])) + 1.0)
    return kept, idfs


def _view(
    problem: Problem, found: Sequence[Found], least: int, config: LinearConfig
) -> Callable[[np.ndarray, np.ndarray], View | None]:
    """Return what turns rows into columns, as the first of them know them."""

    def view(inside: np.ndarray, outside: np.ndarray) -> View | None:
        kept, idfs = _columns(inside, found, least)

        def rows(chosen: np.ndarray) -> sparse.csr_matrix:
            counts = [
                each.counts[chosen][:, mask]
                for each, mask in zip(found, kept, strict=True)
            ]
            return weigh(counts, idfs, config)

        x_in, x_out = rows(inside), rows(outside)
        if not x_in.nnz or (len(outside) and not x_out.nnz):
            return None
        if config.weighting != "nbsvm":
            return View(x_in, x_out)
        outputs_NK = problem.outputs[inside]
        return View(x_in, x_out, log_count_ratios(x_in, outputs_NK, config.smoothing))

    return view
