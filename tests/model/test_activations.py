import keras
import numpy as np
import pytest

from tests.reference_rnn import GATES
from tests.tolerances import ACTIVATION_F32, FINITE_DIFFERENCE_F64
from tfsent.model.activations import (
    GATE_ACTIVATIONS,
    gate_of,
    hard_sigmoid,
    steep_sigmoid,
)

# The kinks of the hard one, at -2.5 and 2.5, are no points.
POINTS = np.linspace(-6.0, 6.0, 42)
each = pytest.mark.parametrize("name", GATE_ACTIVATIONS)


@each
def test_values_are_those_of_the_equations(name):
    forward, _ = GATES[name]
    found = gate_of(name).forward(keras.ops.convert_to_tensor(POINTS, "float32"))
    assert np.abs(found - forward(POINTS)).max() < ACTIVATION_F32.value


@each
def test_the_gradient_from_the_value_equals_central_differences(name):
    forward, _ = GATES[name]
    slope = (forward(POINTS + 1e-5) - forward(POINTS - 1e-5)) / 2e-5
    dout = np.cos(POINTS)
    found = gate_of(name).backward(dout, keras.ops.convert_to_tensor(forward(POINTS)))
    assert np.abs(found - dout * slope).max() < FINITE_DIFFERENCE_F64.value


def test_the_hard_sigmoid_is_flat_from_its_kinks_on():
    x = np.array([-9.0, -2.5, 0.0, 1.0, 2.5, 9.0], "float32")
    values = hard_sigmoid(keras.ops.convert_to_tensor(x))
    np.testing.assert_allclose(values, [0.0, 0.0, 0.5, 0.7, 1.0, 1.0], rtol=1e-6)
    slope = gate_of("hard_sigmoid").backward(keras.ops.ones_like(values), values)
    np.testing.assert_array_equal(slope, np.float32([0, 0, 0.2, 0.2, 0, 0]))


@pytest.mark.parametrize("function", [hard_sigmoid, steep_sigmoid])
def test_a_model_that_uses_one_survives_its_file(function, tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(5, activation=function)(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.layers[1].activation is function
    x = np.linspace(-9, 9, 6, dtype="float32").reshape(2, 3)
    np.testing.assert_array_equal(again(x), model(x))


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="gate_activation is 'relu'; one of sigmoid, "):
        gate_of("relu")
