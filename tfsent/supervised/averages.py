"""Texts -> averages of the vectors of their words, plain or weighted.

Axes: N texts, W words of the vocabulary, D dimensions of a word vector.

Reference:
    Arora, Liang, Ma 2017, "A simple but tough-to-beat baseline for sentence
    embeddings", ICLR: a word of probability p counts a / (a + p), and the first
    principal component of the training texts is removed from all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from tfsent.supervised.ngrams import Vocabulary
from tfsent.supervised.symbols import Split
from tfsent.supervised.word_vectors import WordVectors

_TEXTS_AT_ONCE = 4096


def single_words(words: Sequence[str]) -> Vocabulary:
    """Return the vocabulary of words as `word_vectors` splits them."""
    return Vocabulary(Split("word", 1, 1, True), words)


@dataclass(frozen=True, eq=False)
class Averages:
    """Texts -> averages of the vectors of their words."""

    vocabulary: Vocabulary
    """Single words, W of them."""
    table: np.ndarray
    """float32[W, D]."""
    word_weight: np.ndarray
    """float64[W]. What a word counts."""
    component: np.ndarray
    """float64[D], of length 1. What is removed from every text; 0 where nothing is."""

    @classmethod
    def of(cls, vectors: WordVectors, frequent_weight: float | None) -> Averages:
        """Return plain averages, or those in which a word counts a / (a + p)."""
        weight_W = np.ones(len(vectors.words))
        if frequent_weight is not None:
            weight_W = frequent_weight / (frequent_weight + vectors.probability)
        vocabulary = single_words(vectors.words)
        nothing_D = np.zeros(vectors.table.shape[1])
        return cls(vocabulary, vectors.table, weight_W, nothing_D)

    def rows(self, texts: Sequence[str]) -> np.ndarray:
        """Return the average of each text, float64[N, D]; 0 without a known word."""
        parts = [
            self._average(self.vocabulary.count(texts[first : first + _TEXTS_AT_ONCE]))
            for first in range(0, len(texts), _TEXTS_AT_ONCE)
        ]
        rows_ND = np.concatenate([np.zeros((0, len(self.component))), *parts])
        return without(rows_ND, self.component)

    def _average(self, counts_NW: sparse.csr_matrix) -> np.ndarray:
        known_N = np.maximum(np.asarray(counts_NW.sum(1)).ravel(), 1)
        share_NW = counts_NW.astype(np.float64)
        share_NW.data *= self.word_weight[share_NW.indices]
        share_NW.data /= np.repeat(known_N, np.diff(share_NW.indptr))
        average_ND: np.ndarray = share_NW @ self._wide
        return average_ND

    @cached_property
    def _wide(self) -> np.ndarray:
        return self.table.astype(np.float64)


def first_component(rows_ND: np.ndarray) -> np.ndarray:
    """Return the direction in which rows are longest, float64[D]; 0 if all are 0.

    As in the paper, rows are not centred first. Its sign is that of its largest entry.
    """
    _, vectors_DD = np.linalg.eigh(rows_ND.T @ rows_ND)
    first_D: np.ndarray = vectors_DD[:, -1]
    if not rows_ND.any():
        return np.zeros_like(first_D)
    return first_D * np.sign(first_D[np.abs(first_D).argmax()])


def without(rows_ND: np.ndarray, component_D: np.ndarray) -> np.ndarray:
    """Return rows less their part along a direction of length 1."""
    if not component_D.any():
        return rows_ND
    shorter_ND: np.ndarray = rows_ND - np.outer(rows_ND @ component_D, component_D)
    return shorter_ND
