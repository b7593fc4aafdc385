"""Word vectors of a trained network in two dimensions, each with its sentiment.

Axes: W words, E embedding width, K neighbours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.manifold import TSNE
from sklearn.neighbors import NearestNeighbors

from tfsent.config_studies import StudyConfig
from tfsent.data.words import SPECIAL_WORDS, Tokenizer
from tfsent.supervised.reader import WordReader
from tfsent.supervised.store import read_model
from tfsent.transfer.labelled import Splits

NEIGHBOURS = 10
"""Of how many nearest words the mean sentiment is held against a word's own."""

_LEAST_TEXTS = 10
_SHUFFLES = 200


def word_map(config: StudyConfig, splits: Splits, run: Path) -> dict[str, Any]:
    """Return where the words of a trained network lie, and how they sort by sentiment.

    A word's sentiment is the mean label of the training texts that it stands in. That
    words sort by it is measured in the full space: the correlation of a word's
    sentiment with the mean of its nearest words' (cosine), beside the same with the
    sentiments shuffled among the words.

    Args:
        config: Of the study.
        splits: Labelled texts; those trained on count.
        run: Folder of the trained network.

    Raises:
        ValueError: If the network has no embedding, labels are no classes in an order,
            or too few words come often enough.
    """
    model = read_model(run)
    if "embedding/weight" not in model.weights:
        raise ValueError(
            "study words shows an embedding; classifier.one_hot has none: leave it."
        )
    if splits.train.labels.shape[1] > 1:
        raise ValueError("study words needs one label a text; choose one label_key.")
    assert isinstance(model.reader, WordReader)  # StudyConfig asks for system words.
    tokenizer = model.reader.tokenizer
    texts_W, sentiment_W = _sentiments(tokenizer, splits)
    mean = float(splits.train.labels[:, 0].mean())
    kept = _most_telling(texts_W, sentiment_W, mean, config.shown_words)
    if len(kept) < 2 * NEIGHBOURS:
        raise ValueError(
            f"{len(kept)} words stand in at least {_LEAST_TEXTS} training texts; "
            f"{2 * NEIGHBOURS} will do: more texts, or a smaller words.min_count."
        )
    vectors_WE = np.asarray(model.weights["embedding/weight"], np.float64)[kept]
    told, by_chance = _sorting(vectors_WE, sentiment_W[kept], config.seed)
    places_W2 = TSNE(
        metric="cosine",
        init="random",
        perplexity=min(30.0, (len(kept) - 1) / 3),
        random_state=config.seed,
    ).fit_transform(vectors_WE.astype(np.float32))
    return {
        "mean_label": mean,
        "neighbours": NEIGHBOURS,
        "correlation": told,
        "correlation_shuffled": by_chance,
        "shown": [
            {
                "word": tokenizer.words[word],
                "texts": int(texts_W[word]),
                "sentiment": float(sentiment_W[word]),
                "x": float(x),
                "y": float(y),
            }
            for word, (x, y) in zip(kept, places_W2, strict=True)
        ],
    }


def _sentiments(
    tokenizer: Tokenizer, splits: Splits
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return for each word in how many texts it stands, and their mean label."""
    count = tokenizer.num_words
    texts_W, sums_W = np.zeros(count, np.int64), np.zeros(count)
    for text, label in zip(splits.train.texts, splits.train.labels[:, 0], strict=True):
        present = np.unique(tokenizer.encode(text))
        texts_W[present] += 1
        sums_W[present] += label
    # What stands for no word has no sentiment.
    texts_W[[word in SPECIAL_WORDS for word in tokenizer.words]] = 0
    return texts_W, sums_W / np.maximum(texts_W, 1)


def _most_telling(
    texts_W: npt.NDArray[np.int64],
    sentiment_W: npt.NDArray[np.float64],
    mean: float,
    most: int,
) -> npt.NDArray[np.int64]:
    """Return the words whose sentiment is surest to differ from the mean.

    By the deviation of the mean in units of its standard error.
    """
    surprise_W = np.abs(sentiment_W - mean) * np.sqrt(texts_W)
    surprise_W[texts_W < _LEAST_TEXTS] = -1.0
    order = np.argsort(-surprise_W, kind="stable")[:most]
    kept: npt.NDArray[np.int64] = order[surprise_W[order] >= 0]
    return kept


def _sorting(
    vectors_WE: npt.NDArray[np.float64], sentiment_W: npt.NDArray, seed: int
) -> tuple[float, float]:
    """Return how sentiment agrees among neighbours, and the most that chance gave."""
    finder = NearestNeighbors(n_neighbors=NEIGHBOURS + 1, metric="cosine")
    near_WK = finder.fit(vectors_WE).kneighbors(vectors_WE, return_distance=False)
    near_WK = near_WK[:, 1:]

    def agreement(values_W: npt.NDArray) -> float:
        around_W = values_W[near_WK].mean(axis=1)
        if values_W.std() == 0.0 or around_W.std() == 0.0:
            return 0.0
        return float(np.corrcoef(values_W, around_W)[0, 1])

    rng = np.random.default_rng(seed)
    shuffled = [agreement(rng.permutation(sentiment_W)) for _ in range(_SHUFFLES)]
    return agreement(sentiment_W), float(np.max(shuffled))
