"""n-grams that are found: as scikit-learn counts them, whatever the parts."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from tfsent.data.word_splitting import split_words
from tfsent.supervised import found_ngrams
from tfsent.supervised.found_ngrams import document_frequency, find_ngrams
from tfsent.supervised.symbols import Split

TEXTS = [
    "So bad. So, so BAD!",
    "",
    "so, so BAD, not good, not bad",
    "zzz",
    "good film film",
]


def table(names, counts):
    return dict(zip(names, counts.toarray().T.tolist(), strict=True))


def everything(found):
    return found.vocabulary(np.ones(found.counts.shape[1], bool))


@pytest.mark.parametrize("least", [1, 2])
@pytest.mark.parametrize(
    ("unit", "lengths"),
    [("word", (1, 2)), ("word", (2, 3)), ("char", (1, 4)), ("char_wb", (2, 3))],
)
def test_counts_are_those_of_scikit_learn(unit, lengths, least):
    found = find_ngrams(TEXTS, Split(unit, *lengths, True), least)
    words = {"tokenizer": split_words, "token_pattern": None} if unit == "word" else {}
    other = CountVectorizer(analyzer=unit, ngram_range=lengths, min_df=least, **words)
    expected = other.fit_transform(TEXTS)
    names = everything(found).names
    assert table(names, found.counts) == table(other.get_feature_names_out(), expected)


@pytest.mark.parametrize("unit", ["word", "char"])
@pytest.mark.parametrize("at_once", [1, 2])
def test_texts_that_are_read_in_parts_have_the_same_ngrams(monkeypatch, unit, at_once):
    split = Split(unit, 1, 3, True)
    whole = find_ngrams(TEXTS, split, 2)
    monkeypatch.setattr(found_ngrams, "_TEXTS_AT_ONCE", at_once)
    parts = find_ngrams(TEXTS, split, 2)
    # Characters get their numbers part by part, and columns their order from these.
    one, other = (table(everything(f).names, f.counts) for f in (whole, parts))
    assert one == other


@pytest.mark.parametrize("unit", ["word", "char", "char_wb"])
def test_their_vocabulary_counts_what_was_found(unit):
    found = find_ngrams(TEXTS, Split(unit, 1, 3, True), 1)
    again = everything(found).count(TEXTS)
    assert again.dtype == found.counts.dtype == np.int32
    np.testing.assert_array_equal(again.indptr, found.counts.indptr)
    np.testing.assert_array_equal(again.indices, found.counts.indices)
    np.testing.assert_array_equal(again.data, found.counts.data)


def test_columns_that_are_kept_stay_in_their_order():
    found = find_ngrams(TEXTS, Split("word", 1, 2, True), 1)
    kept = document_frequency(found.counts) >= 2
    vocabulary = found.vocabulary(kept)
    assert 2 < len(vocabulary) == kept.sum() < len(kept)
    expected = found.counts[:, kept].toarray()
    np.testing.assert_array_equal(vocabulary.count(TEXTS).toarray(), expected)


@pytest.mark.parametrize("texts", [["", " "], []])
def test_texts_of_nothing_have_no_ngrams(texts):
    found = find_ngrams(texts, Split("word", 1, 2, True), 1)
    assert found.counts.shape == (len(texts), 0)
    assert everything(found).count(["a b", ""]).shape == (2, 0)
