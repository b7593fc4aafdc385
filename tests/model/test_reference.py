"""The NumPy reference is held to central differences and to hand-worked facts."""

import numpy as np
import pytest

from tests import reference_rnn as reference
from tests.tolerances import FINITE_DIFFERENCE_F64

B, T, E, H = 2, 5, 3, 4
COLUMNS = {"mlstm": 4 * H, "lstm": 4 * H, "gru": 3 * H, "tanh": H, "relu": H}
RESET_BT = np.array([[1, 0, 0, 1, 0], [0, 0, 1, 0, 0]], dtype=bool)
MASK_BT = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 1]], dtype=bool)


def make_weights(cell, rng, weight_norm=False):
    columns = COLUMNS[cell]
    shapes = {"wx": (E, columns), "wh": (H, columns), "b": (columns,)}
    if cell == "mlstm":
        shapes |= {"wmx": (E, H), "wmh": (H, H)}
    if cell == "gru":
        shapes |= {"bh": (columns,)}
    if weight_norm:
        gains = {k: v for k, v in reference.GAINS.items() if k in shapes}
        shapes |= {gain: (shapes[matrix][1],) for matrix, gain in gains.items()}
    weights = {name: rng.normal(0.0, 0.7, shape) for name, shape in shapes.items()}
    if cell == "relu":
        weights["b"] += 1.0  # Without it two thirds of the units are dead.
    return weights


def central_difference(loss, array, step=1e-5):
    slope = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + step
        above = loss()
        array[index] = kept - step
        slope[index] = (above - loss()) / (2 * step)
        array[index] = kept
    return slope


def worst_error(got, loss, arrays):
    return max(
        np.abs(got[name] - central_difference(loss, array)).max()
        for name, array in arrays.items()
    )


def hold_to_central_differences(cell, masks, weight_norm, gate="sigmoid"):
    rng = np.random.default_rng(3)
    weights = make_weights(cell, rng, weight_norm)
    has_c = cell in ("mlstm", "lstm")
    x_BTE, h0 = rng.normal(size=(B, T, E)), rng.normal(size=(B, H))
    c0 = rng.normal(size=(B, H)) if has_c else None
    dh_BTH, dh_last = rng.normal(size=(B, T, H)), rng.normal(size=(B, H))
    dc_last = rng.normal(size=(B, H)) if has_c else None
    reset_BT = RESET_BT if masks in ("reset", "both") else None
    mask_BT = MASK_BT if masks in ("mask", "both") else None

    def loss():
        h_BTH, h_last, c_last = reference.forward(
            cell, weights, x_BTE, h0, c0, reset_BT, mask_BT, gate
        )
        total = (dh_BTH * h_BTH).sum() + (dh_last * h_last).sum()
        return total + (dc_last * c_last).sum() if has_c else total

    got = reference.gradients(
        cell, weights, x_BTE, h0, c0, dh_BTH, dh_last, dc_last, reset_BT, mask_BT, gate
    )
    arrays = weights | {"x": x_BTE, "h0": h0} | ({"c0": c0} if has_c else {})
    assert got.keys() == arrays.keys()
    assert worst_error(got, loss, arrays) < FINITE_DIFFERENCE_F64.value


@pytest.mark.parametrize("weight_norm", [False, True], ids=["plain", "weight_norm"])
@pytest.mark.parametrize("masks", ["none", "reset", "mask", "both"])
@pytest.mark.parametrize("cell", reference.CELLS)
def test_gradients_equal_central_differences(cell, masks, weight_norm):
    hold_to_central_differences(cell, masks, weight_norm)


@pytest.mark.parametrize("gate", ["hard_sigmoid", "steep_sigmoid"])
@pytest.mark.parametrize("cell", ["mlstm", "lstm", "gru"])
def test_gradients_of_other_gates_equal_central_differences(cell, gate):
    hold_to_central_differences(cell, "both", True, gate)


def test_gates_are_the_published_functions_at_points_worked_by_hand():
    x = np.array([-3.0, -2.0, 0.0, 1.0, 4.0])
    hard, hard_slope = reference.GATES["hard_sigmoid"]
    np.testing.assert_allclose(hard(x), [0.0, 0.1, 0.5, 0.7, 1.0], rtol=1e-14)
    np.testing.assert_array_equal(hard_slope(hard(x)), [0.0, 0.2, 0.2, 0.2, 0.0])
    steep, _ = reference.GATES["steep_sigmoid"]
    np.testing.assert_allclose(steep(x), 1 / (1 + np.exp(-3.75 * x)), rtol=1e-12)


@pytest.mark.parametrize("tied", [False, True], ids=["untied", "tied"])
def test_language_model_gradients_equal_central_differences(tied):
    rng = np.random.default_rng(4)
    bytes_BT1 = rng.integers(0, 7, size=(B, T + 1))
    width = H if tied else E
    weights = {"embedding/weight": rng.normal(size=(7, width))}
    weights |= {"output/bias": rng.normal(size=7)}
    if not tied:
        weights |= {"output/weight": rng.normal(size=(H, 7))}
    for k, fan_in in enumerate((width, H)):
        layer = make_weights("mlstm", rng, weight_norm=True)
        layer["wx"] = rng.normal(size=(fan_in, 4 * H))
        layer["wmx"] = rng.normal(size=(fan_in, H))
        weights |= {f"layers/{k}/{name}": value for name, value in layer.items()}
    states = [(rng.normal(size=(B, H)), rng.normal(size=(B, H))) for _ in range(2)]
    arguments = ("mlstm", weights, bytes_BT1, states, RESET_BT)
    got = reference.language_model_gradients(*arguments)
    assert got.keys() == weights.keys()
    error = worst_error(got, lambda: reference.language_model_loss(*arguments), weights)
    assert error < FINITE_DIFFERENCE_F64.value


def test_mlstm_step_is_the_published_equation_worked_by_hand():
    one = np.ones((1, 1))
    wx = np.array([[0.1, 0.2, 0.3, 0.4]])
    weights = {"wx": wx, "wh": 2 * wx, "wmx": 0.5 * one, "wmh": 3 * one}
    weights["b"] = np.array([0.0, 1.0, 0.0, -1.0])
    h_BTH, _, c_BH = reference.forward("mlstm", weights, one[None], 2 * one, 4 * one)
    # m = (1 * 0.5) * (2 * 3) = 3, so z = wx + 3 * 2 * wx + b = 7 wx + b, order i f o u.
    i, f, o = (1 / (1 + np.exp(-z)) for z in (0.7, 2.4, 2.1))
    c = f * 4 + i * np.tanh(1.8)
    np.testing.assert_allclose(c_BH, [[c]], rtol=1e-14)
    np.testing.assert_allclose(h_BTH, [[[o * np.tanh(c)]]], rtol=1e-14)


def test_gru_multiplies_the_reset_gate_after_the_recurrent_product():
    one = np.ones((1, 1))
    weights = {"wx": np.array([[0.1, 0.2, 0.3]]), "wh": np.array([[0.4, 0.5, 0.6]])}
    weights |= {"b": np.array([0.7, 0.8, 0.9]), "bh": np.array([1.0, 1.1, 1.2])}
    h_BTH, _, c_last = reference.forward("gru", weights, one[None], 2 * one)
    z = 1 / (1 + np.exp(-(0.1 + 0.7 + 0.8 + 1.0)))
    r = 1 / (1 + np.exp(-(0.2 + 0.8 + 1.0 + 1.1)))
    n = np.tanh(0.3 + 0.9 + r * (1.2 + 1.2))
    np.testing.assert_allclose(h_BTH, [[[z * 2 + (1 - z) * n]]], rtol=1e-14)
    assert c_last is None


@pytest.mark.parametrize("cell", reference.CELLS)
def test_reset_equals_a_fresh_start_of_that_lane_only(cell):
    rng = np.random.default_rng(5)
    weights, x_BTE = make_weights(cell, rng), rng.normal(size=(B, T, E))
    weights["wh"] = np.abs(weights["wh"])  # A relu unit at 0 forgets by itself.
    h0 = 1.0 + rng.random(size=(B, H))
    reset_BT = np.zeros((B, T), bool)
    reset_BT[1, 2] = True
    h_BTH, *_ = reference.forward(cell, weights, x_BTE, h0, h0, reset_BT)
    plain_BTH, *_ = reference.forward(cell, weights, x_BTE, h0, h0)
    fresh_BTH, *_ = reference.forward(cell, weights, x_BTE[:, 2:], 0 * h0)
    np.testing.assert_array_equal(h_BTH[0], plain_BTH[0])
    np.testing.assert_allclose(h_BTH[1, 2:], fresh_BTH[1], rtol=1e-13)
    assert np.abs(h_BTH[1, 2:] - plain_BTH[1, 2:]).max() > 1e-3


@pytest.mark.parametrize("cell", reference.CELLS)
def test_masked_steps_are_as_if_they_were_not_there(cell):
    rng = np.random.default_rng(6)
    weights, x_BTE = make_weights(cell, rng), rng.normal(size=(1, T, E))
    h0 = rng.normal(size=(1, H))
    mask_BT = np.array([[False, True, False, True, True]])
    h_BTH, h_last, c_last = reference.forward(
        cell, weights, x_BTE, h0, h0, mask_BT=mask_BT
    )
    short_BTH, h_short, c_short = reference.forward(
        cell, weights, x_BTE[:, mask_BT[0]], h0, h0
    )
    np.testing.assert_array_equal(h_BTH[:, 0], h0)
    np.testing.assert_array_equal(h_BTH[:, 2], h_BTH[:, 1])
    np.testing.assert_allclose(h_BTH[:, mask_BT[0]], short_BTH, rtol=1e-13)
    np.testing.assert_allclose(h_last, h_short, rtol=1e-13)
    if c_last is not None:
        np.testing.assert_allclose(c_last, c_short, rtol=1e-13)


def test_language_model_loss_of_an_even_guess_is_the_log_of_the_symbols():
    rng = np.random.default_rng(7)
    weights = {f"layers/0/{k}": v for k, v in make_weights("lstm", rng).items()}
    weights["embedding/weight"] = rng.normal(size=(256, E))
    weights |= {"output/weight": np.zeros((H, 256)), "output/bias": np.zeros(256)}
    bytes_BT1 = rng.integers(0, 256, size=(B, T + 1))
    loss = reference.language_model_loss("lstm", weights, bytes_BT1)
    assert loss == pytest.approx(np.log(256), rel=1e-14)
