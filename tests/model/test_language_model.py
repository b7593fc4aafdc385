"""The language model beside the float64 equations, and how it carries state."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import reference_rnn, tolerances
from tfsent.config import ModelConfig
from tfsent.model import ByteLanguageModel
from tfsent.training.gradients import mean_nats

B, T, E, H = 3, 6, 4, 5


def make(seed=3, **settings):
    config = ModelConfig(hidden_size=H, **({"embedding_size": E} | settings))
    model = ByteLanguageModel(config, seed=seed)
    model.build(None)
    return model


def float64(model):
    return {
        name: np.asarray(variable, np.float64)
        for name, variable in model.named_weights().items()
    }


def some_bytes(seed=0):
    return np.random.default_rng(seed).integers(0, 256, (B, T + 1)).astype(np.uint8)


@pytest.mark.parametrize("cell", reference_rnn.CELLS)
@pytest.mark.parametrize("layers", [1, 2])
def test_logits_and_states_equal_the_float64_equations(cell, layers):
    model = make(cell=cell, layers=layers)
    reset = np.zeros((B, T), bool)
    reset[1, 3] = True
    bytes_BT = some_bytes()[:, :-1]
    logits, state = model(bytes_BT, reset_BT=reset, return_state=True)
    expected, last, _ = reference_rnn.language_model_logits(
        cell, float64(model), bytes_BT, reset_BT=reset
    )
    assert np.abs(np.asarray(logits) - expected).max() <= tolerances.LOGITS_F32.value
    for ours, (h, c) in zip(state, last, strict=True):
        assert np.abs(np.asarray(ours[0]) - h).max() <= tolerances.LOGITS_F32.value
        if len(ours) > 1:
            assert np.abs(np.asarray(ours[1]) - c).max() <= tolerances.LOGITS_F32.value


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "mlstm", "layers": 2},
        {"cell": "mlstm", "tied_embedding": True, "embedding_size": H},
        {"cell": "gru", "weight_norm": False},
    ],
)
def test_gradients_of_every_weight_equal_the_float64_equations(settings):
    model = make(**settings)
    bytes_BT1 = some_bytes()
    with tf.GradientTape() as tape:
        loss = mean_nats(model(bytes_BT1[:, :-1]), bytes_BT1[:, 1:].astype("int32"))
    named = model.named_weights()
    grads = tape.gradient(loss, [v.value for v in named.values()])
    cell = settings["cell"]
    expected = reference_rnn.language_model_gradients(cell, float64(model), bytes_BT1)
    assert named.keys() == expected.keys()
    for name, grad in zip(named, grads, strict=True):
        error = np.abs(tf.convert_to_tensor(grad).numpy() - expected[name]).max()
        bound = tolerances.GRADIENT_F32.value * np.abs(expected[name]).max()
        assert error <= bound, name
    reference = reference_rnn.language_model_loss(cell, float64(model), bytes_BT1)
    assert abs(float(loss) - reference) <= tolerances.LOGITS_F32.value


def test_carrying_the_state_equals_reading_at_once():
    model = make(layers=2)
    bytes_BT = some_bytes()
    whole = model(bytes_BT)
    first, state = model(bytes_BT[:, :4], return_state=True)
    rest = model(bytes_BT[:, 4:], state=state)
    parts = np.concatenate([first, rest], axis=1)
    np.testing.assert_allclose(parts, whole, atol=tolerances.LOGITS_F32.value)


def test_logits_are_float32_under_mixed_precision():
    model = ByteLanguageModel(ModelConfig(hidden_size=H), dtype="mixed_float16")
    assert model(some_bytes()).dtype == tf.float32


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("cell", ["mlstm", "gru"])
def test_half_precision_keeps_the_gradient_of_every_weight(policy, cell):
    """Many places of few bytes: a sum of rows in half precision would stop growing."""
    config = ModelConfig(cell=cell, hidden_size=16, embedding_size=8)
    rng = np.random.default_rng(0)
    bytes_BT1 = np.minimum(97 + rng.geometric(0.3, (64, 129)), 255).astype(np.uint8)
    grads = {}
    scale = 2.0**10 if policy == "mixed_float16" else 1.0
    for dtype in ("float32", policy):
        model = ByteLanguageModel(config, seed=3, dtype=dtype)
        model.build(None)
        with tf.GradientTape() as tape:
            loss = mean_nats(model(bytes_BT1[:, :-1]), bytes_BT1[:, 1:].astype("int32"))
            scaled = loss * scale
        values = [v.value for v in model.named_weights().values()]
        grads[dtype] = [
            tf.convert_to_tensor(g).numpy() for g in tape.gradient(scaled, values)
        ]
    tolerance = {
        "mixed_float16": tolerances.GRADIENT_F16,
        "mixed_bfloat16": tolerances.GRADIENT_BF16,
    }[policy]
    errors = [
        np.abs(half - full).max() / np.abs(full).max()
        for full, half in zip(grads["float32"], grads[policy], strict=True)
    ]
    assert 0 < np.max(errors) <= tolerance.value


def test_the_file_of_a_model_gives_it_back(tmp_path):
    model = make(cell="lstm", layers=2, dropout=0.1)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.config == model.config
    np.testing.assert_array_equal(loaded(some_bytes()), model(some_bytes()))


def test_dropout_acts_in_training_only_and_follows_the_seed():
    model = make(dropout=0.5)
    plain = make(dropout=0.0)
    still = np.asarray(model(some_bytes()))
    np.testing.assert_array_equal(still, plain(some_bytes()))
    assert np.abs(np.asarray(model(some_bytes(), training=True)) - still).max() > 1e-3


def test_recipes_start_as_published():
    nvidia = make(initialization="nvidia").named_weights()
    bound = 1 / np.sqrt(H)
    for name, variable in nvidia.items():
        if name.startswith("layers/") and not name.split("/")[-1].startswith("g"):
            value = np.abs(np.asarray(variable))
            assert 0 < value.max() <= bound, name
    openai = make(initialization="openai").named_weights()
    assert not np.asarray(openai["layers/0/b"]).any()
    block = np.asarray(openai["layers/0/wh"])[:, :H]
    np.testing.assert_allclose(block.T @ block, np.eye(H), atol=1e-5)


def test_two_seeds_start_different_and_one_seed_the_same():
    one, same, other = (make(seed=s).get_weights() for s in (3, 3, 4))
    for a, b, c in zip(one, same, other, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.std() == 0 or np.abs(a - c).max() > 0


def test_parameters_at_4096_units_are_those_of_the_published_model():
    config = ModelConfig(hidden_size=4096)
    shapes = {name: variable.shape for name, variable in make().named_weights().items()}
    scale = {E: config.embedding_size, H: 4096, 4 * H: 4 * 4096}
    total = sum(
        int(np.prod([scale.get(n, n) for n in shape])) for shape in shapes.values()
    )
    assert total == 86_319_360


def test_missing_surplus_and_misshaped_weights_are_refused():
    model = make()
    weights = float64(model)
    with pytest.raises(ValueError, match="missing: .'output/bias'"):
        model.set_named_weights(
            {n: w for n, w in weights.items() if n != "output/bias"}
        )
    with pytest.raises(ValueError, match="without a place: .'extra'"):
        model.set_named_weights(weights | {"extra": np.zeros(1)})
    with pytest.raises(ValueError, match="output/bias has shape"):
        model.set_named_weights(weights | {"output/bias": np.zeros(2)})


def test_a_model_can_be_made_of_its_settings_as_a_dict():
    config = ModelConfig(hidden_size=H)
    assert ByteLanguageModel(dataclasses.asdict(config)).config == config


def test_tensorflow_checkpoint_holds_every_weight(tmp_path):
    config = ModelConfig(hidden_size=8, embedding_size=4, layers=2)
    saved, restored = (ByteLanguageModel(config, seed=seed) for seed in (1, 2))
    for model in (saved, restored):
        model.build(None)
    path = tf.train.Checkpoint(model=saved).save(str(tmp_path / "model"))
    tf.train.Checkpoint(model=restored).restore(path).assert_existing_objects_matched()
    for name, variable in saved.named_weights().items():
        np.testing.assert_array_equal(restored.named_weights()[name], variable)


def test_model_without_a_seed_starts_at_zero():
    config = ModelConfig(hidden_size=8, embedding_size=4)
    model = ByteLanguageModel(config, seed=None)
    model.build(None)
    assert not any(np.any(v) for v in model.named_weights().values())


def test_no_lanes_give_no_logits():
    """The buffers of the loop start from a number of the first lane."""
    model = ByteLanguageModel(ModelConfig(hidden_size=8, embedding_size=4))
    assert model(np.zeros((0, 5), "uint8")).shape == (0, 5, 256)
