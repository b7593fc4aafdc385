"""Word vectors with their sentiment."""

import numpy as np
import pytest

from tfsent.config_studies import StudyConfig
from tfsent.config_supervised import WordsConfig
from tfsent.data.words import Tokenizer
from tfsent.studies import word_map as made
from tfsent.studies.word_map import _sorting, word_map
from tfsent.supervised.reader import WordReader
from tfsent.transfer.labelled import LabelledTexts, Splits

WORDS = [f"w{k:02d}" for k in range(40)]


class Folder:
    """What a run folder holds, as far as the map reads it."""

    def __init__(self, tokenizer, vectors):
        self.reader, self.weights = WordReader(tokenizer), {"embedding/weight": vectors}


def texts():
    """Return texts in which words below 20 are negative and the others positive."""
    rng = np.random.default_rng(3)
    found, labels = [], []
    for number in range(600):
        label = number % 2
        words = rng.choice(WORDS[20 * label : 20 * label + 20], 6)
        words[0] = rng.choice(WORDS)
        found.append(" ".join([*words, "the"]))
        labels.append([float(label)])
    return Splits(LabelledTexts("t", found, np.array(labels)), None, None, ())


def mapped(monkeypatch, splits, sorted_by, **settings):
    tokenizer = Tokenizer.fit(splits.train.texts, WordsConfig())
    rng = np.random.default_rng(4)
    vectors = rng.normal(size=(tokenizer.num_words, 5)).astype(np.float32)
    for row, name in enumerate(tokenizer.words):
        if name in WORDS:
            vectors[row, 0] += sorted_by * (1 if WORDS.index(name) >= 20 else -1)
    monkeypatch.setattr(made, "read_model", lambda run: Folder(tokenizer, vectors))
    return word_map(StudyConfig(study="words", **settings), splits, "RUN")


def test_vectors_that_sort_by_sentiment_are_found_to(monkeypatch):
    found = mapped(monkeypatch, texts(), 6.0)
    assert found["correlation"] > 0.9 > 0.6 > found["correlation_shuffled"]
    by_word = {one["word"]: one for one in found["shown"]}
    assert set(by_word) == {*WORDS, "the"}
    assert by_word["w03"]["sentiment"] < 0.2
    assert by_word["w33"]["sentiment"] > 0.8
    assert by_word["the"]["sentiment"] == pytest.approx(0.5)
    assert by_word["the"]["texts"] == 600


def test_vectors_that_do_not_are_found_not_to(monkeypatch):
    found = mapped(monkeypatch, texts(), 0.0)
    assert found["correlation"] <= found["correlation_shuffled"] + 0.15


def test_a_word_is_no_neighbour_of_its_own():
    rng = np.random.default_rng(6)
    told, chance = _sorting(rng.normal(size=(400, 8)), rng.normal(size=400), 0)
    # One of ten neighbours being the word itself gives 1 / sqrt(10).
    assert abs(told) < 0.15
    assert chance < 0.25


def test_the_words_shown_are_those_that_tell_most(monkeypatch):
    found = mapped(monkeypatch, texts(), 1.0, shown_words=24)
    assert len(found["shown"]) == 24
    assert "the" not in {one["word"] for one in found["shown"]}


def test_too_few_words_are_refused(monkeypatch):
    few = texts()
    few = Splits(few.train.take(np.arange(9)), None, None, ())
    with pytest.raises(ValueError, match="0 words stand in at least 10"):
        mapped(monkeypatch, few, 1.0)
