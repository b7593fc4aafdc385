import dataclasses

import keras
import numpy as np
import pytest

from tests.compare.classifier_cases import CASES, NUM_WORDS, batch
from tests.reference_classifier import batch as tutorial_batch
from tests.reference_classifier import draw, predict
from tests.tolerances import CLASSIFIER_F16, CLASSIFIER_F32, ORTHOGONAL_F32
from tfsent.config_supervised import ClassifierConfig
from tfsent.model.sequence_classifier import SequenceClassifier
from tfsent.supervised.presets import theano_lstm


@pytest.mark.parametrize("case", ["deepmoji", "one-hot", "identity"])
def test_keras_file_gives_the_same_model_again(case, tmp_path):
    model = SequenceClassifier(NUM_WORDS, 3, CASES[case], seed=2)
    given = batch()
    logits = model(given.words_NT, mask=given.mask_NT)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    assert again.config == CASES[case]
    np.testing.assert_array_equal(again(given.words_NT, mask=given.mask_NT), logits)


def test_seed_decides_the_start_weights():
    config = CASES["passage"]

    def weights(seed):
        model = SequenceClassifier(NUM_WORDS, 2, config, seed)
        model.build(None)
        return {n: np.array(v) for n, v in model.named_weights().items()}

    first, same, other = weights(3), weights(3), weights(4)
    for name, array in first.items():
        np.testing.assert_array_equal(same[name], array)
        if array.any():
            assert not np.array_equal(other[name], array), name


def test_directions_and_layers_start_different():
    config = ClassifierConfig(embedding_size=6, units=3, layers=2, direction="both")
    model = SequenceClassifier(NUM_WORDS, 2, config)
    model.build(None)
    found = [np.array(reader.wh) for reader in model.readers]
    for k, one in enumerate(found):
        for other in found[k + 1 :]:
            assert not np.array_equal(one, other)


def test_recurrent_blocks_start_orthogonal_at_their_gain():
    config = ClassifierConfig(units=6, initialization_gain=1.1)
    model = SequenceClassifier(NUM_WORDS, 2, config)
    model.build(None)
    for block in np.split(np.array(model.readers[0].wh), 4, axis=1):
        np.testing.assert_allclose(block.T @ block, 1.21 * np.eye(6), atol=1e-5)


def test_start_weights_of_the_tutorial_are_orthogonal_blocks_without_bias():
    config = dataclasses.replace(theano_lstm().classifier, embedding_size=6, units=6)
    model = SequenceClassifier(NUM_WORDS, 2, config, seed=3)
    model.build(None)
    weights = {n: np.array(v) for n, v in model.named_weights().items()}
    for part in ("wx", "wh"):
        for block in np.split(weights[f"layers/0/forward/{part}"], 4, axis=1):
            assert np.abs(block @ block.T - np.eye(6)).max() < ORTHOGONAL_F32.value
    assert not weights["layers/0/forward/b"].any()
    assert 0.04 < np.abs(weights["embedding/weight"]).max() < 0.05


def test_last_step_is_that_of_the_last_layer_alone():
    config = ClassifierConfig(
        embedding_size=4, units=3, layers=2, skip_connections=True, pooling="last"
    )
    model = SequenceClassifier(NUM_WORDS, 2, config)
    assert model(batch().words_NT).shape == (4, 2)
    assert model.output_layer.kernel.shape == (3, 2)


def test_text_of_padding_alone_gives_the_bias():
    config = ClassifierConfig(embedding_size=3, units=4, pooling="mean")
    model = SequenceClassifier(NUM_WORDS, 2, config)
    logits = model(np.zeros((1, 3), int))
    np.testing.assert_array_equal(logits[0], model.output_layer.bias)


def test_attention_of_another_pooling_is_refused():
    model = SequenceClassifier(NUM_WORDS, 2, CASES["theano"])
    with pytest.raises(ValueError, match="attention alone has weights"):
        model(batch().words_NT, return_attention=True)


def test_impossible_sizes_are_refused():
    with pytest.raises(ValueError, match="num_outputs is 0; at least 1"):
        SequenceClassifier(5, 0)


def test_half_precision_gives_float32_logits():
    given = batch()
    single = SequenceClassifier(NUM_WORDS, 2, CASES["deepmoji"], seed=1)
    half = SequenceClassifier(
        NUM_WORDS, 2, CASES["deepmoji"], seed=1, dtype="mixed_float16"
    )
    logits = half(given.words_NT, mask=given.mask_NT)
    assert logits.dtype == "float32"
    expected = np.array(single(given.words_NT, mask=given.mask_NT))
    assert np.abs(np.array(logits) - expected).max() < 2e-3
    assert not np.array_equal(logits, expected)


def tutorial_model(params, **settings):
    """Return the model of the Theano tutorial with its parameters."""
    num_words, dim = params["Wemb"].shape
    config = ClassifierConfig(embedding_size=dim, units=dim, pooling="mean")
    model = SequenceClassifier(num_words, 2, config, **settings)
    model.build(None)
    names = ("Wemb", "lstm_W", "lstm_U", "lstm_b", "U", "b")
    for variable, name in zip(model.named_weights().values(), names, strict=True):
        variable.assign(params[name])
    return model


def probabilities(logits):
    return np.array(keras.ops.softmax(logits))


def test_probabilities_are_those_of_the_tutorial():
    params, (x, mask) = draw(), tutorial_batch()
    expected = predict(params, x, mask, use_dropout=False)
    found = probabilities(tutorial_model(params)(x.T))
    assert np.abs(found - expected).max() < CLASSIFIER_F32.value


def test_explicit_mask_may_leave_out_any_word():
    params, (x, _) = draw(), tutorial_batch()
    mask = np.random.default_rng(3).random(x.shape) < 0.6
    mask[2] = True
    expected = predict(params, x, mask, use_dropout=False)
    found = probabilities(tutorial_model(params)(x.T, mask=mask.T))
    assert np.abs(found - expected).max() < CLASSIFIER_F32.value


def test_half_precision_gives_the_probabilities_of_the_tutorial():
    params, (x, mask) = draw(), tutorial_batch()
    logits = tutorial_model(params, dtype="mixed_float16")(x.T)
    assert logits.dtype == "float32"
    expected = predict(params, x, mask, use_dropout=False)
    assert np.abs(probabilities(logits) - expected).max() < CLASSIFIER_F16.value


def test_dropout_acts_in_training_only():
    model, (x, _) = tutorial_model(draw()), tutorial_batch()
    np.testing.assert_array_equal(model(x.T), model(x.T, training=False))
    assert not np.array_equal(model(x.T), model(x.T, training=True))


def test_padding_alone_gives_the_bias_that_was_learnt():
    params = draw()
    logits = np.array(tutorial_model(params)(np.zeros((1, 3), int)))
    np.testing.assert_array_equal(logits[0], params["b"])
