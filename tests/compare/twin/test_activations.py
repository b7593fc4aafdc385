import numpy as np
import pytest

torch = pytest.importorskip("torch")

from compare.twin.activations import (  # noqa: E402
    GATE_ACTIVATIONS,
    gate_of,
    hard_sigmoid,
    steep_sigmoid,
)
from tests.reference_rnn import GATES  # noqa: E402
from tests.tolerances import ACTIVATION_F64, FINITE_DIFFERENCE_F64  # noqa: E402

# The kinks of the hard one, at -2.5 and 2.5, are no points.
POINTS = np.linspace(-6.0, 6.0, 42)
each = pytest.mark.parametrize("name", GATE_ACTIVATIONS)


@each
def test_values_are_those_of_the_equations(name):
    forward, _ = GATES[name]
    x = torch.from_numpy(POINTS)
    found = gate_of(name).forward(x, torch.empty_like(x))
    assert np.abs(found.numpy() - forward(POINTS)).max() < ACTIVATION_F64.value


@each
def test_the_gradient_from_the_value_equals_central_differences(name):
    forward, _ = GATES[name]
    slope = (forward(POINTS + 1e-5) - forward(POINTS - 1e-5)) / 2e-5
    dout = np.cos(POINTS)
    tensors = torch.from_numpy(dout), torch.from_numpy(forward(POINTS))
    place = torch.empty(len(POINTS), dtype=torch.float64)
    for found in (
        gate_of(name).backward(*tensors),
        gate_of(name).backward(*tensors, place),
    ):
        error = np.abs(found.numpy() - dout * slope).max()
        assert error < FINITE_DIFFERENCE_F64.value
    assert torch.equal(place, found)


@pytest.mark.parametrize("function", [hard_sigmoid, steep_sigmoid])
def test_functions_have_the_values_and_slopes_of_the_gates(function):
    gate = gate_of(function.__name__)
    x = torch.from_numpy(POINTS).requires_grad_()
    values = function(x)
    values.backward(torch.ones_like(x))
    a = gate.forward(x.detach(), torch.empty_like(x))
    assert (values - a).abs().max() < ACTIVATION_F64.value
    slope = gate.backward(torch.ones_like(a), a)
    assert (x.grad - slope).abs().max() < ACTIVATION_F64.value


def test_the_hard_sigmoid_is_flat_from_its_kinks_on():
    x = torch.tensor([-9.0, -2.5, 0.0, 1.0, 2.5, 9.0])
    gate = gate_of("hard_sigmoid")
    values = gate.forward(x, torch.empty_like(x))
    np.testing.assert_allclose(values, [0.0, 0.0, 0.5, 0.7, 1.0, 1.0], rtol=1e-6)
    slope = gate.backward(torch.ones_like(values), values)
    np.testing.assert_array_equal(slope, np.float32([0, 0, 0.2, 0.2, 0, 0]))


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="gate_activation is 'relu'; one of sigmoid, "):
        gate_of("relu")
