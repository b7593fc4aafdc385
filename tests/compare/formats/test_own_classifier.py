"""Every shape of classifier as a run, a .keras file and a file of the twin."""

import dataclasses
import json

import keras
import numpy as np
import pytest

from compare import containers, formats
from compare.checkpoint import Origin
from compare.containers import Container
from compare.containers.keras_file import SETTINGS
from compare.formats.sequence_classifier import expected_shapes
from compare.formats.word_model import WordModel, task_of
from tests.compare.classifier_cases import CASES, NUM_WORDS, batch
from tfsent.checkpoint import CheckpointError
from tfsent.model import SequenceClassifier
from tfsent.supervised.store import read_model

K = 3
FORMS = [
    ("keras", "run"),
    ("twin", "run"),
    ("keras", "m.keras"),
    ("twin", "m.pt"),
    ("twin", "m.safetensors"),
]


def model_of(case, **changes):
    rng = np.random.default_rng(1)
    shapes = expected_shapes(CASES[case], NUM_WORDS, K)
    weights = {n: rng.standard_normal(s).astype("f4") for n, s in shapes.items()}
    model = WordModel(
        weights, CASES[case], task_of(K), Origin("keras", "", "float32", NUM_WORDS)
    )
    return dataclasses.replace(model, **changes)


def written(model, to, path):
    content = formats.format_of(to).write(model, to, suffix=path.suffix)
    containers.write(path, content)
    return path


def read(path):
    container = containers.read(path)
    return formats.recognize(container)[0].read(container)


@pytest.mark.parametrize("case", CASES)
def test_shapes_are_those_of_the_model(case):
    model = SequenceClassifier(NUM_WORDS, K, CASES[case])
    model.build(None)
    found = {n: tuple(v.shape) for n, v in model.named_weights().items()}
    assert list(found.items()) == list(
        expected_shapes(CASES[case], NUM_WORDS, K).items()
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("to", "name"), FORMS)
def test_every_form_gives_every_bit_back(tmp_path, case, to, name):
    model = model_of(case)
    again = read(written(model, to, tmp_path / name))
    assert again.model == model.model
    assert again.weights.keys() == model.weights.keys()
    for weight, array in model.weights.items():
        np.testing.assert_array_equal(again.weights[weight], array)
    assert again.origin.symbols == NUM_WORDS


@pytest.mark.parametrize("case", ["one-hot mlstm", "identity", "deepmoji"])
def test_keras_reads_what_is_written_and_is_read(tmp_path, case):
    model, given = model_of(case), batch()
    path = written(model, "keras", tmp_path / "m.keras")
    loaded = keras.saving.load_model(path, safe_mode=True)
    for name, variable in loaded.named_weights().items():
        np.testing.assert_array_equal(variable, model.weights[name])
    loaded(given.words_NT, mask=given.mask_NT)
    loaded.save(tmp_path / "again.keras")
    for name, array in read(tmp_path / "again.keras").weights.items():
        np.testing.assert_array_equal(array, model.weights[name])


def test_words_and_origin_go_along_in_a_run(tmp_path):
    words = ("<pad>", "<unk>", *(f"w{n}" for n in range(2, NUM_WORDS)))
    origin = Origin("theano", "ifou", "float64", NUM_WORDS)
    model = model_of("theano", words=words, origin=origin, extras={"train_err": 0.5})
    path = written(model, "twin", tmp_path / "run")
    again = read(path)
    assert again.words == words
    assert again.origin == origin._replace(dtype="float32")
    assert again.extras == {"train_err": 0.5}
    assert read_model(path).reader.encode("w4 w2 w99").tolist() == [4, 2, 1]
    assert json.loads((path / "config.json").read_text())["framework"] == "torch"


def test_run_without_words_has_no_reader(tmp_path):
    path = written(model_of("theano"), "keras", tmp_path / "run")
    assert read_model(path).reader is None
    assert not (path / "words.json").exists()


def test_place_that_is_taken_is_refused(tmp_path):
    content = formats.format_of("keras").write(model_of("theano"), "keras", suffix="")
    (tmp_path / "run").mkdir()
    with pytest.raises(CheckpointError, match="is there already"):
        containers.write(tmp_path / "run", content)


CHANGES = {
    "misses the weight 'readers.0.wh'": lambda a, f: a.pop("readers.0.wh"),
    "without a place": lambda a, f: a.update(more=np.zeros(2, "f4")),
    r"'readers.0.wx' has shape .4, 3., not .20, 3.": lambda a, f: a.update(
        {"readers.0.wx": np.zeros((4, 3), "f4")}
    ),
    "has shape .9,.": lambda a, f: a.update({"output.weight": np.zeros(9, "f4")}),
    "type int32, no float": lambda a, f: a.update({"output.bias": np.zeros(K, "i4")}),
    "says no task": lambda a, f: f["classifier"].pop("task"),
    "does not say its settings": lambda a, f: f.clear(),
    "classifier.cell is 'rnn'": lambda a, f: f["classifier"]["settings"][
        "classifier"
    ].update(cell="rnn"),
}


@pytest.mark.parametrize("message", CHANGES)
def test_state_dict_that_is_not_sound_is_refused(message):
    twin = formats.format_of("twin")
    found = twin.write(model_of("theano"), "twin", suffix=".safetensors")
    CHANGES[message](found.arrays, found.facts)
    with pytest.raises(CheckpointError, match=message):
        twin.read(found)


def test_keras_file_whose_settings_are_of_another_model_is_refused():
    module = formats.format_of("keras")
    found = module.write(model_of("theano"), "keras", suffix=".keras")
    told = found.facts[SETTINGS]["settings"]
    changed = told | {"classifier": told["classifier"] | {"pooling": "max"}}
    facts = found.facts | {SETTINGS: found.facts[SETTINGS] | {"settings": changed}}
    with pytest.raises(CheckpointError, match="settings are of another model"):
        module.read(Container("keras", found.arrays, facts))
