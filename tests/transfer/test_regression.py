"""The L1 regression: its optimum, its scaling, its choice of C."""

import numpy as np
import pytest

from tests.transfer.planted import UNIT, planted
from tfsent.transfer import regression
from tfsent.transfer.regression import (
    Fit,
    Rows,
    Scaling,
    Selection,
    fit,
    top_columns,
)


def rows(count=120, width=9, seed=0, classes=2, **more):
    features, labels = planted(count, width, seed, classes=classes, **more)
    outputs = labels[:, None]
    if classes > 2:
        outputs = (outputs == np.arange(classes)).astype(np.int64)
    return Rows(features.astype(np.float64), labels, outputs)


def objective(found, data, C):
    sign = np.where(data.labels == 1, 1.0, -1.0)
    loss = np.logaddexp(0.0, -sign * found.scores(data.x)[:, 0]).sum()
    # The solver penalises the bias like a weight.
    return C * loss + np.abs(found.weights).sum() + np.abs(found.bias).sum()


@pytest.mark.parametrize("C", [2.0**-4, 1.0])
def test_no_small_step_lowers_the_objective(C):
    data = rows(strength=1.0)
    found = fit(data.x, data.outputs, C, seed=0)
    least = objective(found, data, C)
    for column in range(data.x.shape[1]):
        for step in (-1e-2, 1e-2):
            weights = found.weights.copy()
            weights[column] += step
            assert objective(Fit(weights, found.bias), data, C) > least - 1e-4
    assert objective(found._replace(weights=0 * found.weights), data, C) > least


def test_penalty_leaves_the_planted_column_alone():
    data = rows()
    found = fit(data.x, data.outputs, 2.0**-4, seed=0)
    assert np.flatnonzero(found.weights[:, 0]).tolist() == [UNIT]
    assert found.used == 1


def test_fit_is_the_same_every_time():
    data = rows(strength=1.0)
    first, second = (fit(data.x, data.outputs, 1.0, seed=3) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)


def test_an_output_of_one_value_has_a_bias_that_says_so():
    data = rows(classes=3)
    outputs = data.outputs.copy()
    outputs[:, 1] = 0
    found = fit(data.x, outputs, 1.0, seed=0)
    assert not found.weights[:, 1].any()
    assert found.bias[1] < -4
    assert found.weights[:, 0].any()


def test_scaled_features_have_mean_zero_and_deviation_one():
    features, _ = planted(50, 6, 0)
    features = 7.0 + 0.01 * features
    scaled = Scaling.of(features).apply(features)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.3])
def test_a_constant_column_becomes_zero(value):
    features, labels = planted(50, 6, 0)
    features[:, 2] = value
    features[::2, 2] *= 1 + 1e-7  # Rounding.
    scaling = Scaling.of(features)
    assert not scaling.apply(features)[:, 2].any()
    found = fit(scaling.apply(features), labels[:, None], 1.0, seed=0)
    folded = scaling.fold(found)
    assert np.isfinite(folded.weights).all()
    assert folded.weights[2] == 0
    assert scaling.importance(found)[2] == 0


def test_folded_weights_say_the_same_of_raw_features():
    features, labels = planted(80, 6, 1, strength=1.0)
    features = 5.0 + 0.02 * features
    scaling = Scaling.of(features)
    scaled = scaling.apply(features)
    found = fit(scaled, labels[:, None], 1.0, seed=0)
    raw = scaling.fold(found).scores(features.astype(np.float64))
    np.testing.assert_allclose(raw, found.scores(scaled), atol=1e-9)


def test_without_standardising_features_are_left_alone():
    features, labels = planted(80, 6, 1)
    scaling = Scaling.of(features, standardize=False)
    np.testing.assert_array_equal(scaling.apply(features), features)
    found = fit(features, labels[:, None], 1.0, seed=0)
    np.testing.assert_array_equal(scaling.fold(found).weights, found.weights)
    importance = scaling.importance(found)[:, 0]
    np.testing.assert_allclose(importance, found.weights[:, 0] * features.std(axis=0))


def test_features_that_are_not_finite_are_refused():
    features, _ = planted(20, 6, 1)
    features[3, 4] = np.nan
    with pytest.raises(ValueError, match="column 4"):
        Scaling.of(features)


def test_best_C_is_that_of_the_validation_rows():
    train, val = rows(60, 40, strength=1.5), rows(300, 40, seed=9, strength=1.5)
    choice = Selection("binary", train, val, "f1", 0).choose()
    assert [tried.C for tried in choice.tried] == [2.0**k for k in range(-8, 1)]
    for tried in choice.tried:
        right = (tried.fit.scores(val.x)[:, 0] > 0) == (val.labels == 1)
        assert tried.score == right.mean()
    scores = [tried.score for tried in choice.tried]
    assert choice.best is choice.tried[int(np.argmax(scores))]
    assert scores[0] < max(scores) > scores[-1]  # Neither end is the best.


def test_of_equal_C_the_smallest_is_taken():
    choice = Selection(
        "binary", rows(80, 5, strength=20.0), rows(40, 5, 4, strength=20.0), "f1", 0
    ).choose()
    assert {tried.score for tried in choice.tried[:5]} == {1.0}
    assert choice.best.C == 2.0**-8


def test_without_validation_every_row_is_judged_by_a_fit_that_did_not_see_it():
    data = rows(43, 5)
    selection = Selection("binary", data, None, "f1", 0)
    assert selection.how == "cross-validation in 5 folds"
    seen = np.concatenate([outside for _, outside in selection.folds])
    assert sorted(seen) == list(range(43))
    for inside, outside in selection.folds:
        assert not set(inside) & set(outside)
        share = data.labels[outside].mean()
        assert share == pytest.approx(data.labels.mean(), abs=0.1)
    assert selection.choose().best.score > 0.8


def test_labels_of_noise_have_no_cross_validated_accuracy():
    data = rows(200, 40)
    random = np.random.default_rng(5).integers(0, 2, 200)
    data = data._replace(labels=random, outputs=random[:, None])
    found = Selection("binary", data, None, "f1", 0).attempt(1.0)
    assert found.score < 0.6
    inside = fit(data.x, data.outputs, 1.0, 0)
    assert ((inside.scores(data.x)[:, 0] > 0) == random).mean() > 0.65


def test_a_class_of_one_text_cannot_be_cross_validated():
    data = rows(20, 5)
    labels = (np.arange(20) == 4).astype(np.int64)
    data = data._replace(labels=labels, outputs=labels[:, None])
    with pytest.raises(ValueError, match="a class of one text"):
        Selection("binary", data, None, "f1", 0)


def test_many_rows_try_every_other_C_then_the_neighbours(monkeypatch):
    train, val = rows(60, 40, strength=1.5), rows(300, 40, seed=9, strength=1.5)
    every = Selection("binary", train, val, "f1", 0).choose()
    monkeypatch.setattr(regression, "FULL_CELLS", 10)
    few = Selection("binary", train, val, "f1", 0).choose()
    exponents = [int(np.log2(tried.C)) for tried in few.tried]
    assert exponents == sorted(exponents)
    best = int(np.log2(few.best.C))
    assert {best - 1, best, best + 1} & set(range(-8, 1)) <= set(exponents)
    assert {-8, -6, -4} <= set(exponents)
    assert len(few.tried) < len(every.tried)
    folds = Selection("binary", train, None, "f1", 0)
    assert folds.how == "one fifth of the training texts"
    assert len(folds.folds) == 1


def test_thresholds_of_several_labels_are_tuned_on_validation_rows():
    random = np.random.default_rng(0)
    x = random.standard_normal((400, 6))
    outputs = (x[:, :3] + random.standard_normal((400, 3)) > [0, 1.5, 2]).astype(int)
    data = Rows(x, outputs, outputs)
    selection = Selection("multilabel", data.take(np.arange(200)), None, "f1", 0)
    tuned = selection.attempt(1.0)
    assert tuned.thresholds[2] < 0.45
    plain = Selection("multilabel", selection.train, None, "mcc", 0).attempt(1.0)
    assert plain.score != tuned.score


def test_several_classes_are_told_apart_one_against_the_rest():
    data = rows(300, 6, classes=3, strength=4.0)
    found = Selection("multiclass", data, rows(300, 6, 8, 3, strength=4.0), "f1", 0)
    assert found.choose().best.score > 0.85


def test_top_columns_are_those_of_the_largest_weights():
    importance = np.asarray([[0.1, 0], [0, -0.5], [0.3, 0.3], [0, 0]])
    assert top_columns(importance, rows(20, 4, column=3), 3) == [2, 1, 0]


def test_without_weights_the_column_that_correlates_most_is_the_top():
    data = rows(100, 6)
    assert top_columns(np.zeros((6, 1)), data, 2)[0] == UNIT
    importance = np.zeros((6, 1))
    importance[1] = 0.2
    assert top_columns(importance, data, 2) == [1, UNIT]
