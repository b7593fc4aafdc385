"""Baselines of sentiment: words that go together have vectors that do."""

import numpy as np
import pytest

from benchmarks import sentiment_baselines as baselines
from benchmarks.sentiment_baselines import Vectors
from tests.transfer.planted import write_reviews
from tfsent.config_commands import LabelledDataConfig
from tfsent.transfer.labelled import read_labels, read_splits


def test_neighbours_of_the_same_words_have_like_vectors():
    random = np.random.default_rng(0)
    groups = [["cat", "dog", "fur", "paw"], ["car", "bus", "road", "tyre"]]
    texts = [" ".join(random.choice(groups[k % 2], 12)) for k in range(400)]
    vectors = baselines.word_vectors(lambda: texts, 100, 4)
    assert set(vectors.index) == set(sum(groups, []))
    assert vectors.probability_W.sum() == pytest.approx(1.0)
    unit = vectors.table_WD / np.linalg.norm(vectors.table_WD, axis=1, keepdims=True)

    def like(one, other):
        return unit[vectors.index[one]] @ unit[vectors.index[other]]

    assert like("cat", "dog") > 0.5 > like("cat", "bus")


def test_averages_are_means_and_frequent_words_count_less():
    vectors = Vectors(
        {"a": 0, "b": 1}, np.array([[1.0, 0], [0, 1]]), np.array([0.9, 0])
    )
    texts = ["a b", "b b unknown", "!"]
    plain = baselines.averages(texts, vectors, weighted=False)
    np.testing.assert_allclose(plain, [[0.5, 0.5], [0, 1], [0, 0]])
    weighted = baselines.averages(texts, vectors, weighted=True)
    np.testing.assert_allclose(weighted[0], [0.5 * 1e-3 / 0.901, 0.5])


def test_the_first_component_is_gone_from_all_rows():
    random = np.random.default_rng(0)
    rows = [random.standard_normal((9, 4)) + 5, random.standard_normal((3, 4)) + 5]
    cleaned = baselines.without_first_component(rows)
    *_, v_D = np.linalg.svd(rows[0])[2][:1]
    assert all(np.abs(r @ v_D).max() < 1e-9 for r in cleaned)


def test_words_that_decide_are_found(tmp_path):
    train, val, test = (
        str(write_reviews(tmp_path / f"{k}.csv", count, k))
        for k, count in enumerate((120, 40, 60))
    )
    splits = read_splits(LabelledDataConfig(train=train, val=val, test=test))
    labels = read_labels(splits.train, ("label",))
    found = baselines.measure([splits.train, splits.val, splits.test], labels, None)
    assert found["bag of words"]["test_accuracy"] == 1.0
    assert 0.3 < found["majority"]["test_accuracy"] < 0.7
    low, high = found["bag of words"]["interval"]
    assert 0.9 < low < high == 1.0


def test_a_fifth_is_set_apart_without_validation_texts(tmp_path):
    path = write_reviews(tmp_path / "all.csv", 50, 0)
    texts = read_splits(LabelledDataConfig(train=str(path))).train
    train, val = baselines._fifth_apart(texts)
    assert (len(train.texts), len(val.texts)) == (40, 10)
    assert sorted(train.texts + val.texts) == sorted(texts.texts)
    assert len(train.labels) == 40
