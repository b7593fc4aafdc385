"""Is the neuron real: answers where it is known whether it is."""

import numpy as np
import pytest

from tests.transfer.planted import UNIT, planted
from tfsent.transfer.feature import Part
from tfsent.transfer.neuron import (
    Contest,
    at_each_C,
    describe_neuron,
    draw_texts,
    label_efficiency,
    random_neurons,
    without,
)
from tfsent.transfer.regression import Fit, Rows, Scaling, Selection, fit


def rows(count, seed, width=12, **more):
    features, labels = planted(count, width, seed, **more)
    return Rows(features.astype(np.float64), labels, labels[:, None])


def contest(train=150, C=0.25, **more):
    half = np.asarray([0.5])
    return Contest(
        "binary", rows(train, 1, **more), rows(400, 2, **more), C, half, "f1", 0
    )


def test_dropping_the_only_neuron_that_knows_leaves_chance():
    asked = contest()
    whole = asked.on(range(12))
    assert whole > 0.88
    assert without(asked, [UNIT]) < 0.58
    assert without(asked, [0]) > 0.88


def test_dropping_one_of_two_that_know_changes_little():
    asked = contest()
    twin = [each.x.copy() for each in asked[1:3]]
    for x in twin:
        x[:, 5] = x[:, UNIT]
    asked = asked._replace(
        train=asked.train._replace(x=twin[0]), test=asked.test._replace(x=twin[1])
    )
    assert without(asked, [UNIT]) > 0.88


def test_nothing_is_left_when_all_are_dropped():
    assert without(contest(), list(range(12))) is None


def test_random_neurons_are_chance_unless_they_meet_the_one():
    found = random_neurons(contest(), 1, 30)
    assert 0.45 < found.low < 0.55
    assert found.mean < 0.65
    assert random_neurons(contest(), 12, 3).low > 0.88
    assert random_neurons(contest(), 99, 2) == random_neurons(contest(), 12, 2)


def test_label_efficiency_rises_to_the_whole_and_names_its_counts():
    train, test = rows(60, 1, strength=0.0), rows(400, 2, strength=0.0)
    for each in (train, test):  # Every column knows a little.
        each.x[:] += 0.8 * (each.labels[:, None] - 0.5)
    asked = contest(C=1.0)._replace(train=train, test=test)
    whole = asked.on(range(12))
    curve = label_efficiency(asked, whole, draws=2)
    assert [point.labels for point in curve] == [10, 30, 60]
    assert [point.draws for point in curve] == [2, 2, 1]
    assert curve[-1].score == (whole, whole, whole)
    assert 0.5 < curve[0].score.mean < curve[1].score.mean < whole
    assert all(point.score.low <= point.score.mean for point in curve)
    assert label_efficiency(asked, whole, draws=2) == curve


def test_many_labels_take_the_C_of_the_whole_by_a_rule(monkeypatch):
    monkeypatch.setattr("tfsent.transfer.neuron.CHOSEN_WITHIN", 10)
    tried = []

    def spy(x, outputs, C, seed):
        tried.append((len(x), C))
        return fit(x, outputs, C, seed)

    monkeypatch.setattr("tfsent.transfer.neuron.fit", spy)
    label_efficiency(contest(train=120, C=0.25), 0.9, draws=1)
    assert tried[1:] == [
        (30, pytest.approx(0.25 * 2.0)),
        (100, pytest.approx(0.25 * np.sqrt(1.2))),
    ]


def test_drawn_texts_have_the_proportions_of_their_classes():
    labels = np.asarray([0] * 60 + [1] * 35 + [2] * 5)
    drawn = draw_texts(labels, 20, np.random.default_rng(0))
    assert len(set(drawn)) == 20
    assert np.bincount(labels[drawn]).tolist() == [12, 7, 1]
    few = draw_texts(np.asarray([0] * 999 + [1]), 10, np.random.default_rng(0))
    assert len(few) == 10
    assert 999 in few


def test_each_C_has_its_score_and_top_neuron():
    asked = contest()
    for val in (rows(50, 7), None):
        choice = Selection("binary", asked.train, val, "f1", 0).choose()
        scaling = Scaling.of(asked.train.x, standardize=False)
        found = at_each_C(asked, choice, scaling)
        assert [each.C for each in found] == [2.0**k for k in range(-8, 1)]
        assert {each.top_column for each in found} == {UNIT}
        used = [each.features_used for each in found]
        assert used[0] <= 1 < used[-1]
        assert found[4].score == asked.on(range(12)) or found[4].C != 0.25


@pytest.mark.parametrize("sign", [1, -1])
def test_neuron_decides_where_its_classifier_does(sign):
    features, labels = planted(300, 5, 0)
    values = (0.02 * sign * features[:, UNIT] + 4).astype(np.float32)
    scaling = Scaling.of(values[:, None])
    alone = fit(scaling.apply(values[:, None]), labels[:, None], 1.0, 0)
    part = Part(1, "hidden", "max")
    found = describe_neuron(8, part, 3, alone, scaling, values, labels)
    assert found[:6] == (8, 1, "hidden", "max", 3, sign)
    positive = sign * (values.astype(np.float64) - found.threshold) > 0
    scores = scaling.fold(alone).scores(values[:, None].astype(np.float64))
    np.testing.assert_array_equal(positive, scores[:, 0] > 0)
    within = np.mean(np.abs(values - found.threshold) <= found.limit)
    assert within == pytest.approx(0.99, abs=0.01)


def test_neuron_without_a_weight_decides_between_the_classes():
    values = np.asarray([1.0, 3.0, 6.0, 8.0])
    labels = np.asarray([1, 1, 0, 0])
    none = Fit(np.zeros((1, 1)), np.zeros(1))
    scaling = Scaling.of(values[:, None])
    found = describe_neuron(
        0, Part(0, "cell", "last"), 0, none, scaling, values, labels
    )
    assert (found.sign, found.threshold) == (-1, 4.5)


def test_neuron_that_never_moves_has_a_limit_above_zero():
    values = np.full(6, 0.5)
    labels = np.asarray([0, 1] * 3)
    none = Fit(np.zeros((1, 1)), np.zeros(1))
    scaling = Scaling.of(values[:, None])
    found = describe_neuron(
        0, Part(0, "cell", "last"), 0, none, scaling, values, labels
    )
    assert (found.threshold, found.limit) == (0.5, 1.0)
