"""What turns texts into the numbers that a network reads.

Axes: T words or bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from tfsent.data.word_batches import PadSide
from tfsent.data.words import Tokenizer


class Padding(NamedTuple):
    """How shorter texts of a batch are filled up."""

    pad_side: PadSide
    max_length: int | None
    """Numbers at which texts are cut, if they are."""


class Reader(Protocol):
    """Texts -> numbers."""

    texts_at_once: int
    """Texts of a batch that is only read."""

    @property
    def padding(self) -> Padding:
        """How batches are filled up."""

    @property
    def num_symbols(self) -> int:
        """Numbers that there are, from 0 on."""

    def encode(self, text: str) -> np.ndarray:
        """Return a text as at least one number."""

    def kept(self, ids: Sequence[np.ndarray]) -> Sequence[int] | np.ndarray:
        """Return which of the training texts are trained on."""


class WordReader:
    """Texts -> numbers of words.

    Args:
        tokenizer: Knows the words.
    """

    texts_at_once = 64

    def __init__(self, tokenizer: Tokenizer):
        self.tokenizer = tokenizer

    @property
    def padding(self) -> Padding:
        """How batches are filled up."""
        config = self.tokenizer.config
        return Padding(config.pad_side, config.max_length)

    @property
    def num_symbols(self) -> int:
        """Words that have a number."""
        return self.tokenizer.num_words

    def encode(self, text: str) -> np.ndarray:
        """Return the numbers of a text's words."""
        return self.tokenizer.encode(text)

    def kept(self, ids: Sequence[np.ndarray]) -> Sequence[int] | np.ndarray:
        """Return which of the training texts are trained on."""
        return self.tokenizer.training_rows(ids)
