"""Texts -> the n-grams that stand in enough of them, and how often in each.

An n-gram is a string only when it has its place in a vocabulary: the 1.4 million words
and pairs of 25,000 reviews were counted in 16 s of a busy core, 5 s of them to split
words, and in 42 s by scikit-learn.

Axes: N texts, P symbols of a part of the texts, F n-grams (columns).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tfsent.supervised.ngrams import Vocabulary, codes_of
from tfsent.supervised.symbols import NOTHING, Split, read_symbols

_TEXTS_AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class Found:
    """Every n-gram of some texts that stands in enough of them."""

    split: Split
    counts: sparse.csr_matrix
    """int32[N, F]."""
    symbols: list[str]
    tables: list[np.ndarray]
    """Codes of the n-grams of 1, 2, ... symbols."""

    def vocabulary(self, kept_F: np.ndarray) -> Vocabulary:
        """Return the vocabulary of some columns, in their order.

        Args:
            kept_F: bool[F].
        """
        first, kept = 0, []
        for length, names in enumerate(self._names(), 1):
            if length >= self.split.shortest:
                mask = kept_F[first : first + len(names)]
                kept += [names[k] for k in np.flatnonzero(mask)]
                first += len(names)
        return Vocabulary(self.split, kept)

    def _names(self) -> Iterator[list[str]]:
        """Yield the names of the n-grams of 1, 2, ... symbols."""
        names = self.symbols
        yield names
        for table in self.tables[1:]:
            before, last = np.divmod(table, len(self.symbols))
            names = [
                self.split.joined((names[k], self.symbols[symbol]))
                for k, symbol in zip(before.tolist(), last.tolist(), strict=True)
            ]
            yield names


class _Part:
    """Some of the texts while their n-grams grow by a symbol at a time.

    Args:
        symbol_P: Their symbols.
        text_P: The text of each, counted from the first of the part.
        num_texts: How many texts.
    """

    def __init__(self, symbol_P: np.ndarray, text_P: np.ndarray, num_texts: int):
        self.symbols, self.texts, self.num_texts = symbol_P, text_P, num_texts
        self.entries = symbol_P
        """int32[P]. Where the n-gram that begins here stands in its table, or -1."""

    def lengthen(self, length: int, size: int) -> np.ndarray:
        """Count the n-grams of a length and return their codes, rising."""
        code_P = self.entries
        if length > 1:
            # An n-gram in enough texts begins with one that is: the others are gone.
            code_P = codes_of(code_P, self.symbols[length - 1 :], size)
        self._there = np.flatnonzero(code_P >= 0)
        codes, self._found = np.unique(code_P[self._there], return_inverse=True)
        self.entries = np.full(len(code_P), NOTHING, np.int32)
        text_P = self.texts[self._there]
        shape = (self.num_texts, len(codes))
        self.counts = _counted(text_P, self._found, shape)
        return codes

    def number(self, numbers: np.ndarray, columns: int) -> sparse.csr_matrix:
        """Give n-grams their places in the table of all parts, -1 to those without.

        Args:
            numbers: Place of each code that `lengthen` returned.
            columns: Places in that table.

        Returns:
            int32[N, columns], how often each stands in each text.
        """
        self.entries[self._there] = numbers[self._found]
        return _moved(self.counts, numbers, columns)


def find_ngrams(texts: Sequence[str], split: Split, least: int) -> Found:
    """Return the n-grams of texts and how often each stands in each.

    Args:
        texts: N texts.
        split: How texts become n-grams.
        least: How many texts an n-gram has to stand in.
    """
    ids: dict[str, int] = {}
    parts = []
    for first in range(0, max(1, len(texts)), _TEXTS_AT_ONCE):
        some = texts[first : first + _TEXTS_AT_ONCE]
        parts.append(_Part(*read_symbols(some, split, ids, grow=True), len(some)))
    symbols, size = list(ids), len(ids)
    counts, tables = [], []
    for length in range(1, split.longest + 1):
        codes = [part.lengthen(length, size) for part in parts]
        table = np.unique(np.concatenate(codes))
        places = [np.searchsorted(table, each) for each in codes]
        frequency_F = sum(
            np.bincount(place[part.counts.indices], minlength=len(table))
            for place, part in zip(places, parts, strict=True)
        )
        enough = frequency_F >= least
        number_F = np.where(enough, np.cumsum(enough) - 1, NOTHING)
        table = table[enough]
        counted = [
            part.number(number_F[place], len(table))
            for place, part in zip(places, parts, strict=True)
        ]
        if length == 1:
            symbols, size = [symbols[k] for k in table], len(table)
            table = np.arange(size)
            for part in parts:
                part.symbols = part.entries
        tables.append(table)
        if length >= split.shortest:
            counts.append(sparse.vstack(counted, format="csr"))
    return Found(split, sparse.hstack(counts, format="csr"), symbols, tables)


def document_frequency(counts_NF: sparse.csr_matrix) -> np.ndarray:
    """Return how many texts hold each n-gram, int64[F]."""
    held = counts_NF.indices
    return np.bincount(held, minlength=counts_NF.shape[1])


def _counted(
    text_P: np.ndarray, entry_P: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_matrix:
    # Texts come in order, so that the row pointers are all there is to be made.
    each = np.bincount(text_P, minlength=shape[0])
    pointers = np.concatenate([[0], np.cumsum(each)])
    ones = np.ones(len(entry_P), np.int32)
    counts = sparse.csr_matrix((ones, entry_P, pointers), shape=shape)
    counts.sum_duplicates()
    return counts


def _moved(
    counts: sparse.csr_matrix, number_F: np.ndarray, columns: int
) -> sparse.csr_matrix:
    """Return counts with columns in other places, in the same order; -1 drops one."""
    column = number_F[counts.indices]
    kept = column >= 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return sparse.csr_matrix(
        (counts.data[kept], column[kept], before[counts.indptr]),
        shape=(counts.shape[0], columns),
    )
