"""A vocabulary: its n-grams are found, and no others."""

import numpy as np
import pytest

from tfsent.supervised.ngrams import Vocabulary, codes_of
from tfsent.supervised.symbols import Split


def test_an_ngram_needs_neither_its_beginning_nor_its_words_in_the_vocabulary():
    vocabulary = Vocabulary(Split("word", 1, 3, True), ["so so bad", "good"])
    counts = vocabulary.count(["so so bad so bad", "so bad", "good good"])
    assert counts.toarray().tolist() == [[1, 0], [0, 0], [0, 2]]


def test_no_ngram_reaches_over_texts_or_unknown_words():
    vocabulary = Vocabulary(Split("word", 2, 2, True), ["not good"])
    assert not vocabulary.count(["it is not", "good", "not very good"]).nnz


def test_columns_are_in_the_order_of_the_names():
    names = ["film", "so bad", "a", "good film so", "good film", "bad so", "a so"]
    vocabulary = Vocabulary(Split("word", 1, 3, True), names)
    assert len(vocabulary) == 7
    for column, name in enumerate(names):
        assert vocabulary.count([name])[0, column] == 1
    assert vocabulary.count(["a"]).indices.tolist() == [2]


def test_codes_are_wider_than_what_they_are_made_of():
    one, other = np.array([70_000], np.int32), np.array([3], np.int32)
    assert codes_of(one, other, 70_000).tolist() == [4_900_000_003]
    assert codes_of(-one, other, 70_000).tolist() == [-1]


def test_an_empty_vocabulary_counts_nothing():
    vocabulary = Vocabulary(Split("word", 1, 2, True), [])
    assert vocabulary.count(["a b", ""]).shape == (2, 0)
    assert vocabulary.count([]).shape == (0, 0)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "a"], "twice"),
        (["b", "a b c"], "'a b c'"),
        (["b", "a "], "'a '"),
    ],
)
def test_an_unsound_vocabulary_is_refused(names, message):
    with pytest.raises(ValueError, match=message):
        Vocabulary(Split("word", 1, 2, True), names)
