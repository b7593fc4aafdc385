import numpy as np
import pytest
from sklearn.metrics import f1_score, r2_score

from tfsent.supervised.task import Task
from tfsent.transfer.labelled import Labels


def test_two_classes_have_two_outputs_and_one_probability():
    task = Task.of(Labels("binary", ("bad", "good"), (0.0, 1.0)), "f1")
    outputs = np.array([[1.0, 3.0], [2.0, 2.0], [700.0, -700.0]], np.float32)
    predicted = task.predictions(outputs)
    assert task.num_outputs == 2
    assert predicted == pytest.approx([1 / (1 + np.exp(-2)), 0.5, 0.0])
    assert task.decisions(predicted).tolist() == [1, 0, 0]


def test_several_classes_have_probabilities_that_sum_to_one():
    task = Task("multiclass", ("a", "b", "c"))
    outputs = np.array([[0.0, np.log(2), np.log(5)]], np.float32)
    predicted = task.predictions(outputs)
    assert predicted[0] == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert task.decisions(predicted).tolist() == [2]


def test_each_of_several_labels_gets_a_threshold_of_its_own():
    task = Task("multilabel", ("a", "b"), "f1", (0.5, 0.5))
    labels = np.array([[0, 1], [1, 1], [1, 0], [0, 0]])
    predicted = np.array([[0.1, 0.9], [0.3, 0.8], [0.4, 0.7], [0.2, 0.1]])
    tuned = task.tuned(predicted, labels)
    assert tuned.thresholds == pytest.approx((0.25, 0.75))
    assert task.score(predicted, labels) == 1.0
    assert tuned.decisions(predicted).tolist() == (labels == 1).tolist()


def test_score_of_several_labels_is_the_mean_of_their_f1():
    task = Task("multilabel", ("a", "b"), "f1", (0.5, 0.5))
    rng = np.random.default_rng(0)
    labels, predicted = rng.integers(0, 2, (40, 2)), rng.random((40, 2))
    tuned = task.tuned(predicted, labels)
    expected = f1_score(labels, tuned.decisions(predicted), average="macro")
    assert task.score(predicted, labels) == pytest.approx(expected)


def test_regression_is_learnt_in_units_of_its_deviation_and_told_in_its_own():
    values = np.array([1.0, 2.0, 9.0, 10.0])
    task = Task.regression("stars", values)
    targets = task.targets(values)
    assert targets.mean() == pytest.approx(0, abs=1e-7)
    assert targets.std() == pytest.approx(1)
    assert task.predictions(targets[:, None]) == pytest.approx(values)


def test_score_of_a_regression_is_the_share_of_variance_told():
    rng = np.random.default_rng(1)
    values, told = rng.random(30), rng.random(30)
    task = Task.regression("stars", values)
    assert task.score(told, values) == pytest.approx(r2_score(values, told))
    quality = task.quality(told, values, values, 0)
    assert quality["rmse"] == pytest.approx(np.sqrt(np.mean((told - values) ** 2)))
    low, high = quality["interval"]
    assert low < quality["rmse"] < high


def test_regression_on_one_value_is_refused():
    with pytest.raises(ValueError, match="has 3 for every 'stars'"):
        Task.regression("stars", np.full(5, 3.0))


def test_quality_of_two_classes_has_interval_majority_and_confusion():
    task = Task("binary", ("bad", "good"))
    labels = np.array([0, 1, 1, 1])
    quality = task.quality(np.array([0.2, 0.9, 0.4, 0.8]), labels, labels, 0)
    assert quality["accuracy"] == 0.75
    assert quality["majority_accuracy"] == 0.75
    assert quality["confusion"] == [[1, 0], [1, 2]]


def test_loss_is_the_mean_of_minus_the_logarithm_of_what_is_right():
    binary = Task("binary", ("a", "b"))
    found = binary.loss(np.array([0.25, 0.5]), np.array([1, 0]))
    assert found == pytest.approx((np.log(4) + np.log(2)) / 2)
    three = Task("multiclass", ("a", "b", "c"))
    found = three.loss(np.array([[0.1, 0.2, 0.7]]), np.array([1]))
    assert found == pytest.approx(np.log(5))
    several = Task("multilabel", ("a", "b"), "f1", (0.5, 0.5))
    found = several.loss(np.array([[0.5, 0.75]]), np.array([[1, 0]]))
    assert found == pytest.approx((np.log(2) + np.log(4)) / 2)
