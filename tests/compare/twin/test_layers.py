"""Every cell of the twin against the float64 equations: values, states, gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compare.twin import recurrence  # noqa: E402
from compare.twin.language_model import CELLS  # noqa: E402
from tests import reference_rnn, tolerances  # noqa: E402

B, T, E, H = 2, 5, 3, 7
# For each block of rows in the twin the block of columns in the reference.
BLOCKS = {"mlstm": (0, 1, 3, 2), "lstm": (0, 1, 3, 2), "gru": (1, 0, 2)}
CASES = [
    (cell, norm, "sigmoid") for cell in reference_rnn.CELLS for norm in (False, True)
] + [
    (cell, True, gate)
    for cell in ("mlstm", "lstm", "gru")
    for gate in ("hard_sigmoid", "steep_sigmoid")
]
MASK = np.array([[1, 1, 0, 1, 1], [0, 1, 0, 1, 0]], bool)
RESET = np.array([[0, 0, 1, 0, 1], [1, 0, 1, 0, 0]], bool)


def to_twin(cell, array):
    """Return a weight of the reference as the twin holds it: [out, in], its blocks."""
    array = np.asarray(array).T
    blocks = BLOCKS.get(cell, (0,))
    if len(array) != len(blocks) * (H if len(array) % H == 0 else 1):
        return array
    parts = np.split(array, len(blocks))
    return np.concatenate([parts[k] for k in blocks])


def inputs_of(cell, weight_norm, seed=0):
    """Return random weights by the reference's names, and inputs and gradients."""
    rng = np.random.default_rng(seed)
    g = len(BLOCKS.get(cell, (0,))) * H
    shapes = {"wx": (E, g), "wh": (H, g), "b": (g,)}
    if cell == "mlstm":
        shapes |= {"wmx": (E, H), "wmh": (H, H)}
    if cell == "gru":
        shapes |= {"bh": (g,)}
    if weight_norm:
        gains = {n: g for n, g in reference_rnn.GAINS.items() if n in shapes}
        shapes |= {gain: shapes[n][1:] for n, gain in gains.items()}
    weights = {n: rng.normal(size=s) * 0.5 for n, s in shapes.items()}
    given = {n: rng.normal(size=(B, H)) for n in ("h0", "c0", "dh_last", "dc_last")}
    given |= {"x": rng.normal(size=(B, T, E)), "dh": rng.normal(size=(B, T, H))}
    return weights, given


def named_parameters(layer):
    """Return the parameters under the reference's names."""
    named = {}
    for name, parameter in layer.named_parameters():
        _, _, name = name.rpartition("parametrizations.")
        name, _, part = name.partition(".")
        named[reference_rnn.GAINS[name] if part == "original0" else name] = parameter
    return named


def make(cell, weights, dtype, **options):
    """Return a layer of the twin with the weights of the reference."""
    layer = CELLS[cell](E, H, weight_norm="gx" in weights, **options).to(dtype)
    parameters = named_parameters(layer)
    assert parameters.keys() == weights.keys()
    for name, parameter in parameters.items():
        value = torch.from_numpy(to_twin(cell, weights[name]))
        parameter.data.copy_(value.reshape(parameter.shape))
    return layer


def compute(cell, weights, given, dtype, flags, **options):
    """Return outputs, states and all gradients of the twin by the reference's names."""
    layer = make(cell, weights, dtype, **options)
    n = layer.equations.num_states
    given = {k: torch.from_numpy(v).to(dtype) for k, v in given.items()}
    inputs = {k: given[k].requires_grad_() for k in ("x", "h0", "c0")[: 1 + n]}
    state = tuple(inputs.values())[1:]
    h_BTH, last = layer(inputs["x"], state, *map(torch.from_numpy, flags.values()))
    upstream = [given[k] for k in ("dh", "dh_last", "dc_last")[: 1 + n]]
    torch.autograd.backward([h_BTH, *last], upstream)
    result = dict(zip(("h", "h_last", "c_last"), (h_BTH, *last), strict=False))
    result |= {f"d/{k}": v.grad for k, v in inputs.items()}
    result |= {f"d/{k}": v.grad for k, v in named_parameters(layer).items()}
    return {k: v.detach().double().numpy() for k, v in result.items()}


def truth(cell, weights, given, flags, gate="sigmoid"):
    """Return the same of the float64 equations, in the twin's layout."""
    has_c = cell in ("mlstm", "lstm")
    c0, dc_last = (given["c0"], given["dc_last"]) if has_c else (None, None)
    h, h_last, c_last = reference_rnn.forward(
        cell, weights, given["x"], given["h0"], c0, **flags, gate=gate
    )
    grads = reference_rnn.gradients(
        cell, weights, given["x"], given["h0"], c0, given["dh"], given["dh_last"],
        dc_last, **flags, gate=gate,
    )  # fmt: skip
    grads |= {n: to_twin(cell, grads[n]) for n in weights}
    result = {"h": h, "h_last": h_last} | ({"c_last": c_last} if has_c else {})
    return result | {f"d/{n}": g for n, g in grads.items()}


def worst(result, expected):
    """Return the largest error of any tensor, relative to its own largest value."""
    assert result.keys() == expected.keys()
    # Not max(): it passes over NaN.
    return np.max(
        [
            np.abs(result[n].reshape(e.shape) - e).max() / np.abs(e).max()
            for n, e in expected.items()
        ]
    )


def flags_of(masked):
    return {"reset_BT": RESET, "mask_BT": MASK} if masked else {}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("cell", "norm", "gate"), CASES)
def test_values_and_gradients_equal_the_float64_equations(
    cell, norm, gate, dtype, masked
):
    weights, given = inputs_of(cell, norm)
    flags = flags_of(masked)
    options = {} if gate == "sigmoid" else {"gate_activation": gate}
    error = worst(
        compute(cell, weights, given, dtype, flags, **options),
        truth(cell, weights, given, flags, gate),
    )
    tolerance = {
        torch.float32: tolerances.GRADIENT_F32,
        torch.float64: tolerances.TWIN_F64,
    }[dtype]
    assert error <= tolerance.value


@pytest.mark.parametrize("cell", reference_rnn.CELLS)
def test_steps_taken_in_portions_give_the_same_gradients(cell, monkeypatch):
    weights, given = inputs_of(cell, weight_norm=True)
    whole = compute(cell, weights, given, torch.float64, flags_of(True))
    # Two steps at once, so that the window of five has two borders.
    columns = len(BLOCKS.get(cell, (0,))) * H
    monkeypatch.setattr(recurrence, "_SLOPES_AT_ONCE", 2 * B * columns)
    portions = compute(cell, weights, given, torch.float64, flags_of(True))
    for name, value in whole.items():
        np.testing.assert_array_equal(portions[name], value)


@pytest.mark.parametrize("cell", reference_rnn.CELLS)
def test_evaluation_gives_the_same_as_training(cell):
    weights, given = inputs_of(cell, weight_norm=True)
    layer = make(cell, weights, torch.float32)
    x_BTE = torch.from_numpy(given["x"]).float()
    flags = [torch.from_numpy(flag) for flag in (RESET, MASK)]
    trained, last = layer(x_BTE, None, *flags)
    with torch.no_grad():
        evaluated, also_last = layer(x_BTE, None, *flags)
    # Not bit for bit: the ends of rows that are no whole vector round otherwise.
    for one, other in zip((trained, *last), (evaluated, *also_last), strict=True):
        assert (one - other).abs().max() <= tolerances.CELL_F32.value


def test_a_layer_without_width_is_refused():
    with pytest.raises(ValueError, match="units is 0; at least 1"):
        CELLS["lstm"](E, 0)
