"""Averages of word vectors, plain, weighted, and less their first component."""

import numpy as np

from tfsent.supervised.averages import Averages, first_component, without
from tfsent.supervised.word_vectors import WordVectors

VECTORS = WordVectors(
    ("a", "b"), np.array([[1, 0], [0, 1]], np.float32), np.array([0.9, 0.0])
)
TEXTS = ["a b", "b B unknown", "!", ""]


def test_averages_are_means_over_known_words():
    found = Averages.of(VECTORS, None).rows(TEXTS)
    np.testing.assert_array_equal(found, [[0.5, 0.5], [0, 1], [0, 0], [0, 0]])


def test_frequent_words_count_less():
    found = Averages.of(VECTORS, 1e-3).rows(TEXTS)
    np.testing.assert_allclose(found[0], [0.5 * 1e-3 / 0.901, 0.5])
    np.testing.assert_array_equal(found[1], [0, 1])


def test_the_first_component_is_the_direction_of_longest_rows():
    rows = np.random.default_rng(0).standard_normal((9, 4)) + 5
    component = first_component(rows)
    *_, vectors = np.linalg.svd(rows)
    np.testing.assert_allclose(abs(component @ vectors[0]), 1.0)
    assert component[np.abs(component).argmax()] > 0
    assert not first_component(np.zeros((3, 4))).any()


def test_the_first_component_is_gone_from_all_rows():
    random = np.random.default_rng(0)
    train, others = (random.standard_normal((n, 4)) + 5 for n in (9, 3))
    component = first_component(train)
    for rows in (train, others):
        assert np.abs(without(rows, component) @ component).max() < 1e-9
    np.testing.assert_array_equal(without(train, 0 * component), train)


def test_texts_are_averaged_a_part_at_a_time(monkeypatch):
    averages, texts = Averages.of(VECTORS, 1e-3), [*TEXTS, "a a a b", "b a"]
    expected = averages.rows(texts)
    monkeypatch.setattr("tfsent.supervised.averages._TEXTS_AT_ONCE", 4)
    np.testing.assert_array_equal(averages.rows(texts), expected)
    assert averages.rows([]).shape == (0, 2)
