import keras
import numpy as np
import pytest

from tests.reference_classifier import batch, draw, predict
from tests.tolerances import CLASSIFIER_F16, CLASSIFIER_F32, ORTHOGONAL_F32
from tfsent.model.classifiers import WordClassifier


def model_of(params, **settings):
    num_words, dim = params["Wemb"].shape
    model = WordClassifier(num_words, dim, **settings)
    model.build(None)
    weights = model.named_weights()
    names = ("Wemb", "lstm_W", "lstm_U", "lstm_b", "U", "b")
    for variable, name in zip(weights.values(), names, strict=True):
        variable.assign(params[name])
    return model


@pytest.fixture(scope="module")
def params():
    return draw()


@pytest.fixture(scope="module")
def model(params):
    return model_of(params)


def test_probabilities_are_those_of_the_equations(params, model):
    x, mask = batch()
    expected = predict(params, x, mask, use_dropout=False)
    found = np.array(model.probabilities(x.T))
    assert np.abs(found - expected).max() < CLASSIFIER_F32.value


def test_explicit_mask_may_leave_out_any_word(params, model):
    x, _ = batch()
    rng = np.random.default_rng(3)
    mask = rng.random(x.shape) < 0.6
    mask[2] = True
    expected = predict(params, x, mask, use_dropout=False)
    found = np.array(model.probabilities(x.T, mask=mask.T))
    assert np.abs(found - expected).max() < CLASSIFIER_F32.value


def test_padding_changes_nothing(model):
    x, _ = batch()
    padded = np.pad(x.T, ((0, 0), (0, 4)))
    difference = np.array(model(x.T)) - np.array(model(padded))
    assert np.abs(difference).max() < CLASSIFIER_F32.value


def test_text_of_padding_alone_gives_the_bias(params, model):
    logits = np.array(model(np.zeros((1, 3), int)))
    np.testing.assert_array_equal(logits[0], params["b"])


def test_dropout_acts_in_training_only(model):
    x, _ = batch()
    np.testing.assert_array_equal(model(x.T), model(x.T, training=False))
    assert not np.array_equal(model(x.T), model(x.T, training=True))


def test_gradient_reaches_every_weight(model):
    import tensorflow as tf

    x, _ = batch()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(model(x.T)))
    gradients = tape.gradient(loss, [v.value for v in model.trainable_variables])
    assert all(np.abs(tf.convert_to_tensor(g)).max() > 0 for g in gradients)
    assert len(gradients) == len(model.named_weights())


def test_start_weights_are_those_of_the_source():
    model = WordClassifier(num_words=50, units=6, seed=3)
    model.build(None)
    weights = {n: np.array(v) for n, v in model.named_weights().items()}
    embedding = weights["embedding/weight"]
    assert 0 <= embedding.min() < 0.001
    assert 0.009 < embedding.max() < 0.01
    for name in ("lstm/wx", "lstm/wh"):
        for block in np.split(weights[name], 4, axis=1):
            assert np.abs(block @ block.T - np.eye(6)).max() < ORTHOGONAL_F32.value
    assert not weights["lstm/b"].any()
    assert 0.001 < weights["output/weight"].std() < 0.02


def test_keras_file_gives_the_same_model_again(tmp_path):
    sizes = {"num_words": 11, "units": 5, "embedding_size": 3, "num_classes": 4}
    model = WordClassifier(**sizes, dropout=0.25, seed=2)
    x, _ = batch()
    logits = model(x.T)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    kept = sizes | {"dropout": 0.25, "seed": 2}
    assert {name: again.get_config()[name] for name in kept} == kept
    np.testing.assert_array_equal(again(x.T), logits)


def test_half_precision_gives_float32_logits(params):
    x, mask = batch()
    model = model_of(params, dtype="mixed_float16")
    logits = model(x.T)
    assert logits.dtype == "float32"
    expected = predict(params, x, mask, use_dropout=False)
    assert (
        np.abs(np.array(keras.ops.softmax(logits)) - expected).max()
        < CLASSIFIER_F16.value
    )


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="num_classes is 0; at least 1"):
        WordClassifier(num_words=5, units=4, num_classes=0)
