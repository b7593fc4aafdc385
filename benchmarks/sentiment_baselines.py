"""Accuracy of what a sentiment feature has to beat: majority, words, averaged vectors.

    python -m benchmarks.sentiment_baselines --data.train sst --vectors imdb

- majority: what most training texts have.
- bag of words: L2 logistic regression on tf-idf of words, and of words and pairs.
- word vectors: their mean over a text, and the frequency-weighted mean with the first
  principal component removed; logistic regression on top. The vectors are made from
  unlabelled text: the same that the language model has read.

The strength of each regression is chosen on validation texts, the accuracy is that of
the test texts.

Axes: N texts, W words of the vocabulary, D dimensions of a word vector.

Reference:
    Levy, Goldberg, Dagan 2015, TACL 3: vectors by singular value decomposition of
    positive pointwise mutual information. Arora, Liang, Ma 2017, ICLR: weights
    a / (a + p(w)), first component removed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from tfsent.cli import parse_config, run, tell
from tfsent.config import DataConfig
from tfsent.config_commands import LabelledDataConfig
from tfsent.data.sources import open_source
from tfsent.transfer.labelled import LabelledTexts, Labels, read_labels, read_splits
from tfsent.transfer.scores import bootstrap_interval, correctness, majority_accuracy

WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|[0-9]+|[!?]")
_MIN_COUNT = 5
_CONTEXT_WORDS = 5
_SIF_A = 1e-3
_STRENGTHS = tuple(2.0**k for k in range(-4, 9, 2))
_TOKENS_AT_ONCE = 2**21


@dataclass(frozen=True, kw_only=True)
class SentimentBaselinesConfig:
    """What is classified, and what word vectors are made from."""

    data: LabelledDataConfig
    """Labelled texts, as for transfer.py."""
    vectors: str | None = None
    """Unlabelled text for the word vectors, a source as for train.py. Default: none are made."""  # noqa: E501
    vocabulary: int = 20_000
    """Most frequent words that get a vector."""
    dimensions: int = 300
    """Width D of a word vector."""
    json: bool = False
    """Print one JSON object instead of lines."""


class Vectors(NamedTuple):
    """Words and what they mean to each other."""

    index: dict[str, int]
    table_WD: np.ndarray
    probability_W: np.ndarray


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, marks of emphasis among them.

    Example:
        >>> words("It wasn't <br />GOOD!")
        ['it', "wasn't", 'br', 'good', '!']
    """
    return WORD.findall(text.lower())


def word_vectors(
    texts: Callable[[], Iterable[str]], vocabulary: int, dimensions: int
) -> Vectors:
    """Return vectors of the most frequent words: PPMI of neighbours, decomposed.

    Args:
        texts: Gives the text anew at every call.
        vocabulary: Most words.
        dimensions: D.
    """
    counts: Counter[str] = Counter()
    for text in texts():
        counts.update(words(text))
    common = [w for w, n in counts.most_common(vocabulary) if n >= _MIN_COUNT]
    index = {word: k for k, word in enumerate(common)}
    size = len(index)
    pairs = sparse.csr_matrix((size, size))
    for ids in _runs(texts(), index):
        for distance in range(1, _CONTEXT_WORDS + 1):
            left, right = ids[:-distance], ids[distance:]
            both = (left >= 0) & (right >= 0)
            # As in word2vec, a neighbour counts less the farther it stands.
            weight = np.full(both.sum(), 1 / distance, np.float32)
            near = sparse.coo_matrix(
                (weight, (left[both], right[both])), shape=(size, size)
            ).tocsr()
            pairs = pairs + near + near.T
    u_WD, s_D, _ = svds(
        _positive_information(pairs), min(dimensions, size - 1), random_state=0
    )
    number_W = np.array([counts[word] for word in common], float)
    return Vectors(index, u_WD * np.sqrt(s_D), number_W / sum(counts.values()))


def _runs(texts: Iterable[str], index: dict[str, int]) -> Iterator[np.ndarray]:
    """Yield the indices of words, -1 for others and between texts, many at once."""
    ids: list[int] = []
    for text in texts:
        ids += [index.get(word, -1) for word in words(text)]
        ids += [-1] * _CONTEXT_WORDS
        if len(ids) >= _TOKENS_AT_ONCE:
            yield np.array(ids)
            ids = []
    yield np.array(ids, int)


def _positive_information(pairs: sparse.csr_matrix) -> sparse.csr_matrix:
    # The context distribution smoothed by .75, as Levy et al. recommend.
    total = pairs.sum()
    word_W = np.asarray(pairs.sum(1)).ravel()
    smooth_W = word_W**0.75
    smooth_W /= smooth_W.sum()
    found = pairs.tocoo()
    information = np.log(
        found.data / total / (word_W[found.row] / total * smooth_W[found.col])
    )
    keep = information > 0
    return sparse.csr_matrix(
        (information[keep], (found.row[keep], found.col[keep])), shape=pairs.shape
    )


def averages(texts: Sequence[str], vectors: Vectors, weighted: bool) -> np.ndarray:
    """Return the mean word vector of each text, float64[N, D]; zeros without words.

    Args:
        texts: N texts.
        vectors: Of words.
        weighted: Whether a word counts a / (a + p(w)) instead of 1.
    """
    weight_W = np.ones(len(vectors.index))
    if weighted:
        weight_W = _SIF_A / (_SIF_A + vectors.probability_W)
    rows = np.zeros((len(texts), vectors.table_WD.shape[1]))
    for n, text in enumerate(texts):
        known = [vectors.index[w] for w in words(text) if w in vectors.index]
        if known:
            rows[n] = weight_W[known] @ vectors.table_WD[known] / len(known)
    return rows


def without_first_component(rows: list[np.ndarray]) -> list[np.ndarray]:
    """Return rows less their part along the first right singular vector of rows[0]."""
    *_, v_D = svds(rows[0], 1, random_state=0)
    return [r - (r @ v_D.T) @ v_D for r in rows]


def accuracy(
    rows: Sequence[Any], labels: Sequence[np.ndarray], name: str
) -> dict[str, Any]:
    """Return the test accuracy of a logistic regression, its interval and strength.

    Args:
        rows: Features of train, val and test.
        labels: Their classes.
        name: For the message.
    """
    fits = []
    for strength in _STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=2000)
        model.fit(rows[0], labels[0])
        fits.append((model.score(rows[1], labels[1]), -strength, model))
    val, strength, model = max(fits, key=lambda fit: fit[:2])
    right = correctness(model.predict(rows[2]), labels[2])
    tell(f"{name}: {right.mean():.4f}")
    return {
        "test_accuracy": float(right.mean()),
        "interval": list(bootstrap_interval(right, 0)),
        "val_accuracy": float(val),
        "C": -strength,
    }


def measure(
    splits: Sequence[LabelledTexts], labels: Labels, vectors: Vectors | None
) -> dict[str, Any]:
    """Return what each baseline reaches on train, val and test texts."""
    settings = ("data.train", "data.val", "data.test")
    classes = [
        labels.encode(split, setting)
        for split, setting in zip(splits, settings, strict=True)
    ]
    texts = [split.texts for split in splits]
    found: dict[str, Any] = {
        "majority": {"test_accuracy": majority_accuracy(classes[0], classes[2])}
    }
    for name, longest in (("bag of words", 1), ("bag of words and pairs", 2)):
        bag = TfidfVectorizer(
            tokenizer=words, token_pattern=None, ngram_range=(1, longest), min_df=2
        )
        rows = [bag.fit_transform(texts[0]), *map(bag.transform, texts[1:])]
        found[name] = accuracy(rows, classes, name)
    if vectors is not None:
        name = "averaged word vectors"
        rows = [averages(each, vectors, weighted=False) for each in texts]
        found[name] = accuracy(rows, classes, name)
        name = "weighted word vectors, first component removed"
        rows = [averages(each, vectors, weighted=True) for each in texts]
        found[name] = accuracy(without_first_component(rows), classes, name)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Measure every baseline and print what each reaches."""
    config = parse_config(argv, SentimentBaselinesConfig, description=__doc__)
    splits = read_splits(config.data)
    labels = read_labels(splits.train, ("label",))
    if splits.test is None or labels.kind == "multilabel":
        raise ValueError("data.test is missing, or there are several labels a text.")
    train, val = splits.train, splits.val
    if val is None:
        train, val = _fifth_apart(train)
    vectors = None
    if config.vectors is not None:
        text = DataConfig(
            source=config.vectors,
            root=config.data.root,
            cache_dir=config.data.cache_dir,
        )
        source = open_source(text.source, text)
        vectors = word_vectors(
            lambda: (sample.text for sample in source.samples()),
            config.vocabulary,
            config.dimensions,
        )
    result = measure([train, val, splits.test], labels, vectors)
    if config.json:
        print(json.dumps(result))
        return
    for name, figures in result.items():
        low, high = figures.get("interval", (np.nan, np.nan))
        print(f"{name:48} {figures['test_accuracy']:.4f}  [{low:.4f}, {high:.4f}]")


def _fifth_apart(texts: LabelledTexts) -> tuple[LabelledTexts, LabelledTexts]:
    """Return four fifths of texts and one, every fifth text."""
    last = np.arange(len(texts.texts)) % 5 == 4
    train, val = (
        texts._replace(
            texts=[t for t, chosen in zip(texts.texts, mask, strict=True) if chosen],
            labels=texts.labels[mask],
        )
        for mask in (~last, last)
    )
    return train, val


if __name__ == "__main__":
    run(main)
