"""Texts -> features: the states of all their bytes pooled, one row a text.

A row depends on nothing but the text and the model. Batch, order and windows change
rounding alone: states by some 1e-6 of the largest value, sums over windows not at
all, since they are added up in float64.

Axes: B lanes, T time steps, P pieces, H hidden units, F columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from tfsent.transfer.feature import Part
from tfsent.transfer.reading import LANES, WINDOW, LaneQueue, Piece

State = list[tuple[np.ndarray, ...]]
"""For each layer its state tensors, float32[B, H]."""


class Read(Protocol):
    """How a framework reads a window; its lanes hold `pieces` of texts."""

    def __call__(
        self,
        bytes_BT: np.ndarray,
        reset_BT: np.ndarray,
        state: State,
        parts: Sequence[Part],
        pieces: Sequence[Piece],
    ) -> tuple[list[np.ndarray], State]:
        """Return each part pooled over each piece and the state after the window.

        Returns:
            For each part float32[P, H], sums in place of means; and the state.
        """


class Features(np.ndarray):
    """Rows of features, float32[N, F], that know which feature they are.

    What is computed from them is an ordinary array's result; cutting out rows keeps
    the name.

    Attributes:
        feature: Its name, or None where it is not known any more.
    """

    feature: str | None

    def __new__(cls, rows: Any, feature: str | None) -> Features:
        """Return `rows` with a name."""
        features = np.asarray(rows, np.float32).view(cls)
        features.feature = feature
        return features

    def __array_finalize__(self, parent: Any) -> None:
        """Keep the name where the columns are the same."""
        self.feature = None
        if parent is not None and self.shape[1:] == parent.shape[1:]:
            self.feature = getattr(parent, "feature", None)


def feature_rows(
    read: Read,
    zero_state: Callable[[int], State],
    texts: Iterable[bytes],
    parts: Sequence[Part],
    lanes: tuple[int, ...] = LANES,
    window: int = WINDOW,
) -> Iterator[np.ndarray]:
    """Yield one row a text, float32[F], in the order of the texts.

    Memory does not grow with their number or length; a few thousand texts are at
    hand at a time. Rows come when all before them are there.

    Args:
        read: Reads a window.
        zero_state: Number of lanes -> state before any byte.
        texts: Bytes as the model reads them.
        parts: What to pool.
        lanes: Numbers of lanes that a window may have, ascending.
        window: T.

    Raises:
        ValueError: At a text without a byte.
    """
    queue = LaneQueue(_not_empty(texts), lanes, window)
    pooled = _Pooled(parts)
    done: dict[int, np.ndarray] = {}
    oldest = 0
    state: State = []
    for dealt in queue.windows():
        if not state:
            state = zero_state(1)
        state = [tuple(s_BH[dealt.carried_B] for s_BH in layer) for layer in state]
        values, state = read(dealt.bytes_BT, dealt.reset_BT, state, parts, dealt.pieces)
        done.update(pooled.add(dealt.pieces, values))
        while oldest in done:
            yield done.pop(oldest)
            oldest += 1


def trace(
    read: Read,
    zero_state: Callable[[int], State],
    text: bytes,
    part: Part,
    units: Sequence[int],
) -> np.ndarray:
    """Return the values of units after each byte of one text, float32[T, K].

    Args:
        read: Reads a window.
        zero_state: Number of lanes -> state before any byte.
        text: Bytes as the model reads them.
        part: Whose units; its pooling is "last".
        units: Their numbers.
    """
    state = zero_state(1)
    values = [np.zeros((0, len(units)), np.float32)]
    for window in LaneQueue([text] if text else []).windows():
        (piece,) = window.pieces
        steps = [Piece(0, 0, t, t + 1, False, False) for t in range(piece.stop)]
        (v_TH,), state = read(window.bytes_BT, window.reset_BT, state, [part], steps)
        values.append(v_TH[:, units])
    return np.concatenate(values)


class _Pooled:
    """Pools the pieces of texts to rows.

    Args:
        parts: What is pooled.
    """

    def __init__(self, parts: Sequence[Part]):
        self._parts = parts
        self._begun: dict[int, tuple[int, list[np.ndarray]]] = {}

    def add(
        self, pieces: Sequence[Piece], values: Sequence[np.ndarray]
    ) -> dict[int, np.ndarray]:
        """Take the values of pieces; return the rows of the texts that end here.

        Args:
            pieces: In the order of reading.
            values: For each part float32[P, H].
        """
        rows = {}
        for p, piece in enumerate(pieces):
            length, so_far = piece.stop - piece.start, [v_PH[p] for v_PH in values]
            if not piece.first:
                before, begun = self._begun.pop(piece.text)
                length += before
                so_far = [
                    _join(part.pooling, old_H, new_H)
                    for part, old_H, new_H in zip(
                        self._parts, begun, so_far, strict=True
                    )
                ]
            if piece.last:
                rows[piece.text] = self._row(so_far, length)
            else:
                self._begun[piece.text] = (length, [_own(v_H) for v_H in so_far])
        return rows

    def _row(self, values: Sequence[np.ndarray], length: int) -> np.ndarray:
        return np.concatenate(
            [
                v_H / length if part.pooling == "mean" else v_H
                for part, v_H in zip(self._parts, values, strict=True)
            ]
        ).astype(np.float32)


def _join(pooling: str, old_H: np.ndarray, new_H: np.ndarray) -> np.ndarray:
    if pooling == "mean":
        return old_H + new_H.astype(np.float64)
    if pooling == "last":
        return new_H
    return (np.maximum if pooling == "max" else np.minimum)(old_H, new_H)


def _own(v_H: np.ndarray) -> np.ndarray:
    """Return a copy, so that the window it is a row of can go."""
    return v_H if v_H.base is None else v_H.copy()


def _not_empty(texts: Iterable[bytes]) -> Iterator[bytes]:
    for number, text in enumerate(texts):
        if not text:
            raise ValueError(
                f"text {number} has no byte; a text of at least one will do."
            )
        yield text
