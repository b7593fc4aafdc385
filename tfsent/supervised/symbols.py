"""Texts -> the words or characters that n-grams are made of, as numbers.

Axes: N texts, P symbols of all texts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tfsent.data.word_splitting import split_characters, split_words

Unit = Literal["word", "char", "char_wb"]
"""What an n-gram is made of: words, characters, or the characters of one word with a
space before and behind it. Departure from scikit-learn's "char_wb": a word that is
shorter than n has no n-gram of that length."""

NOTHING = -1
"""Stands between texts, and for a symbol or an n-gram that has no number."""

_GAP = "\0"
"""Stands between rows of characters; splitting drops it from texts."""

_CODE_POINTS = 0x110000


@dataclass(frozen=True)
class Split:
    """How texts become n-grams."""

    unit: Unit
    shortest: int
    longest: int
    lower: bool

    def joined(self, symbols: Sequence[str]) -> str:
        """Return the name of an n-gram."""
        return (" " if self.unit == "word" else "").join(symbols)

    def parted(self, name: str) -> list[str]:
        """Return the symbols of an n-gram."""
        return name.split(" ") if self.unit == "word" else list(name)


def read_symbols(
    texts: Sequence[str], split: Split, ids: dict[str, int], grow: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return the symbols of texts one after the other, and the text of each.

    Args:
        texts: N texts.
        split: How texts become symbols.
        ids: Number of each symbol.
        grow: Give a number to a symbol that has none.

    Returns:
        Two int32[P]. Texts are kept apart by -1, as is any symbol without a number.
    """
    read = _read_words if split.unit == "word" else _read_characters
    return read(texts, split, ids, grow)


def _read_words(
    texts: Sequence[str], split: Split, ids: dict[str, int], grow: bool
) -> tuple[np.ndarray, np.ndarray]:
    table: Any = ids
    if grow:
        table = defaultdict(None, ids)
        table.default_factory = table.__len__
    parts, lengths = [], []
    for text in texts:
        words = split_words(text, split.lower)
        if grow:
            found = [table[word] for word in words]
        else:
            found = [table.get(word, NOTHING) for word in words]
        found.append(NOTHING)
        parts.append(np.array(found, np.int32))
        lengths.append(len(found))
    if grow:
        ids.update(table)
    return _joined(parts), _texts(lengths)


def _read_characters(
    texts: Sequence[str], split: Split, ids: dict[str, int], grow: bool
) -> tuple[np.ndarray, np.ndarray]:
    parts, lengths = [], []
    for text in texts:
        line = "".join(split_characters(text, split.lower))
        if split.unit == "char_wb":
            line = _GAP.join(f" {word} " for word in line.split(" ") if word)
        points = np.frombuffer((line + _GAP).encode("utf-32-le"), np.uint32)
        parts.append(points)
        lengths.append(len(points))
    point_P = _joined(parts)
    number = np.full(_CODE_POINTS, NOTHING, np.int32)
    for point in np.flatnonzero(np.bincount(point_P, minlength=1)):
        character = chr(point)
        if character == _GAP:
            continue
        if grow:
            ids.setdefault(character, len(ids))
        number[point] = ids.get(character, NOTHING)
    return number[point_P], _texts(lengths)


def _texts(lengths: Sequence[int]) -> np.ndarray:
    return np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)


def _joined(parts: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int32), *parts], dtype=np.int32)
