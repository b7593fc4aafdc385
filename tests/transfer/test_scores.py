"""Scores against scikit-learn and against plain counting."""

import numpy as np
import pytest
from scipy.stats import bootstrap
from sklearn import metrics

from tfsent.transfer.scores import (
    bootstrap_interval,
    correctness,
    label_metrics,
    majority_accuracy,
    matthews,
    spread,
    tune_neutral,
    tune_threshold,
)


def labels_and_predictions():
    random = np.random.default_rng(0)
    labels = (random.random((50, 4)) < [0.5, 0.1, 0.3, 0.0]).astype(np.int64)
    predicted = np.where(random.random((50, 4)) < 0.7, labels, 1 - labels)
    predicted[:, 3] = 0
    return labels, predicted


@pytest.mark.filterwarnings("ignore:A single label")
def test_label_metrics_are_those_of_scikit_learn():
    labels, predicted = labels_and_predictions()
    found = label_metrics(predicted, labels)
    pairs = list(zip(labels.T, predicted.T, strict=True))
    for name, function in (
        ("f1", lambda a, b: metrics.f1_score(a, b, zero_division=0)),
        ("jaccard", lambda a, b: metrics.jaccard_score(a, b, zero_division=0)),
        ("mcc", metrics.matthews_corrcoef),
    ):
        expected = [function(*pair) for pair in pairs]
        np.testing.assert_allclose(found[name], expected, atol=1e-12)


@pytest.mark.parametrize("metric", ["f1", "jaccard", "mcc"])
def test_tuned_threshold_is_as_good_as_any(metric):
    random = np.random.default_rng(3)
    labels = (random.random(80) < 0.2).astype(np.int64)
    predicted = np.round(random.random(80) * 0.5 + 0.3 * labels, 2)  # With ties.
    found = tune_threshold(predicted, labels, metric)

    def value(threshold):
        decided = (predicted > threshold)[:, None]
        return label_metrics(decided, labels[:, None])[metric][0]

    cuts = (np.unique(predicted)[1:] + np.unique(predicted)[:-1]) / 2
    assert value(found) == max(map(value, cuts))
    assert value(found) > value(0.5)


def test_threshold_is_a_half_where_probabilities_do_not_differ():
    assert tune_threshold(np.full(5, 0.2), np.asarray([0, 1, 0, 1, 1]), "f1") == 0.5


def test_of_equal_thresholds_the_one_nearest_to_a_half_is_taken():
    labels = np.asarray([1, 0, 0, 1, 0])
    predicted = np.asarray([0.9, 0.8, 0.7, 0.55, 0.1])
    # F1 is 2/3 with the first alone and with the first four.
    assert tune_threshold(predicted, labels, "f1") == pytest.approx(0.325)
    predicted = np.asarray([0.6, 0.3, 0.2, 0.15, 0.1])
    assert tune_threshold(predicted, labels, "f1") == pytest.approx(0.45)


def test_bootstrap_interval_is_that_of_scipy():
    right = np.asarray([1.0] * 70 + [0.0] * 30)
    low, high = bootstrap_interval(right, seed=0)
    expected = bootstrap(
        (right,), np.mean, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    assert low == pytest.approx(expected.low, abs=0.015)
    assert high == pytest.approx(expected.high, abs=0.015)
    assert bootstrap_interval(right, seed=0) == (low, high)


def test_interval_of_shares_is_narrower_than_of_all_or_nothing():
    random = np.random.default_rng(0)
    shares = random.integers(0, 5, 200) / 4.0
    low, high = bootstrap_interval(shares, seed=0)
    assert low < shares.mean() < high
    assert high - low == pytest.approx(4 * shares.std() / np.sqrt(200), rel=0.1)


@pytest.mark.parametrize("count", [1, 20, 1000])
def test_all_right_and_all_wrong_have_an_interval_too(count):
    low, high = bootstrap_interval(np.ones(count), seed=0)
    assert high == 1.0
    assert low == pytest.approx(0.025 ** (1 / count))  # P(all right) is 2.5% there.
    wrong = bootstrap_interval(np.zeros(count), seed=0)
    assert wrong == pytest.approx((0.0, 1.0 - low))


def test_correctness_of_several_labels_is_the_share_that_is_right():
    found = correctness(np.asarray([[1, 0], [1, 1]]), np.asarray([[1, 1], [1, 1]]))
    assert found.tolist() == [0.5, 1.0]
    assert correctness(np.asarray([1, 0]), np.asarray([1, 1])).tolist() == [1.0, 0.0]


def test_majority_is_that_of_the_training_texts():
    train, test = np.asarray([1, 1, 0]), np.asarray([0, 0, 1, 0])
    assert majority_accuracy(train, test) == 0.25
    train = np.asarray([[1, 0], [1, 0], [0, 0]])
    assert majority_accuracy(train, np.asarray([[0, 0], [1, 0]])) == 0.75


def test_matthews_of_one_class_alone_is_zero():
    assert matthews(np.asarray([1, 1]), np.asarray([1, 1])) == 0.0
    assert matthews(np.asarray([1, 0, 1]), np.asarray([1, 0, 1])) == 1.0


def test_spread_holds_the_middle_of_the_draws():
    found = spread(range(101))
    assert found == pytest.approx((50.0, 2.5, 97.5))


def test_neutral_zone_is_the_best_of_all_pairs_of_thresholds():
    rng = np.random.default_rng(0)
    for count, share in ((1, 0.5), (30, 0.0), (41, 0.1), (41, 0.3), (37, 0.9)):
        predicted = np.round(rng.random(count), 2)
        labels = (predicted + 0.4 * rng.standard_normal(count) > 0.5).astype(int)

        def scored(low, high, predicted=predicted, labels=labels):
            said = ~((predicted > low) & (predicted < high))
            right = (predicted[said] > 0.5) == labels[said]
            return right.mean() if said.any() else -1.0, said.mean()

        low, high = tune_neutral(predicted, labels, share)
        found, said = scored(low, high)
        assert low <= 0.5 <= high
        assert 1.0 - said <= share + 1e-12
        edges = np.unique([0.0, *predicted, *(predicted - 1e-9), *(predicted + 1e-9)])
        pairs = [
            scored(a, b)
            for a in [0.5, *edges[edges <= 0.5]]
            for b in [0.5, *edges[edges >= 0.5]]
        ]
        allowed = [pair for pair in pairs if 1.0 - pair[1] <= share + 1e-12]
        assert found == pytest.approx(max(allowed)[0])
