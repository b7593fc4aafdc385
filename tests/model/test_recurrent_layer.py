import keras
import numpy as np
import pytest

from tests.tolerances import ORTHOGONAL_F32
from tfsent.model import GRU, LSTM, MultiplicativeLSTM, ReLURNN, TanhRNN

B, T, E, H = 2, 6, 3, 7
LAYERS = [MultiplicativeLSTM, LSTM, GRU, TanhRNN, ReLURNN]
each = pytest.mark.parametrize("layer_type", LAYERS)


def recurrent_blocks(layer_type, initializer):
    """Return every block of H columns of the recurrent matrices as they start."""
    layer = layer_type(H, recurrent_initializer=initializer)
    layer.build((None, None, E))
    return [
        block
        for weight in layer.recurrent
        for block in np.split(np.array(getattr(layer, weight.name)), weight.blocks, 1)
    ]


@each
def test_every_recurrent_block_may_start_as_the_identity(layer_type):
    for block in recurrent_blocks(layer_type, "identity"):
        np.testing.assert_array_equal(block, np.eye(H))


@each
def test_every_recurrent_block_may_start_orthogonal_and_scaled(layer_type):
    initializer = keras.initializers.Orthogonal(gain=1.1, seed=5)
    blocks = recurrent_blocks(layer_type, initializer)
    for k, block in enumerate(blocks):
        error = np.abs(block.T @ block - 1.1**2 * np.eye(H)).max()
        assert error < ORTHOGONAL_F32.value
        assert all(np.abs(block - other).max() > 0.1 for other in blocks[:k])


@pytest.mark.parametrize("initializer", ["random_uniform", "random_normal"])
@each
def test_blocks_drawn_by_name_differ(layer_type, initializer):
    blocks = recurrent_blocks(layer_type, initializer)
    for k, block in enumerate(blocks):
        assert 0.01 < block.std() < 0.1
        assert all(np.abs(block - other).max() > 0.01 for other in blocks[:k])


@pytest.mark.parametrize(
    "initializer", ["identity", keras.initializers.Orthogonal(gain=1.1, seed=5)]
)
def test_a_layer_starts_again_from_its_config(initializer):
    layer = LSTM(H, recurrent_initializer=initializer)
    again = LSTM.from_config(layer.get_config())
    for each_layer in (layer, again):
        each_layer.build((None, None, E))
    np.testing.assert_array_equal(again.wh, layer.wh)


@pytest.mark.parametrize("layer_type", [LSTM, GRU])
def test_keras_joins_both_directions_of_a_layer(layer_type):
    layer = layer_type(H, return_sequences=True)
    both = keras.layers.Bidirectional(layer)
    rng = np.random.default_rng(0)
    x_BTE = rng.normal(size=(B, T, E)).astype("float32")
    mask_BT = np.array([[1, 1, 1, 1, 0, 0], [0, 0, 1, 1, 1, 1]], bool)
    found = np.array(both(x_BTE, mask=mask_BT))
    forward = np.array(both.forward_layer(x_BTE, mask=mask_BT))
    backward = np.array(both.backward_layer(x_BTE, mask=mask_BT))[:, ::-1]
    assert both.backward_layer.go_backwards
    np.testing.assert_array_equal(found[..., :H], forward)
    np.testing.assert_array_equal(found[..., H:], backward)
