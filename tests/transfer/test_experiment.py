"""An experiment on planted features finds what was planted, and says so."""

import numpy as np
import pytest

from tests.transfer.planted import UNIT
from tfsent.transfer.candidates import Candidate
from tfsent.transfer.experiment import Options, Origin, Split, experiment
from tfsent.transfer.feature import Part
from tfsent.transfer.labelled import Labels
from tfsent.transfer.regression import Rows, Scaling, fit

H = 6
CELL, MEAN = Part(0, "cell", "last"), Part(1, "cell", "mean")
EACH = (
    Candidate("cell", (CELL,), tuple(range(H))),
    Candidate("cell-mean", (MEAN,), tuple(range(H, 2 * H))),
    Candidate("cell-mean+cell", (MEAN, CELL), (*range(H, 2 * H), *range(H))),
)
BINARY = Labels("binary", ("negative", "positive"), (0.0, 1.0))
ORIGIN = Origin("ab12", "nvidia", H)
QUICK = Options(checks=False)


def split(count, seed, strength=2.5):
    """Return features whose column H + UNIT falls with the label."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count)
    features = random.standard_normal((count, 2 * H))
    features[:, H + UNIT] -= strength * labels
    return Split((0.05 * features + 1).astype(np.float32), labels)


def run(options=QUICK, each=EACH, labels=BINARY, val=True, test=True, make=split):
    return experiment(
        each,
        labels,
        make(150, 1),
        make(100, 2) if val else None,
        make(200, 3) if test else None,
        options,
        ORIGIN,
    )


@pytest.fixture(scope="module")
def found():
    return run(Options(draws=1))


def test_the_feature_that_knows_is_chosen_and_all_are_reported(found):
    figures = found.figures
    assert figures["feature"] == found.classifier.feature == "cell-mean"
    assert list(figures["candidates"]) == [one.feature for one in EACH]
    assert figures["candidates"]["cell"]["test_accuracy"] < 0.6
    best = figures["candidates"]["cell-mean"]
    assert best["test_accuracy"] == figures["test"]["accuracy"] > 0.85
    assert best["val_accuracy"] == figures["val_accuracy"]
    assert found.columns == tuple(range(H, 2 * H))


def test_stored_classifier_has_the_accuracy_that_is_reported(found):
    test = split(200, 3)
    names = found.classifier.labels(test.features[:, list(found.columns)])
    right = [name == BINARY.classes[k] for name, k in zip(names, test.labels)]  # noqa: B905
    assert np.mean(right) == found.figures["test"]["accuracy"]
    low, high = found.figures["test"]["interval"]
    assert low < np.mean(right) < high
    confusion = np.asarray(found.figures["test"]["confusion"])
    assert confusion.trace() == sum(right)
    assert confusion.sum(axis=1).tolist() == np.bincount(test.labels).tolist()


def test_the_planted_neuron_is_named_with_its_direction(found):
    neuron = found.classifier.neuron
    assert (neuron.column, neuron.unit) == (UNIT, UNIT)
    assert (neuron.layer, neuron.state, neuron.pooling) == (1, "cell", "mean")
    assert neuron.sign == -1
    assert neuron.threshold == pytest.approx(1 - 0.05 * 1.25, abs=0.01)
    alone = found.figures["neuron"]
    assert alone["columns"] == alone["units"] == [UNIT]
    test = split(200, 3)
    says = test.features[:, H + UNIT] < neuron.threshold
    assert alone["test_accuracy"] == np.mean(says == test.labels) > 0.85


def test_checks_know_that_this_neuron_is_real(found):
    checks = found.figures["checks"]
    assert checks["without_neurons"] < 0.6
    assert checks["random_neurons"]["neurons"] == 1
    assert checks["random_neurons"]["draws"] == 100
    assert checks["random_crowd"]["neurons"] == 3
    whole = checks["label_efficiency"][-1]
    assert whole["labels"] == 150
    assert whole["score"]["mean"] == found.figures["test"]["accuracy"]
    [at_best] = [e for e in checks["at_each_C"] if e["C"] == found.figures["C"]]
    assert at_best["score"] == found.figures["test"]["accuracy"]


def test_neuron_of_a_joined_feature_is_told_by_part_and_unit():
    outcome = run(each=EACH[2:])
    neuron = outcome.classifier.neuron
    assert (neuron.column, neuron.layer, neuron.unit) == (UNIT, 1, UNIT)
    turned = (Candidate("cell+cell-mean", (CELL, MEAN), tuple(range(2 * H))),)
    neuron = run(each=turned).classifier.neuron
    assert (neuron.column, neuron.layer, neuron.unit) == (H + UNIT, 1, UNIT)


def test_test_texts_choose_nothing():
    def turned(count, seed):
        made = split(count, seed)
        return made._replace(labels=1 - made.labels) if seed == 3 else made

    one, other = run(), run(make=turned)
    np.testing.assert_array_equal(one.classifier.weights, other.classifier.weights)
    assert one.classifier.neuron == other.classifier.neuron
    assert one.figures["feature"] == other.figures["feature"]
    accuracy = one.figures["test"]["accuracy"]
    assert other.figures["test"]["accuracy"] == pytest.approx(1 - accuracy)


def test_without_test_texts_nothing_is_measured():
    figures = run(test=False).figures
    assert figures["test"] is figures["checks"] is None
    assert figures["neuron"]["test_accuracy"] is None
    assert figures["val_accuracy"] > 0.85


def test_without_validation_texts_folds_choose():
    figures = run(val=False).figures
    assert figures["chosen_on"] == "cross-validation in 5 folds"
    assert figures["feature"] == "cell-mean"


def test_weights_are_those_of_the_raw_features():
    train = split(150, 1)
    outcome = run(Options(checks=False, standardize=False), each=EACH[1:2])
    raw = train.features[:, H:].astype(np.float64)
    expected = fit(raw, train.labels[:, None], outcome.figures["C"], 0)
    np.testing.assert_allclose(outcome.classifier.weights, expected.weights)
    scaled = run(each=EACH[1:2])
    assert scaled.figures["test"]["accuracy"] > outcome.figures["test"]["accuracy"]


def test_several_neurons_are_measured_together():
    outcome = run(Options(checks=False, neurons=3))
    top = outcome.figures["neuron"]["columns"]
    assert len(set(top)) == 3
    assert top[0] == UNIT
    size = np.abs(outcome.importance[:, 0])
    assert size[top[0]] >= size[top[1]] >= size[top[2]]


def test_more_neurons_than_columns_are_refused():
    with pytest.raises(ValueError, match="neurons is 7; feature 'cell' has 6"):
        run(Options(neurons=7))


def several(count, seed):
    random = np.random.default_rng(seed)
    labels = (random.random((count, 3)) < [0.5, 0.15, 0.3]).astype(np.int64)
    features = random.standard_normal((count, 2 * H))
    features[:, H : H + 3] += 2.0 * labels
    return Split(features.astype(np.float32), labels)


@pytest.mark.parametrize("metric", ["f1", "mcc"])
def test_several_labels_are_measured_each(metric):
    labels = Labels("multilabel", ("anger", "joy", "fear"), ())
    options = Options(checks=False, metric=metric)
    outcome = run(options, EACH[:2], labels, make=several)
    figures, made = outcome.figures, outcome.classifier
    assert figures["feature"] == "cell-mean"
    assert set(figures["test"]["labels"]) == {"anger", "joy", "fear"}
    values = [each[metric] for each in figures["test"]["labels"].values()]
    assert figures["test"][metric] == pytest.approx(np.mean(values))
    assert figures["candidates"]["cell-mean"][f"test_{metric}"] == np.mean(values)
    assert np.mean(values) > 0.5
    assert len(set(made.thresholds)) == 3
    test = several(200, 3)
    decided = made.predict(test.features[:, H:]) > made.thresholds
    share = np.mean(decided == test.labels)
    assert figures["test"]["accuracy"] == pytest.approx(share)
    exact = np.mean((decided == test.labels).all(axis=1))
    assert figures["test"]["all_labels_right"] == exact
    assert figures["neuron"]["speaks_for"] == labels.classes[made.neuron.unit]


def test_several_classes_have_a_confusion_of_all():
    def three(count, seed):
        random = np.random.default_rng(seed)
        labels = random.integers(0, 3, count)
        features = random.standard_normal((count, 2 * H))
        features[np.arange(count), H + labels] += 3.0
        return Split(features.astype(np.float32), labels)

    labels = Labels("multiclass", ("1", "2", "5"), (1.0, 2.0, 5.0))
    outcome = run(labels=labels, make=three)
    assert np.shape(outcome.figures["test"]["confusion"]) == (3, 3)
    assert outcome.figures["test"]["accuracy"] > 0.85
    assert outcome.figures["test"]["mcc"] > 0.8
    made = outcome.classifier
    assert made.weights.shape == (H, 3)
    assert made.neuron.unit < 3
    assert outcome.figures["neuron"]["speaks_for"] == labels.classes[made.neuron.unit]


def test_equal_settings_give_equal_figures(found):
    again = run(Options(draws=1))
    for each in (found.figures["candidates"], again.figures["candidates"]):
        for entry in each.values():
            entry.pop("seconds", None)
    assert again.figures == found.figures


def test_rows_that_are_scaled_are_what_the_regression_sees():
    rows = Rows(*(np.zeros((2, 1)),) * 3)
    assert rows.columns([0]).x.shape == (2, 1)
    assert Scaling.of(np.ones((3, 2))).only([1]).mean.tolist() == [1.0]
