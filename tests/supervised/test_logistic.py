"""The regression: its optimum, its ratios, its outputs without two values."""

import numpy as np
import pytest
from scipy import sparse

from tests.tolerances import LOGISTIC_OPTIMUM_F64
from tests.transfer.planted import UNIT, planted
from tfsent.supervised import logistic
from tfsent.supervised.logistic import Regression


def rows(count=90, width=7, strength=1.0):
    features, labels = planted(count, width, 0, strength=strength)
    return features.astype(np.float64), labels[:, None]


def gradient(fit, x, outputs, C, penalised_bias, weight=1.0):
    """Return the gradient of the objective, by weight and bias, over C."""
    probability = 1 / (1 + np.exp(-fit.scores(x)))
    residual = weight * (probability - outputs)
    by_weight = x.T @ residual + fit.weights / C
    by_bias = residual.sum(0) + penalised_bias * fit.bias / C
    return np.concatenate([by_weight.ravel(), by_bias])


@pytest.mark.parametrize("C", [0.25, 4.0])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_the_objective_is_flat_where_the_weights_are(make, C):
    x, outputs = rows()
    found, converged = Regression(seed=1).fit(make(x), outputs, C)
    slope = gradient(found, x, outputs, C, penalised_bias=make is not np.asarray)
    assert converged
    assert np.abs(slope).max() <= LOGISTIC_OPTIMUM_F64.value


def test_balanced_classes_count_the_same():
    x, outputs = rows(120)
    few = np.r_[np.flatnonzero(outputs == 0), np.flatnonzero(outputs == 1)[:9]]
    x, outputs = x[few], outputs[few]
    ones = outputs.mean()
    weight = np.where(outputs == 1, 0.5 / ones, 0.5 / (1 - ones))
    found, _ = Regression(balanced=True).fit(x, outputs, 1.0)
    slope = gradient(found, x, outputs, 1.0, penalised_bias=False, weight=weight)
    assert np.abs(slope).max() <= LOGISTIC_OPTIMUM_F64.value


def test_absolute_values_leave_the_planted_column_alone():
    x, outputs = rows(strength=3.0)
    for make in (np.asarray, sparse.csr_matrix):
        found, _ = Regression("l1").fit(make(x), outputs, 0.06)
        assert np.flatnonzero(found.weights[:, 0]).tolist() == [UNIT]


def test_ratios_scale_columns_and_come_back_in_the_weights():
    x, outputs = rows()
    two = np.concatenate([outputs, 1 - outputs], axis=1)
    ratios = np.random.default_rng(3).standard_normal((x.shape[1], 2))
    found, _ = Regression().fit(sparse.csr_matrix(x), two, 1.0, ratios)
    for k in range(2):
        scaled = sparse.csr_matrix(x * ratios[:, k])
        alone, _ = Regression().fit(scaled, two[:, k : k + 1], 1.0)
        np.testing.assert_allclose(
            found.weights[:, k], alone.weights[:, 0] * ratios[:, k], rtol=1e-9
        )


def test_an_output_of_one_value_has_a_bias_that_says_so():
    x, outputs = rows()
    outputs = np.concatenate([0 * outputs, outputs], axis=1)
    found, converged = Regression().fit(x, outputs, 1.0)
    assert not found.weights[:, 0].any()
    assert found.bias[0] < -4
    assert found.weights[:, 1].any()
    assert converged


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_a_solver_that_stops_early_is_told(monkeypatch, make):
    monkeypatch.setattr(logistic, "_MAX_ITERATIONS", 2)
    monkeypatch.setattr(logistic, "_DUAL_ITERATIONS", 2)
    x, outputs = rows()
    assert not Regression().fit(make(x), outputs, 64.0).converged


def test_where_one_solver_comes_to_no_end_another_does(monkeypatch):
    monkeypatch.setattr(logistic, "_DUAL_ITERATIONS", 1)
    x, outputs = rows()
    found, converged = Regression().fit(sparse.csr_matrix(x), outputs, 4.0)
    slope = gradient(found, x, outputs, 4.0, penalised_bias=True)
    assert converged
    assert np.abs(slope).max() <= LOGISTIC_OPTIMUM_F64.value


def test_the_seed_decides_the_last_bits():
    x, outputs = rows()
    one, same, other = (
        Regression(seed=seed).fit(sparse.csr_matrix(x), outputs, 4.0).fit.weights
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
