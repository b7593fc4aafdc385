"""Features on both frameworks: three ways equal; only text and model count."""

import numpy as np
import pytest
import torch  # noqa: F401  # Before TensorFlow.

from compare.loading import LanguageModel as OnTorch
from compare.models import fill_twin, twin_arrays
from compare.twin import ByteLanguageModel as Twin
from tests import reference_rnn
from tests.compare.sample_models import CELLS, model_config, weights_of
from tests.tolerances import FEATURES_F32
from tfsent.loading import LanguageModel as OnKeras
from tfsent.model import ByteLanguageModel
from tfsent.transfer.feature import STATES, parse_feature
from tfsent.transfer.features import feature_rows

POOL = {
    "last": lambda s_TH: s_TH[-1],
    "mean": lambda s_TH: s_TH.mean(0),
    "max": lambda s_TH: s_TH.max(0),
    "min": lambda s_TH: s_TH.min(0),
}
HIDDEN = "all-hidden+hidden-mean+hidden-max+all-hidden-min"
BOTH = f"{HIDDEN}+cell+all-cell-mean+cell-max+cell-min"


def features_of(cell):
    return BOTH if cell in ("mlstm", "lstm") else HIDDEN


def quiet_weights(config, seed=0):
    """Return weights under which the states of every cell stay of size one."""
    weights = weights_of(config, seed)
    scale = np.float32(0.3)
    return {
        name: w * scale if name.startswith("layers/") else w
        for name, w in weights.items()
    }


def on(framework, config, weights, precision="float32"):
    if framework == "keras":
        model = ByteLanguageModel(config, seed=None, dtype=precision)
        model.build(None)
        model.set_named_weights(weights)
        return OnKeras(model)
    twin = Twin(config)
    fill_twin(twin, twin_arrays(weights, config))
    return OnTorch(twin, precision)


@pytest.fixture(scope="module")
def models():
    """Framework and cell -> a model of two layers, the same on both frameworks."""
    made = {}

    def get(framework, cell):
        if (framework, cell) not in made:
            config = model_config(cell=cell, layers=2)
            made[framework, cell] = on(framework, config, quiet_weights(config))
        return made[framework, cell]

    return get


def some_texts(count=8, longest=300, seed=0):
    rng = np.random.default_rng(seed)
    return [
        bytes(rng.integers(0, 256, length, dtype=np.uint8))
        for length in rng.integers(1, longest, count)
    ]


def reference_states(config, weights, text):
    """Return [(h_TH, c_TH)] of every layer, in float64."""
    x_1TE = np.float64(weights["embedding/weight"])[np.frombuffer(text, np.uint8)][None]
    found = []
    for w in reference_rnn.layer_weights(weights):
        zeros = np.zeros((1, config.hidden_size))
        h_1TH, *_, trace = reference_rnn.run(
            config.cell, reference_rnn.effective(w), x_1TE, zeros, zeros, None, None
        )
        c_BH = [before[3] for before in trace[1:]]
        last = reference_rnn.run(
            config.cell, reference_rnn.effective(w), x_1TE, zeros, zeros, None, None
        )[2]
        found.append((h_1TH[0], np.concatenate([*c_BH, last])))
        x_1TE = h_1TH
    return found


def expected(config, weights, text, feature):
    states = reference_states(config, weights, text)
    return np.concatenate(
        [
            POOL[part.pooling](states[part.layer][STATES.index(part.state)])
            for part in parse_feature(feature, config)
        ]
    )


def worst(found, truth):
    """Return the largest difference over the largest value."""
    truth = np.asarray(truth)
    return np.abs(np.asarray(found) - truth).max() / np.abs(truth).max()


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_features_are_the_pooled_states_of_float64(framework, cell, models):
    config, texts = model_config(cell=cell, layers=2), some_texts()
    feature = features_of(cell)
    found = models(framework, cell).features(texts, feature)
    assert found.feature == feature
    assert found.dtype == np.float32
    weights = quiet_weights(config)
    truth = [expected(config, weights, text, feature) for text in texts]
    assert worst(found, truth) <= FEATURES_F32.value


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_batch_order_and_chunks_change_nothing(framework, models):
    model, texts = models(framework, "mlstm"), some_texts(8, 150)
    truth = np.asarray(model.features(texts, BOTH))
    assert worst(model.features(texts[::-1], BOTH)[::-1], truth) <= FEATURES_F32.value
    alone = [model.features([text], BOTH)[0] for text in texts[:4]]
    assert worst(alone, truth[:4]) <= FEATURES_F32.value
    parts = parse_feature(BOTH, model.model.config)
    for lanes, window in (((3,), 17), ((2, 5), 400)):
        rows = feature_rows(model._read, model._zero_state, texts, parts, lanes, window)
        assert worst(list(rows), truth) <= FEATURES_F32.value


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_a_text_is_cleaned_and_bytes_are_not(framework, models):
    model = models(framework, "mlstm")
    rows = model.features(["Fish &amp; chips\n", b"\n Fish & chips ", b"Fish & chips"])
    np.testing.assert_array_equal(rows[0], rows[1])
    assert np.abs(rows[0] - rows[2]).max() > 1e-3
    assert rows.shape == (3, 7)
    assert rows.feature == "cell"


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_texts_that_say_nothing_have_features(framework, models):
    model = models(framework, "gru")
    padding, spaces, *odd = model.features(["", " \t\n ", "\0", "\ud800", "ab\0cd"])
    np.testing.assert_array_equal(padding, spaces)
    assert np.isfinite([padding, *odd]).all()
    assert model.features([]).shape == (0, 7)
    with pytest.raises(ValueError, match="text 0 has no byte"):
        model.features([b""])
    with pytest.raises(ValueError, match="one str; a list will do"):
        model.features("one text")


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_a_trace_ends_in_the_features(framework, models):
    model = models(framework, "lstm")
    text = "A film as long as this one takes more than one window to read. " * 4
    values = model.trace(text, [6, 0])
    assert values.shape == (len(model.clean(text)), 2)
    (row,) = model.features([text])
    assert worst(values[-1], row[[6, 0]]) <= FEATURES_F32.value
    below = model.trace(text, [0], state="hidden", layer=0)
    (row,) = model.features([text], "all-hidden")
    assert worst(below[-1], row[:1]) <= FEATURES_F32.value


@pytest.mark.parametrize("framework", ["keras", "torch"])
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"units": [7]}, "unit is 7; 0 to 6"),
        ({"units": [-1]}, "unit is -1"),
        ({"units": [0], "layer": 2}, "layer is 2; 0 to 1"),
        ({"units": [0], "state": "cell"}, "gru keeps no cell state"),
        ({"units": [0], "state": "sell"}, "feature is 'sell'"),
    ],
)
def test_what_cannot_be_traced_is_refused(framework, arguments, words, models):
    with pytest.raises(ValueError, match=words):
        models(framework, "gru").trace("x", **{"state": "hidden"} | arguments)


def test_equal_models_have_equal_fingerprints(models):
    keras, twin = models("keras", "gru"), models("torch", "gru")
    assert keras.fingerprint == twin.fingerprint
    assert keras.arithmetic == "keras-float32"
    assert twin.arithmetic == "torch-float32"
    config = model_config(cell="gru", layers=2)
    weights = quiet_weights(config)
    weights["layers/1/wh"][0, 0] += 1e-3
    other = on("keras", config, weights)
    assert other.fingerprint != keras.fingerprint
    other.model.set_named_weights(quiet_weights(config))
    assert other.fingerprint != keras.fingerprint, "it is computed once"


def test_the_cleaning_is_part_of_the_fingerprint(models):
    config = model_config(cell="gru", layers=2)
    model = ByteLanguageModel(config, seed=None, text_rule="nvidia")
    model.build(None)
    model.set_named_weights(quiet_weights(config))
    assert OnKeras(model).fingerprint != models("keras", "gru").fingerprint
