import keras
import numpy as np
import pytest

from tests.tolerances import CELL_F32
from tfsent.model import GRU, LSTM, MultiplicativeLSTM

B, T, E, H = 2, 6, 3, 7
LAYERS = [MultiplicativeLSTM, LSTM, GRU]
GATES = ["hard_sigmoid", "steep_sigmoid"]


def random_input():
    return np.random.default_rng(0).normal(size=(B, T, E)).astype("float32")


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("layer_type", LAYERS)
def test_a_model_survives_its_file(layer_type, gate, tmp_path):
    inputs = keras.Input((None, E))
    layer = layer_type(H, gate_activation=gate)
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.layers[1].gate_activation == gate
    assert again.layers[1].get_config() == layer.get_config()
    np.testing.assert_array_equal(again(random_input()), model(random_input()))


@pytest.mark.parametrize("layer_type", LAYERS)
def test_a_file_from_before_there_was_a_choice_has_the_sigmoid(layer_type):
    config = layer_type(H).get_config()
    assert config.pop("gate_activation") == "sigmoid"
    assert layer_type.from_config(config).gate_activation == "sigmoid"


@pytest.mark.parametrize("layer_type", LAYERS)
def test_the_sigmoid_keeps_the_equations_of_the_class(layer_type):
    assert layer_type(H, gate_activation="sigmoid").equations is layer_type.equations
    assert layer_type.equations_of("sigmoid") is layer_type.equations


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("layer_type", LAYERS)
def test_layers_of_one_activation_share_their_compiled_equations(layer_type, gate):
    one, other = (layer_type(H, gate_activation=gate) for _ in range(2))
    # Equal ones are one entry of the cache of compiled programs.
    assert one.equations == other.equations
    assert hash(one.equations) == hash(other.equations)
    assert one.equations != layer_type.equations


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("layer_type", LAYERS)
def test_states_pooled_over_time_are_those_of_the_layer(layer_type, gate):
    layer = layer_type(H, gate_activation=gate, return_sequences=True)
    x_BTE = random_input()
    h_BTH = np.array(layer(x_BTE))
    weights = layer.effective()
    (max_THB,), _ = layer.pooled(
        layer.project(keras.ops.convert_to_tensor(x_BTE), weights),
        weights,
        layer.zero_state(B),
        keras.ops.zeros((B, T), "bool"),
        [(0, "max")],
    )
    difference = np.array(max_THB)[-1].T - h_BTH.max(axis=1)
    assert np.abs(difference).max() <= CELL_F32.value


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_computes_in_half_and_stays_close(policy):
    layers = [
        LSTM(H, gate_activation="hard_sigmoid", return_sequences=True, dtype=dtype)
        for dtype in ("float32", policy)
    ]
    for layer in layers:
        layer.build((B, T, E))
    layers[1].set_weights(layers[0].get_weights())
    wide, half = (np.array(layer(random_input()), "f4") for layer in layers)
    assert 0 < np.abs(wide - half).max() < 2e-2


@pytest.mark.parametrize("layer_type", LAYERS)
def test_an_unknown_activation_is_refused(layer_type):
    with pytest.raises(ValueError, match="gate_activation is 'tanh'; one of sigmoid, "):
        layer_type(H, gate_activation="tanh")
