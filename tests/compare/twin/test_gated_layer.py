import copy
import pickle

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compare.twin.language_model import CELLS  # noqa: E402

B, T, E, H = 2, 5, 3, 7
CASES = [
    (cell, gate)
    for cell in ("mlstm", "lstm", "gru")
    for gate in ("hard_sigmoid", "steep_sigmoid")
]


@pytest.mark.parametrize("cell", ["mlstm", "lstm", "gru"])
def test_the_sigmoid_keeps_the_equations_of_the_class(cell):
    layer = CELLS[cell](E, H, gate_activation="sigmoid")
    assert layer.equations is type(layer).equations
    assert layer.equations_of("sigmoid") is layer.equations


@pytest.mark.parametrize(("cell", "gate"), CASES)
def test_a_copy_computes_the_same(cell, gate):
    layer = CELLS[cell](E, H, weight_norm=False, gate_activation=gate)
    x_BTE = torch.from_numpy(np.random.default_rng(0).normal(size=(B, T, E))).float()
    expected, _ = layer(x_BTE)
    for again in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(again(x_BTE)[0], expected)


@pytest.mark.parametrize(("cell", "gate"), CASES)
def test_states_without_a_gradient_are_those_of_the_layer(cell, gate):
    layer = CELLS[cell](E, H, weight_norm=False, gate_activation=gate).double()
    x_TBE = torch.from_numpy(np.random.default_rng(0).normal(size=(T, B, E)))
    h_TBH, _ = layer.run(layer.project(x_TBE), layer.zero_state(B))
    with torch.no_grad():
        again_TBH, *_ = layer.states(layer.project(x_TBE), layer.zero_state(B))
    np.testing.assert_allclose(again_TBH, h_TBH.detach(), rtol=1e-12)


@pytest.mark.parametrize("cell", ["mlstm", "lstm", "gru"])
def test_an_unknown_activation_is_refused(cell):
    with pytest.raises(ValueError, match="gate_activation is 'tanh'; one of sigmoid, "):
        CELLS[cell](E, H, gate_activation="tanh")
