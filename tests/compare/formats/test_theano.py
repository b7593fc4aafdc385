import dataclasses
import json

import keras
import numpy as np
import pytest
import torch

from compare import containers, formats
from compare.containers import Container
from compare.containers.vocabulary import NAME
from compare.formats import theano
from compare.formats.own_classifier import twin_state_dict
from compare.twin import SequenceClassifier as Twin
from tests.reference_classifier import batch, draw, predict
from tests.tolerances import CLASSIFIER_F32
from tfsent.checkpoint import CheckpointError
from tfsent.model import SequenceClassifier
from tfsent.supervised.presets import theano_lstm

ERRORS = {
    "history_errs": np.array([[0.5, 0.25], [0.375, 0.2]]),
    "train_err": np.array(0.125),
}
FORMS = [
    *(("keras", ".keras"), ("keras", "")),
    *(("twin", ".safetensors"), ("twin", ".pt"), ("twin", "")),
]


@pytest.fixture
def npz(tmp_path):
    path = tmp_path / "lstm_model.npz"
    np.savez(path, **draw(), **ERRORS)
    return path


def read(path):
    container = containers.read(path)
    module, _ = formats.recognize(container)
    return module.read(container)


def written(model, to, path):
    module = formats.format_of(to)
    suffix = {"suffix": path.suffix} if to in ("keras", "twin") else {}
    containers.write(path, module.write(model, to, **suffix))
    return path


def softmax(logits):
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def test_keras_file_gives_the_probabilities_of_the_tutorial(tmp_path, npz):
    path = written(read(npz), "keras", tmp_path / "m.keras")
    model = keras.saving.load_model(path, safe_mode=True)
    assert isinstance(model, SequenceClassifier)
    x, mask = batch()
    difference = softmax(np.array(model(x.T))) - predict(draw(), x, mask)
    assert np.abs(difference).max() < CLASSIFIER_F32.value


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_torch_file_gives_the_probabilities_of_the_tutorial(tmp_path, npz, suffix):
    path = written(read(npz), "twin", tmp_path / f"m{suffix}")
    found = read(path)
    model = Twin(found.num_words, found.num_outputs, found.model).eval()
    arrays = twin_state_dict(containers.read(path))
    model.load_state_dict({n: torch.from_numpy(a) for n, a in arrays.items()})
    x, mask = batch()
    with torch.no_grad():
        logits = model(torch.from_numpy(x.T)).numpy()
    error = np.abs(softmax(logits) - predict(draw(), x, mask)).max()
    assert error < CLASSIFIER_F32.value


def test_state_dict_in_a_pt_file_loads_as_it_lies(tmp_path, npz):
    path = written(read(npz), "twin", tmp_path / "m.pt")
    found = torch.load(path, weights_only=True)["weights"]
    Twin(11, 2, read(path).model).load_state_dict(found)


@pytest.mark.parametrize(("to", "suffix"), FORMS)
def test_way_there_and_back_gives_every_bit(tmp_path, npz, to, suffix):
    there = written(read(npz), to, tmp_path / f"m{suffix}")
    back = containers.read(written(read(there), "theano", tmp_path / "b.npz")).arrays
    expected = draw() | ERRORS
    assert back.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype


def test_from_keras_to_torch_and_back_gives_every_bit(tmp_path, npz):
    model = read(npz)
    there = read(written(model, "twin", tmp_path / "m.safetensors"))
    back = read(written(there, "keras", tmp_path / "m.keras"))
    assert back.model == model.model
    assert back.extras == model.extras
    for name, weight in model.weights.items():
        np.testing.assert_array_equal(back.weights[name], weight)


def test_model_trained_without_dropout_is_not_halved(npz):
    container = containers.read(npz)
    plain = theano.read(container, dropout=0.0)
    np.testing.assert_array_equal(plain.weights["output/weight"], draw()["U"])
    assert plain.model.dropout == 0.0
    halved = theano.read(container).weights["output/weight"]
    np.testing.assert_array_equal(2 * halved, draw()["U"])
    np.testing.assert_array_equal(theano.write(plain).arrays["U"], draw()["U"])


def test_shape_is_that_of_the_preset(npz):
    expected = dataclasses.replace(theano_lstm().classifier, embedding_size=5, units=5)
    model = read(npz)
    assert model.model == expected
    assert model.task == {"kind": "binary", "classes": ["0", "1"]}
    assert model.settings["learner"]["optimizer"] == "adadelta"


def test_gates_in_another_order_can_be_told(npz):
    params, order = draw(), "ifuo"
    for name in ("lstm_W", "lstm_U", "lstm_b"):
        i, f, o, c = np.split(params[name], 4, axis=-1)
        params[name] = np.concatenate([i, f, c, o], axis=-1)
    told = theano.read(Container("npz", params), order)
    for name, weight in read(npz).weights.items():
        np.testing.assert_array_equal(told.weights[name], weight)
    with pytest.raises(CheckpointError, match="are no order of i f o u"):
        theano.read(Container("npz", params), "zrn")


def test_forms_of_this_project_have_one_order(tmp_path, npz):
    container = containers.read(written(read(npz), "keras", tmp_path / "m.keras"))
    with pytest.raises(CheckpointError, match="leave --gates out"):
        formats.format_of("keras").read(container, "ifuo")


def test_float64_of_theano_is_rounded_once():
    params = draw(dtype="f8")
    model = theano.read(Container("npz", params))
    assert model.origin.dtype == "float64"
    expected = params["lstm_U"].astype("f4")
    np.testing.assert_array_equal(model.weights["layers/0/forward/wh"], expected)


def test_weights_beyond_float32_are_refused():
    params = draw(dtype="f8")
    params["Wemb"][0, 0] = 1e39
    with pytest.raises(CheckpointError, match="'Wemb' has values beyond float32"):
        theano.read(Container("npz", params))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lstm_U": np.zeros((4, 20), "f4")}, r"'lstm_W' has shape .* not \(5, 16"),
        ({"U": np.zeros((6, 2), "f4")}, r"'U' has shape \(6, 2\), not \(5, 2\)"),
        ({"b": np.zeros((2, 1), "f4")}, r"'b' has shape \(2, 1\)"),
        ({"lstm_b": np.zeros(20, "i4")}, "'lstm_b' has type int32, no float"),
        ({"V": np.zeros(3, "f4")}, r"without a place: \['V'\]"),
    ],
)  # fmt: skip
def test_what_is_no_such_model_is_refused(change, message):
    with pytest.raises(CheckpointError, match=message):
        theano.read(Container("npz", draw() | change))


def test_missing_weight_is_named():
    params = draw()
    del params["lstm_b"]
    with pytest.raises(CheckpointError, match="misses the weight 'lstm_b'"):
        theano.read(Container("npz", params))


def test_other_formats_have_no_place_for_it(npz):
    for to in ("openai", "nvidia-2018-12", "guillitte"):
        with pytest.raises(ValueError, match="holds a language model, no classifier"):
            formats.format_of(to).write(read(npz), to)
    for to in ("deepmoji", "torchmoji"):
        with pytest.raises(ValueError, match="classifier.layers is 2; this one's is 1"):
            formats.format_of(to).write(read(npz), to)


@pytest.mark.parametrize(("to", "suffix"), FORMS)
def test_what_a_format_writes_is_recognized_as_its_own(tmp_path, npz, to, suffix):
    path = written(read(npz), to, tmp_path / f"m{suffix}")
    module, line = formats.recognize(containers.read(path))
    assert module is formats.format_of(to)
    assert "classifier over words" in line
    assert module.candidates(containers.read(path)) == ()


def test_weights_alone_are_no_file_of_keras(npz):
    with pytest.raises(ValueError, match=r"a folder or a file that ends in \.keras"):
        formats.format_of("keras").write(read(npz), "keras", suffix=".h5")


def test_theano_has_no_place_for_two_widths_nor_other_dropout(npz):
    model = read(npz)

    def other(**settings):
        shape = dataclasses.replace(model.model, **settings)
        return dataclasses.replace(model, model=shape)

    with pytest.raises(ValueError, match="has one width"):
        theano.write(other(embedding_size=3))
    with pytest.raises(ValueError, match="dropout is 0.3; the tutorial has 0.5"):
        theano.write(other(dropout=0.3))
    with pytest.raises(ValueError, match="pooling is mean; this one's is max"):
        theano.write(other(pooling="max"))
    with pytest.raises(ValueError, match="a classifier over words"):
        theano.write(object())


def test_words_beside_the_file_are_those_of_the_run(tmp_path, npz):
    # The tutorial's dictionary goes on beyond the words that a model knows.
    words = {f"w{number}": number for number in range(2, 30)}
    (tmp_path / NAME).write_text(json.dumps(words))
    run = written(read(npz), "keras", tmp_path / "run")
    found = read(run).words
    assert found == ("<pad>", "<unk>", *(f"w{number}" for number in range(2, 11)))
