"""Texts -> how often each n-gram of a vocabulary stands in them.

A text is a row of symbols. An n-gram is one that is shorter by a symbol, with a symbol
behind it; so a number for the one and a number for the other make its code, and a
sorted table of codes finds it. No text is cut into strings.

Axes: N texts, P symbols of all texts, F n-grams (columns).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from tfsent.supervised.symbols import NOTHING, Split, read_symbols


class Vocabulary:
    """n-grams that have a column, and how they are found in a text.

    Args:
        split: How texts become n-grams.
        names: The n-gram of each column, such as "not good".

    Raises:
        ValueError: If an n-gram is given twice, or has another length.
    """

    def __init__(self, split: Split, names: Sequence[str]) -> None:
        self.split, self.names = split, tuple(names)
        table: Any = defaultdict(None)
        table.default_factory = table.__len__
        flat, ends = [], [0]
        for name in self.names:
            flat += [table[symbol] for symbol in split.parted(name)]
            ends.append(len(flat))
        self._ids: dict[str, int] = dict(table)
        length_F = np.diff(ends)
        self._check(length_F)
        id_P, first_F = np.array(flat, np.int64), np.array(ends[:-1], np.int64)
        columns = {n: np.flatnonzero(length_F == n) for n in np.unique(length_F)}
        rows = {
            n: id_P[first_F[each][:, None] + np.arange(n)]
            for n, each in columns.items()
        }
        self._make_tables(rows)
        self._columns = [np.full(len(codes), -1) for codes in self._tables]
        for length, ids in rows.items():
            entries = self._entries(ids)
            if len(np.unique(entries)) < len(entries):
                raise ValueError("an n-gram is in the vocabulary twice; once will do.")
            self._columns[length - 1][entries] = columns[length]

    def __len__(self) -> int:
        return len(self.names)

    def count(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Return how often each n-gram stands in each text, int32[N, F]."""
        symbol_P, text_P = read_symbols(texts, self.split, self._ids, grow=False)
        nothing = np.zeros(0, np.int64)
        rows, columns = [nothing], [nothing]
        entry_P = symbol_P
        for length, table in enumerate(self._tables, 1):
            if length > 1:
                code_P = codes_of(entry_P, symbol_P[length - 1 :], len(self._ids))
                entry_P = _find(code_P, table)
            found = np.flatnonzero(entry_P >= 0)
            column = self._columns[length - 1][entry_P[found]]
            rows.append(text_P[found][column >= 0])
            columns.append(column[column >= 0])
        at = (np.concatenate(rows), np.concatenate(columns))
        ones = np.ones(len(at[0]), np.int32)
        return sparse.csr_matrix((ones, at), shape=(len(texts), len(self)))

    def _check(self, length_F: np.ndarray) -> None:
        shortest, longest = self.split.shortest, self.split.longest
        fits = (length_F >= shortest) & (length_F <= longest)
        if "" in self._ids:
            fits &= ["" not in self.split.parted(name) for name in self.names]
        if not fits.all():
            raise ValueError(
                f"{self.names[fits.argmin()]!r} is in the vocabulary; n-grams of "
                f"{shortest} to {longest} symbols will do."
            )

    def _make_tables(self, rows: dict[int, np.ndarray]) -> None:
        """Make the codes of every n-gram and of what it begins with."""
        size = len(self._ids)
        self._tables = [np.arange(size)]
        entries = {n: ids[:, 0] for n, ids in rows.items()}
        for length in range(2, max(rows, default=0) + 1):
            codes = {
                n: entries[n] * size + ids[:, length - 1]
                for n, ids in rows.items()
                if n >= length
            }
            table = np.unique(np.concatenate(list(codes.values())))
            entries = {n: np.searchsorted(table, code) for n, code in codes.items()}
            self._tables.append(table)

    def _entries(self, ids: np.ndarray) -> np.ndarray:
        """Return where n-grams of one length stand in their table."""
        entry = ids[:, 0]
        for length in range(2, ids.shape[1] + 1):
            code = entry * len(self._ids) + ids[:, length - 1]
            entry = np.searchsorted(self._tables[length - 1], code)
        return entry


def codes_of(entry_P: np.ndarray, next_P: np.ndarray, size: int) -> np.ndarray:
    """Return the code of each n-gram, given those shorter by a symbol."""
    before_P = entry_P[: len(next_P)].astype(np.int64)
    both = (before_P >= 0) & (next_P >= 0)
    return np.where(both, before_P * size + next_P, NOTHING)


def _find(code_P: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return where codes stand in a sorted table, or -1."""
    if not len(table):
        return np.full(len(code_P), NOTHING)
    # In rising order, as the table is: codes as they come miss the cache at every step.
    codes, place_P = np.unique(code_P, return_inverse=True)
    at = np.minimum(np.searchsorted(table, codes), len(table) - 1)
    return np.where(table[at] == codes, at, NOTHING)[place_P]
