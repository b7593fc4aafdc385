"""Unlabelled text -> a vector for each of its frequent words.

How much oftener two words stand near each other than chance would have it, for all
pairs of words (positive pointwise mutual information), decomposed.

Axes: W words of the vocabulary, D dimensions of a word vector, P words of a text.

Reference:
    Levy, Goldberg, Dagan 2015, TACL 3: singular value decomposition of that matrix,
    context distribution smoothed by 0.75, vectors weighted by the root of the singular
    values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from tfsent.config_supervised import EmbeddingsConfig
from tfsent.data.word_splitting import split_words

MAX_PAIRS = 2**26
"""Most pairs of words that are kept, 0.5 GiB; of more the weightiest half stays. The
99 MB of IMDB's reviews have 16 million, mirrored: their vectors take 94 s on one core
and 0.8 GB."""

_SMOOTHING = 0.75
_WORDS_AT_ONCE = 2**20


class WordVectors(NamedTuple):
    """Words and what they mean to each other."""

    words: tuple[str, ...]
    """W words, the most frequent first."""
    table: np.ndarray
    """float32[W, D]."""
    probability: np.ndarray
    """float64[W]. Share of each among all words of the text."""


def make_vectors(
    texts: Callable[[], Iterable[str]],
    config: EmbeddingsConfig,
    seed: int,
    max_pairs: int = MAX_PAIRS,
) -> WordVectors:
    """Return vectors of the most frequent words of texts.

    The text is read twice and never held; memory does not grow with it.

    Args:
        texts: Gives the text anew at every call.
        config: How many words, how wide the vectors, what is near.
        seed: Of the vector that the decomposition starts from.
        max_pairs: Most pairs of words that are kept.

    Raises:
        ValueError: If fewer than two words come often enough.
    """
    counts: Counter[str] = Counter()
    for text in texts():
        counts.update(split_words(text))
    common = [
        word
        for word, count in counts.most_common(config.vocabulary)
        if count >= config.min_count
    ]
    if len(common) < 2:
        raise ValueError(
            f"embeddings.min_count is {config.min_count}, but {len(common)} words come "
            "that often in the unlabelled text; two or more, in a longer text, will do."
        )
    index = {word: number for number, word in enumerate(common)}
    near_WW = _neighbours(texts(), index, config.context_words, max_pairs)
    if not near_WW.nnz:
        raise ValueError(
            f"no two of {len(common)} words stand within embeddings.context_words "
            f"({config.context_words}) of each other; longer texts will do."
        )
    width = min(config.dimensions, len(common) - 1)
    start_W = np.random.default_rng(seed).standard_normal(len(common))
    u_WD, s_D, _ = svds(
        positive_information(near_WW), width, v0=start_W.astype(np.float32)
    )
    count_W = np.array([counts[word] for word in common], np.float64)
    return WordVectors(
        tuple(common),
        (u_WD * np.sqrt(s_D)).astype(np.float32),
        count_W / counts.total(),
    )


def positive_information(near_WW: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the positive pointwise mutual information of neighbours.

    log(p(w, c) / (p(w) p(c))) where that is above 0, p(c) smoothed: in proportion to
    its power 0.75.

    Args:
        near_WW: How often each word stands near each.

    Returns:
        float32[W, W], sparse.
    """
    word_W = np.asarray(near_WW.sum(1, dtype=np.float64)).ravel()
    smooth_W = word_W**_SMOOTHING
    # The total of all pairs cancels out. A word without a neighbour has no pair.
    log_W = np.log(np.where(word_W > 0, word_W, 1.0))
    context_W = np.log(np.where(word_W > 0, smooth_W / smooth_W.sum(), 1.0))
    information = near_WW.astype(np.float32)
    row = np.repeat(log_W.astype(np.float32), np.diff(near_WW.indptr))
    information.data = np.log(information.data)
    information.data -= row
    information.data -= context_W.astype(np.float32)[near_WW.indices]
    information.data = np.maximum(information.data, 0.0)
    information.eliminate_zeros()
    return information


def _neighbours(
    texts: Iterable[str], index: dict[str, int], reach: int, max_pairs: int
) -> sparse.csr_matrix:
    """Return how often words stand near each other, float32[W, W], symmetric."""
    shape = (len(index), len(index))
    pairs = sparse.csr_matrix(shape, dtype=np.float32)
    for id_P in _runs(texts, index, reach):
        left, right, weight = [], [], []
        for distance in range(1, reach + 1):
            one_P, other_P = id_P[:-distance], id_P[distance:]
            both = np.flatnonzero((one_P >= 0) & (other_P >= 0))
            left.append(one_P[both])
            right.append(other_P[both])
            # As in word2vec, a neighbour counts less the farther it stands.
            weight.append(np.full(len(both), 1 / distance, np.float32))
        at = (np.concatenate(left), np.concatenate(right))
        found = sparse.coo_matrix((np.concatenate(weight), at), shape=shape)
        pairs = _lightened(pairs + found.tocsr(), max_pairs)
    return (pairs + pairs.T).tocsr()


def _lightened(pairs: sparse.csr_matrix, most: int) -> sparse.csr_matrix:
    """Return pairs less the lightest, where there are more than `most`."""
    if pairs.nnz <= most:
        return pairs
    middle = np.partition(pairs.data, pairs.nnz - most // 2)[pairs.nnz - most // 2]
    pairs.data[pairs.data <= middle] = 0.0
    pairs.eliminate_zeros()
    return pairs


def _runs(
    texts: Iterable[str], index: dict[str, int], reach: int
) -> Iterator[np.ndarray]:
    """Yield the numbers of words, -1 for others and between texts, many at once."""
    ids: list[int] = []
    between = [-1] * reach
    for text in texts:
        ids += [index.get(word, -1) for word in split_words(text)]
        ids += between
        if len(ids) >= _WORDS_AT_ONCE:
            yield np.array(ids, np.int32)
            ids = []
    yield np.array(ids, np.int32)
