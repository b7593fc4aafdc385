"""Word vectors: words that go together have like ones."""

import math

import numpy as np
import pytest
from scipy import sparse

from tests.tolerances import INFORMATION_F32
from tfsent.config_supervised import EmbeddingsConfig
from tfsent.supervised import word_vectors
from tfsent.supervised.word_vectors import (
    _lightened,
    _neighbours,
    make_vectors,
    positive_information,
)

GROUPS = [["cat", "dog", "fur", "paw"], ["car", "bus", "road", "tyre"]]
CONFIG = EmbeddingsConfig(dimensions=4, vocabulary=100)


def texts(count=400):
    random = np.random.default_rng(0)
    return [" ".join(random.choice(GROUPS[k % 2], 12)) for k in range(count)]


def test_neighbours_of_the_same_words_have_like_vectors():
    vectors = make_vectors(texts, CONFIG, 0)
    assert set(vectors.words) == set(sum(GROUPS, []))
    assert vectors.probability.sum() == pytest.approx(1.0)
    assert vectors.table.shape == (8, 4)
    assert vectors.table.dtype == np.float32
    unit = vectors.table / np.linalg.norm(vectors.table, axis=1, keepdims=True)

    def like(one, other):
        return unit[vectors.words.index(one)] @ unit[vectors.words.index(other)]

    assert like("cat", "dog") > 0.5 > like("cat", "bus")


def test_nearer_neighbours_weigh_more_and_texts_are_kept_apart():
    index = {"a": 0, "b": 1, "c": 2}
    found = _neighbours(["a b c", "b x a a"], index, reach=2, max_pairs=99)
    expected = np.zeros((3, 3))
    for one, other, weight in [
        (0, 1, 1.0),  # "a b"
        (1, 2, 1.0),
        (0, 2, 0.5),
        (1, 0, 0.5),  # "b x a"
        (0, 0, 1.0),  # "a a"
    ]:
        expected[one, other] += weight
        expected[other, one] += weight
    np.testing.assert_array_equal(found.toarray(), expected)


def test_text_that_is_read_in_parts_gives_the_same_neighbours(monkeypatch):
    index = {word: k for k, word in enumerate(sum(GROUPS, []))}
    whole = _neighbours(texts(30), index, 5, 99)
    monkeypatch.setattr(word_vectors, "_WORDS_AT_ONCE", 20)
    parts = _neighbours(texts(30), index, 5, 99)
    np.testing.assert_allclose(parts.toarray(), whole.toarray(), rtol=1e-5)


def test_information_is_that_of_the_paper():
    near = np.array([[0.0, 8, 1], [8, 2, 1], [1, 1, 0]])
    total, word = near.sum(), near.sum(1)
    context = word**0.75 / (word**0.75).sum()
    found = positive_information(sparse.csr_matrix(near)).toarray()
    for one in range(3):
        for other in range(3):
            expected = 0.0
            if near[one, other]:
                share = near[one, other] / total
                chance = word[one] / total * context[other]
                expected = max(0.0, math.log(share / chance))
            error = abs(found[one, other] - expected)
            assert error <= INFORMATION_F32.value
    assert 0 < np.count_nonzero(found) < 8


def test_of_too_many_pairs_the_weightiest_stay():
    weights = np.random.default_rng(0).permutation(np.arange(1.0, 301))
    pairs = sparse.csr_matrix(weights.reshape(20, 15))
    kept = _lightened(pairs, 8)
    assert sorted(kept.data) == [298, 299, 300]
    assert _lightened(kept, 8) is kept
    few = make_vectors(texts, CONFIG, 0, max_pairs=20)
    assert np.isfinite(few.table).all()


def test_rare_words_and_those_beyond_the_vocabulary_have_no_vector():
    rare = [*texts(40), "once"]
    assert "once" not in make_vectors(lambda: rare, CONFIG, 0).words
    small = EmbeddingsConfig(dimensions=4, vocabulary=3)
    vectors = make_vectors(lambda: rare, small, 0)
    assert vectors.table.shape == (3, 2)
    assert vectors.probability.sum() < 1.0
    assert list(vectors.probability) == sorted(vectors.probability, reverse=True)


def test_the_same_seed_gives_the_same_vectors():
    one, same = (make_vectors(texts, CONFIG, 1).table for _ in range(2))
    np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "embeddings.min_count is 5, but 0 words"),
        (["one"] * 9, "but 1 words"),
        (["one"] * 9 + ["two"] * 9, "embeddings.context_words"),
    ],
)
def test_text_that_makes_no_vectors_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        make_vectors(lambda: given, CONFIG, 0)
