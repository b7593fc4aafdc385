"""Ids of words -> padded batches, texts of like length together.

Axes: N texts of a batch, T words, K labels of a text, C classes. A batch has as many
rows as any other (filler rows at its end) and one of few lengths, so that what is
compiled for a shape is compiled a few times.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from tfsent.data.words import PAD

PadSide = Literal["after", "before"]

_BUCKET_BATCHES = 100
"""For how many batches at a time random texts are sorted by length in training.

Of IMDB's 25,000 reviews in batches of 32, 73 % of all places are padding with 1 (texts
of any length together), 31 % with 10, 17 % with 50, 15 % with 100, 11 % with all.
"""


class Batch(NamedTuple):
    """Padded texts with their labels."""

    words_NT: npt.NDArray[np.int32]
    """int32[N, T]. Ids of words; PAD where `mask_NT` is False."""
    mask_NT: npt.NDArray[np.bool_]
    """bool[N, T]. True where there is a word; nowhere in a filler row."""
    labels: npt.NDArray
    """int64[N], int64[N, K] or float32[N]; 0 in filler rows."""
    weight_N: npt.NDArray[np.float32]
    """float32[N]. What a row counts in the loss; 0 for filler rows."""
    rows: npt.NDArray[np.int64]
    """int64[N]. Which text a row is, counted as they were given; -1: filler."""


class _Texts(NamedTuple):
    """Checked texts and labels, and how batches of them are made."""

    ids: Sequence[npt.NDArray[np.int32]]
    lengths: npt.NDArray[np.int64]
    labels: npt.NDArray
    weights: npt.NDArray[np.float32]
    batch_size: int
    pad_side: PadSide
    max_length: int | None


def padded_length(num_words: int, max_length: int | None = None) -> int:
    """Return the length to which a batch is padded: a rung of a geometric ladder.

    The rungs are 1 to 8, then each a quarter longer than the last, rounded down: less
    than a fifth of the longest row is padding. 34 of them reach 2,172 words.

    Args:
        num_words: Words in the longest text of the batch, at least 1.
        max_length: Words at which texts are cut, if they are: a rung of its own.

    Example:
        >>> [padded_length(n) for n in (3, 8, 9, 11, 100)]
        [3, 8, 10, 12, 121]
        >>> padded_length(99, max_length=100)
        100
    """
    if num_words < 1:
        raise ValueError(f"num_words is {num_words}; at least 1 will do.")
    rung = 1
    while rung < num_words:
        rung = max(rung + 1, rung * 5 // 4)
    if max_length is not None and num_words <= max_length:
        return min(rung, max_length)
    return rung


def training_batches(
    ids: Sequence[npt.NDArray[np.int32]],
    labels: npt.ArrayLike,
    batch_size: int,
    seed: int,
    epoch: int,
    pad_side: PadSide,
    *,
    balanced: bool = False,
    class_weight_C: npt.ArrayLike | None = None,
    max_length: int | None = None,
    sort_by_length: bool = True,
) -> list[Batch]:
    """Return the batches of one epoch, in the order in which they are trained on.

    Every text comes once. Texts are shuffled, sorted by length within portions of
    some batches, and the batches shuffled; all of it follows from `seed` and `epoch`.

    Balanced, each class comes as often as the largest: a text of a smaller class comes
    several times, some of them once more than others, drawn anew in each epoch. How
    often two classes come in a batch differs by one at most.

    Args:
        ids: int32[T] for each text, of any T from 1 on.
        labels: Whole numbers [N] (classes) or [N, K] (several of 0 or 1), or float [N].
        batch_size: N, rows of every batch.
        seed: Seed of the order, 0 or more.
        epoch: Number of the epoch, from 0.
        pad_side: Fill a row up "after" its words or "before" them.
        balanced: Give each class equally often.
        class_weight_C: What a text of each class counts in the loss. Default: 1.
        max_length: Words at which the texts were cut, if they were; see
            `padded_length`.
        sort_by_length: Put texts of like length together; without it batches hold
            texts of any length, and most places of IMDB's are padding.

    Raises:
        ValueError: If there is no text, a text without a word, labels that do not fit
            the texts, or classes are asked of labels that are none.
    """
    texts = _checked(ids, labels, batch_size, pad_side, class_weight_C, max_length)
    if not len(ids):
        raise ValueError("there is no text to train on; one or more will do.")
    if min(seed, epoch) < 0:
        raise ValueError(f"seed is {seed} and epoch {epoch}; 0 or more will do.")
    rng = np.random.default_rng([seed, epoch])
    groups = [np.arange(len(ids))]
    if balanced:
        _require_classes(texts.labels, "balanced batches")
        groups = [
            np.flatnonzero(texts.labels == label) for label in np.unique(texts.labels)
        ]
    plans = _plan(_drawn(groups, rng), texts, sort_by_length)
    return [_batch(texts, plans[place]) for place in rng.permutation(len(plans))]


def reading_batches(
    ids: Sequence[npt.NDArray[np.int32]],
    labels: npt.ArrayLike | None,
    batch_size: int,
    pad_side: PadSide,
    *,
    max_length: int | None = None,
) -> list[Batch]:
    """Return batches for prediction: every text once, the longest first.

    `rows` gives the order back: `answers[batch.rows[batch.rows >= 0]]` are those of
    the rows that are no filler.

    Args:
        ids: int32[T] for each text, of any T from 1 on; there may be no text.
        labels: As for `training_batches`; None: there are none, and each is 0.
        batch_size: N, rows of every batch.
        pad_side: Fill a row up "after" its words or "before" them.
        max_length: As for `training_batches`.

    Raises:
        ValueError: If there is a text without a word, or labels do not fit the texts.
    """
    if labels is None:
        labels = np.zeros(len(ids), np.int64)
    texts = _checked(ids, labels, batch_size, pad_side, None, max_length)
    order = np.argsort(-texts.lengths, kind="stable")
    return [_batch(texts, rows) for rows in _cut(order, batch_size)]


def _drawn(
    groups: list[npt.NDArray[np.int64]], rng: np.random.Generator
) -> list[npt.NDArray[np.int64]]:
    """Return each group in random order, repeated to the size of the largest."""
    most = max(len(group) for group in groups)
    drawn = []
    for group in groups:
        # One shuffled copy after the other: repeats of a text stand far apart.
        copies = np.tile(group, (-(-most // len(group)), 1))
        drawn.append(rng.permuted(copies, axis=1).ravel()[:most])
    return drawn


def _plan(
    groups: list[npt.NDArray[np.int64]], texts: _Texts, sort_by_length: bool
) -> list[npt.NDArray[np.int64]]:
    """Return the texts of each batch, from groups of equal size in equal shares.

    Taken in turn from sorted groups, any stretch of texts has equal numbers of each,
    give or take one, and texts of like length.
    """
    size, num_groups = texts.batch_size, len(groups)
    # The fewest texts of each group that fill whole batches, in portions of about
    # the length wanted: then only the last batch of all may have filler rows.
    common = math.gcd(size, num_groups)
    share = size // common * max(1, _BUCKET_BATCHES * common // num_groups)
    plans = []
    for start in range(0, len(groups[0]), share):
        portions = [group[start : start + share] for group in groups]
        if sort_by_length:
            portions = [
                portion[np.argsort(-texts.lengths[portion], kind="stable")]
                for portion in portions
            ]
        plans += _cut(np.stack(portions, axis=1).ravel(), size)
    return plans


def _cut(rows: npt.NDArray[np.int64], size: int) -> list[npt.NDArray[np.int64]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _batch(texts: _Texts, rows: npt.NDArray[np.int64]) -> Batch:
    """Return some texts as a batch, filled up with empty rows."""
    size, count = texts.batch_size, len(rows)
    lengths_N = np.zeros(size, np.int64)
    lengths_N[:count] = texts.lengths[rows]
    length = padded_length(int(lengths_N.max()), texts.max_length)
    mask_NT = np.arange(length) < lengths_N[:, None]
    if texts.pad_side == "before":
        mask_NT = np.ascontiguousarray(mask_NT[:, ::-1])
    words_NT = np.full((size, length), PAD, np.int32)
    words_NT[mask_NT] = np.concatenate([texts.ids[row] for row in rows])
    labels = np.zeros((size, *texts.labels.shape[1:]), texts.labels.dtype)
    labels[:count] = texts.labels[rows]
    weight_N = np.zeros(size, np.float32)
    weight_N[:count] = texts.weights[rows]
    places = np.full(size, -1, np.int64)
    places[:count] = rows
    return Batch(words_NT, mask_NT, labels, weight_N, places)


def _checked(
    ids: Sequence[npt.NDArray[np.int32]],
    labels: npt.ArrayLike,
    batch_size: int,
    pad_side: PadSide,
    class_weight_C: npt.ArrayLike | None,
    max_length: int | None,
) -> _Texts:
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; at least 1 will do.")
    if pad_side not in ("after", "before"):
        raise ValueError(f"pad_side is {pad_side!r}; after or before will do.")
    lengths = np.array([len(text) for text in ids], np.int64)
    if not lengths.all():
        raise ValueError(
            f"text {np.flatnonzero(lengths == 0)[0]} has no word; Tokenizer.encode "
            "gives an empty text one."
        )
    given = _checked_labels(np.asarray(labels), len(ids))
    weights = _weights(given, class_weight_C)
    return _Texts(ids, lengths, given, weights, batch_size, pad_side, max_length)


def _checked_labels(labels: npt.NDArray, num_texts: int) -> npt.NDArray:
    """Return labels in the type of a batch."""
    whole = labels.dtype.kind in "biu"
    fits = labels.ndim == 1 or labels.ndim == 2 and whole
    if not fits or len(labels) != num_texts or labels.dtype.kind not in "biuf":
        raise ValueError(
            f"labels are {labels.dtype}{list(labels.shape)} for {num_texts} texts; "
            f"whole numbers [{num_texts}] or [{num_texts}, K] or float [{num_texts}] "
            "will do."
        )
    return labels.astype(np.int64 if whole else np.float32)


def _weights(
    labels: npt.NDArray, class_weight_C: npt.ArrayLike | None
) -> npt.NDArray[np.float32]:
    """Return what each text counts in the loss."""
    if class_weight_C is None:
        return np.ones(len(labels), np.float32)
    _require_classes(labels, "class weights")
    weight_C = np.asarray(class_weight_C, np.float32)
    if weight_C.ndim != 1 or not (np.isfinite(weight_C) & (weight_C > 0)).all():
        raise ValueError(
            f"class_weight_C is {weight_C.tolist()}; one number above 0 for each class "
            "will do."
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(weight_C):
        raise ValueError(
            f"labels reach from {labels.min()} to {labels.max()}, class_weight_C has "
            f"{len(weight_C)} weights; one for each class from 0 on will do."
        )
    return weight_C[labels]


def _require_classes(labels: npt.NDArray, what: str) -> None:
    if labels.ndim != 1 or labels.dtype != np.int64:
        raise ValueError(
            f"{what} need one class a text, a whole number; labels are "
            f"{labels.dtype}{list(labels.shape)}."
        )
