"""The public layer: Keras's conventions, beside the plain cell in Keras's own loop."""

import keras
import numpy as np
import pytest

from tests import tolerances
from tfsent.model import GRU, LSTM, MLSTMCell, MultiplicativeLSTM, ReLURNN, TanhRNN
from tfsent.model.weight_norm import fold, normalize

B, T, E, H = 2, 6, 3, 7
LAYERS = [MultiplicativeLSTM, LSTM, GRU, TanhRNN, ReLURNN]
WEIGHTS = ("wx", "wmx", "wh", "wmh", "b", "gx", "gmx", "gh", "gmh")


def random_input(seed=0):
    return np.random.default_rng(seed).normal(size=(B, T, E)).astype("float32")


def pair(**options):
    """Return the layer and the plain cell in a loop, with equal random weights."""
    layer = MultiplicativeLSTM(H, **options)
    layer.build((B, T, E))
    plain = keras.layers.RNN(MLSTMCell(H), **options)
    plain.build((B, T, E))
    rng = np.random.default_rng(1)
    for name in WEIGHTS:
        variable = getattr(layer, name)
        variable.assign(rng.normal(size=variable.shape) * 0.5)
        getattr(plain.cell, name).assign(variable)
    return layer, plain


def assert_equal(ours, theirs):
    ours = ours if isinstance(ours, tuple | list) else [ours]
    theirs = theirs if isinstance(theirs, tuple | list) else [theirs]
    for a, b in zip(ours, theirs, strict=True):
        a, b = keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b)
        assert a.shape == b.shape
        assert np.abs(a - b).max() <= tolerances.CELL_F32.value


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("zero_output_for_mask", [False, True])
def test_masked_sequences_equal_the_plain_cell(
    return_sequences, go_backwards, zero_output_for_mask
):
    layer, plain = pair(
        return_sequences=return_sequences,
        return_state=True,
        go_backwards=go_backwards,
        zero_output_for_mask=zero_output_for_mask,
    )
    mask = np.array([[0, 1, 1, 0, 1, 0], [1, 1, 1, 1, 0, 0]], bool)
    start = [np.full((B, H), 0.3, "float32"), np.full((B, H), -0.2, "float32")]
    x = random_input()
    assert_equal(
        layer(x, initial_state=start, mask=mask),
        plain(x, initial_state=start, mask=mask),
    )


def test_a_stateful_layer_goes_on_where_it_stopped():
    layer, plain = pair(stateful=True, return_sequences=True)
    whole, _ = pair(return_sequences=True)
    x = random_input()
    halves = [layer(x[:, :2]), layer(x[:, 2:])]
    assert_equal(keras.ops.concatenate(halves, axis=1), whole(x))
    layer.reset_states()
    assert_equal(layer(x), whole(x))


def test_a_stateful_layer_refuses_an_unknown_batch():
    with pytest.raises(ValueError, match="batch size is unknown"):
        MultiplicativeLSTM(H, stateful=True).build((None, T, E))


def test_reset_is_a_fresh_start_of_its_lane_alone():
    layer, _ = pair(return_sequences=True)
    x = random_input()
    reset = np.zeros((B, T), bool)
    reset[1, 2] = True
    with_reset = keras.ops.convert_to_numpy(layer(x, reset=reset))
    without = keras.ops.convert_to_numpy(layer(x))
    assert_equal(with_reset[0], without[0])
    assert_equal(with_reset[1:, 2:], layer(x[1:, 2:]))
    assert np.abs(with_reset[1, 2:] - without[1, 2:]).max() > 0.01


@pytest.mark.parametrize("layer_type", LAYERS)
def test_a_model_with_unknown_batch_and_time_survives_its_file(layer_type, tmp_path):
    inputs = keras.Input((None, E))
    layer = layer_type(H, return_sequences=True)
    model = keras.Model(inputs, layer(inputs))
    assert model.output_shape == (None, None, H)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[1].get_config() == layer.get_config()
    for x in (random_input(), random_input()[:1, :4]):
        np.testing.assert_array_equal(loaded(x), model(x))


@pytest.mark.parametrize("layer_type", LAYERS)
def test_a_layer_is_made_again_from_its_config(layer_type):
    options = {
        "weight_norm": False,
        "kernel_initializer": "glorot_uniform",
        "recurrent_initializer": keras.initializers.Orthogonal(gain=1.1, seed=5),
        "bias_initializer": "ones",
        "return_sequences": True,
        "return_state": True,
        "go_backwards": True,
        "stateful": True,
        "zero_output_for_mask": True,
        "name": "named",
        "dtype": "mixed_bfloat16",
    }
    layer = layer_type(H, **options)
    config = layer.get_config()
    again = layer_type.from_config(config)
    assert again.get_config() == config
    for name in options.keys() - {"dtype"}:
        same = getattr(again, name) == getattr(layer, name)
        assert same or "initializer" in name, name
    again.build((B, T, E))
    assert np.asarray(again.b).all()


@pytest.mark.parametrize("layer_type", LAYERS)
def test_symbolic_shapes_and_types_are_those_of_values(layer_type):
    for sequences in (False, True):
        layer = layer_type(H, return_sequences=sequences, return_state=True)
        symbolic = layer(keras.KerasTensor((B, T, E)))
        values = layer(random_input())
        for s, v in zip(symbolic, values, strict=True):
            assert s.shape == tuple(v.shape)
            assert s.dtype == keras.backend.standardize_dtype(v.dtype)


def test_a_mask_flows_on_to_the_next_layer():
    inputs = keras.Input((None, E))
    masked = keras.layers.Masking()(inputs)
    hidden = MultiplicativeLSTM(H, return_sequences=True)(masked)
    model = keras.Model(inputs, LSTM(H)(hidden))
    x = random_input()
    x[:, 4:] = 0.0
    assert_equal(model(x), model(x[:, :4]))


@pytest.mark.parametrize("layer_type", LAYERS)
def test_model_fit_learns_through_the_hand_written_gradient(layer_type, monkeypatch):
    calls = []
    equations = layer_type.equations

    def spy(*arguments):
        calls.append(1)
        return equations.backward(*arguments)

    monkeypatch.setattr(layer_type, "equations", equations._replace(backward=spy))
    model = keras.Sequential([layer_type(H), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse")
    x = np.random.default_rng(0).normal(size=(64, T, E)).astype("float32")
    y = x[:, -1, :1]
    history = model.fit(x, y, epochs=8, batch_size=16, verbose=0).history["loss"]
    assert calls
    assert history[-1] < 0.7 * history[0]


@pytest.mark.parametrize("layer_type", LAYERS)
def test_fit_and_predict_take_a_last_batch_that_is_smaller(layer_type):
    inputs = keras.Input((None, E))
    masked = keras.layers.Masking()(inputs)
    model = keras.Model(inputs, layer_type(H, return_sequences=True)(masked))
    model.compile(loss="mse")
    x = np.random.default_rng(0).normal(size=(6, T, E)).astype("float32")
    x[:, 4:] = 0.0
    model.fit(x, np.zeros((6, T, H)), batch_size=4, verbose=0)
    predicted = model.predict(x, batch_size=4, verbose=0)
    assert_equal(predicted, model(x))


@pytest.mark.slow
def test_an_export_with_unknown_batch_and_time_gives_the_same(tmp_path):
    import tensorflow as tf

    inputs = keras.Input((None, E))
    model = keras.Model(inputs, MultiplicativeLSTM(H)(inputs))
    model.export(tmp_path / "export", verbose=False)
    loaded = tf.saved_model.load(tmp_path / "export")
    for x in (random_input(), random_input()[:1, :4]):
        assert_equal(loaded.serve(x), model(x))


def test_a_mask_stays_when_a_lane_is_reset_too():
    layer, _ = pair(return_sequences=True)
    x = random_input()
    x[0, 3] = 0.0
    mask = np.ones((B, T), bool)
    mask[0, 3] = False
    reset = np.zeros((B, T), bool)
    reset[1, 2] = True
    masked = keras.layers.Masking()(x)
    assert_equal(layer(masked, reset=reset), layer(x, mask=mask, reset=reset))
    unmasked = np.asarray(layer(x, reset=reset))
    assert np.abs(np.asarray(layer(masked, reset=reset)) - unmasked).max() > 1e-3


def test_an_input_without_a_time_axis_is_refused_by_rank():
    with pytest.raises(ValueError, match="expected ndim=3, found ndim=2"):
        MultiplicativeLSTM(H)(np.zeros((B, E), "float32"))


def test_blocks_of_a_matrix_start_different():
    layer = MultiplicativeLSTM(H)
    layer.build((None, None, E))
    blocks = np.split(np.asarray(layer.wh), 4, axis=1)
    for k, block in enumerate(blocks):
        np.testing.assert_allclose(block.T @ block, np.eye(H), atol=1e-5)
        for other in blocks[:k]:
            assert np.abs(block - other).max() > 0.1


def test_the_default_recipe_differs_between_matrices_of_one_shape():
    layer = MultiplicativeLSTM(H)
    layer.build((None, None, H))
    assert np.abs(np.asarray(layer.wmx) - np.asarray(layer.wmh)).max() > 0.1


def test_folded_weights_give_the_same_layer_without_gains():
    layer, _ = pair(return_sequences=True)
    plain = MultiplicativeLSTM(H, weight_norm=False, return_sequences=True)
    plain.build((B, T, E))
    for name, value in layer.folded().items():
        getattr(plain, name).assign(value)
    assert_equal(plain(random_input()), layer(random_input()))


def test_gains_start_at_the_norms_so_that_the_matrix_is_itself():
    layer = MultiplicativeLSTM(H)
    layer.build((None, None, E))
    weights = layer.effective()
    np.testing.assert_allclose(weights["wx"], layer.wx, atol=1e-6)


def test_normalize_and_fold_agree_on_a_column_by_hand():
    v, g = np.array([[3.0, 1.0], [4.0, 0.0]], "float32"), np.array([10.0, -2.0])
    expected = [[6.0, -2.0], [8.0, 0.0]]
    np.testing.assert_allclose(normalize(v, g.astype("float32")), expected, atol=1e-6)
    np.testing.assert_allclose(fold(v, g), expected, atol=1e-6)


def test_fold_refuses_a_column_of_norm_zero():
    with pytest.raises(ValueError, match="column 1"):
        fold(np.array([[1.0, 0.0]]), np.ones(2))


def test_units_below_one_are_refused():
    with pytest.raises(ValueError, match="units is 0"):
        MultiplicativeLSTM(0)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_computes_in_half_and_stays_close(policy):
    layer, _ = pair(return_sequences=True, return_state=True)
    half = MultiplicativeLSTM(H, return_sequences=True, return_state=True, dtype=policy)
    half.build((B, T, E))
    half.set_weights(layer.get_weights())
    out = half(random_input())
    assert {keras.backend.standardize_dtype(o.dtype) for o in out} == {
        half.compute_dtype
    }
    error = np.abs(np.asarray(out[0], "float32") - np.asarray(layer(random_input())[0]))
    assert 0 < error.max() < 2e-2
