"""What an n-gram counts: tf-idf as scikit-learn has it, ratios as by hand."""

import math

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer

from tfsent.config_supervised import LinearConfig
from tfsent.supervised.weighting import log_count_ratios, weigh

COUNTS = sparse.csr_matrix(
    np.array([[2, 0, 1, 0], [0, 0, 0, 0], [1, 3, 0, 0], [0, 1, 1, 5]], np.int32)
)
FREQUENCY = np.array([2, 2, 2, 1])
IDF = np.log(5 / (1 + FREQUENCY)) + 1


@pytest.mark.parametrize("sublinear", [False, True])
def test_tfidf_is_that_of_scikit_learn(sublinear):
    found = weigh([COUNTS], [IDF], LinearConfig(sublinear=sublinear))
    other = TfidfTransformer(sublinear_tf=sublinear).fit_transform(COUNTS)
    np.testing.assert_allclose(found.toarray(), other.toarray(), rtol=1e-14)
    assert found.dtype == np.float64


def test_each_kind_of_ngram_has_length_one():
    other = sparse.csr_matrix(np.array([[9, 9], [0, 0], [0, 1], [2, 0]], np.int32))
    rows = weigh([COUNTS, other], [IDF, np.ones(2)], LinearConfig()).toarray()
    np.testing.assert_allclose(np.linalg.norm(rows[:, :4], axis=1), [1, 0, 1, 1])
    np.testing.assert_allclose(np.linalg.norm(rows[:, 4:], axis=1), [1, 0, 1, 1])


@pytest.mark.parametrize("weighting", ["binary", "nbsvm"])
def test_binary_rows_ask_only_whether_an_ngram_comes(weighting):
    rows = weigh([COUNTS], [IDF], LinearConfig(weighting=weighting))
    np.testing.assert_array_equal(rows.toarray(), COUNTS.toarray() > 0)


def test_counts_stay_as_they_were():
    before = COUNTS.toarray()
    for weighting in ("tfidf", "binary"):
        weigh([COUNTS], [IDF], LinearConfig(weighting=weighting))
    np.testing.assert_array_equal(COUNTS.toarray(), before)


def test_log_count_ratios_are_those_of_the_paper():
    # Texts: "good film", "good", "bad film"; the first two are positive.
    rows = sparse.csr_matrix(np.array([[1.0, 1, 0], [1, 0, 0], [0, 1, 1]]))
    outputs = np.array([[1, 0], [1, 0], [0, 1]])
    found = log_count_ratios(rows, outputs, smoothing=1.0)
    # Positive: good 1 + 2, film 1 + 1, bad 1 + 0, of 6; negative 1, 2, 2, of 5.
    by_hand = [math.log(3 / 6 / (1 / 5)), math.log(2 / 6 / (2 / 5))]
    by_hand.append(math.log(1 / 6 / (2 / 5)))
    np.testing.assert_allclose(found[:, 0], by_hand, rtol=1e-14)
    np.testing.assert_allclose(found[:, 1], [-r for r in by_hand], rtol=1e-14)
