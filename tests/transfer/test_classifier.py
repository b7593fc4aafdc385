"""The classifier: what it says of features, and what its files let pass."""

import dataclasses
import json

import numpy as np
import pytest

from tfsent.checkpoint import CheckpointError
from tfsent.transfer import Classifier, Neuron, load_classifier
from tfsent.transfer.features import Features

NEURON = Neuron(
    column=2,
    layer=0,
    state="cell",
    pooling="mean",
    unit=2,
    sign=-1,
    threshold=0.25,
    limit=1.5,
)
CLASSES = {
    "binary": ("negative", "positive"),
    "multiclass": ("1", "2", "5"),
    "multilabel": ("anger", "joy", "fear"),
}


def classifier(kind="binary", columns=5, **changes):
    outputs = 1 if kind == "binary" else 3
    random = np.random.default_rng(1)
    return Classifier(
        **{
            "feature": "cell-mean",
            "classes": CLASSES[kind],
            "kind": kind,
            "weights": random.standard_normal((columns, outputs)),
            "bias": random.standard_normal(outputs),
            "thresholds": np.linspace(0.3, 0.5, outputs),
            "neuron": NEURON,
            "model_fingerprint": "ab12",
            "text_rule": "openai",
            **changes,
        }
    )


def rows(count=4, columns=5):
    return np.random.default_rng(2).standard_normal((count, columns))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_two_classes_have_the_probability_of_the_second():
    made = classifier(thresholds=np.asarray([0.5]))
    expected = sigmoid(rows() @ made.weights[:, 0] + made.bias[0])
    assert made.predict(rows()).shape == (4,)
    np.testing.assert_allclose(made.predict(rows()), expected, rtol=1e-12)
    names = [CLASSES["binary"][int(p > 0.5)] for p in expected]
    assert made.labels(rows()) == names
    assert len(set(names)) == 2


def test_several_classes_have_probabilities_that_add_up_to_one():
    made = classifier("multiclass")
    alone = sigmoid(rows() @ made.weights + made.bias)
    expected = alone / alone.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(made.predict(rows()), expected, rtol=1e-12)
    assert made.labels(rows()) == [CLASSES["multiclass"][k] for k in expected.argmax(1)]


def test_several_labels_hold_each_above_its_own_threshold():
    made = classifier("multilabel", bias=np.zeros(3), weights=np.eye(5)[:, :3])
    made = dataclasses.replace(made, thresholds=np.asarray([0.6, 0.4, 0.5]))
    features = np.zeros((1, 5))
    assert made.labels(features) == [["joy"]]


def test_scores_that_overflow_still_give_probabilities():
    made = classifier("multiclass", weights=np.full((5, 3), -1e4), bias=np.zeros(3))
    np.testing.assert_allclose(made.predict(np.ones((1, 5))), 1 / 3)
    assert classifier(weights=np.full((5, 1), 1e5)).predict(np.ones((1, 5))) == 1.0


@pytest.mark.parametrize(
    ("features", "words"),
    [
        (rows(columns=6), ["[4, 6]", "5 columns", "cell-mean"]),
        (rows()[0], ["[5]", "5 columns"]),
        (Features(rows(), "hidden-mean"), ["hidden-mean", "cell-mean"]),
    ],
)
def test_other_features_are_refused(features, words):
    for method in ("scores", "predict", "labels"):
        with pytest.raises(ValueError, match="features are") as error:
            getattr(classifier(), method)(features)
        assert [word for word in words if word not in str(error.value)] == []


def test_features_of_the_same_name_are_taken():
    named = Features(rows(), "cell-mean")
    plain = classifier().predict(np.asarray(named))
    np.testing.assert_array_equal(classifier().predict(named), plain)


@pytest.mark.parametrize("kind", CLASSES)
def test_classifier_comes_back_from_disk_as_it_was(tmp_path, kind):
    made = classifier(kind, neuron=None if kind == "multilabel" else NEURON)
    made.save(tmp_path / "new" / "folder")
    found = load_classifier(tmp_path / "new" / "folder")
    for field in dataclasses.fields(Classifier):
        expected = getattr(made, field.name)
        if isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(getattr(found, field.name), expected)
            assert getattr(found, field.name).dtype == np.float64
        else:
            assert getattr(found, field.name) == expected
    assert type(found.neuron) is type(made.neuron)


def test_files_hold_no_pickle_and_seal_each_other(tmp_path):
    classifier().save(tmp_path / "one")
    classifier(columns=6).save(tmp_path / "two")
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert names == ["classifier.json", "classifier.safetensors"]
    other = (tmp_path / "two" / "classifier.safetensors").read_bytes()
    (tmp_path / "one" / "classifier.safetensors").write_bytes(other)
    with pytest.raises(CheckpointError, match="classifier.safetensors"):
        load_classifier(tmp_path / "one")


def change(**values):
    def spoil(folder):
        facts = json.loads((folder / "classifier.json").read_text())
        for name, value in values.items():
            if value is None:
                del facts[name]
            elif isinstance(value, dict):
                facts[name] |= value
            else:
                facts[name] = value
        (folder / "classifier.json").write_text(json.dumps(facts))

    return spoil


def flip(folder):
    path = folder / "classifier.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)


SPOILT = {
    "no json": lambda folder: (folder / "classifier.json").unlink(),
    "no tensors": lambda folder: (folder / "classifier.safetensors").unlink(),
    "no object": lambda folder: (folder / "classifier.json").write_text("[]"),
    "cut": lambda folder: (folder / "classifier.json").write_text('{"format'),
    "bit": flip,
    "format": change(format="else"),
    "version": change(format_version=2),
    "lacks": change(kind=None),
    "surplus": change(more=1),
    "kind": change(kind="ternary"),
    "classes": change(classes=["a", "b", "c"]),
    "same classes": change(classes=["a", "a"]),
    "class no text": change(classes=["a", 1]),
    "text rule": change(text_rule="mine"),
    "column": change(neuron={"column": 5}),
    "sign": change(neuron={"sign": 0}),
    "limit": change(neuron={"limit": 0.0}),
    "unit": change(neuron={"unit": "2"}),
    "neuron": change(neuron={"more": 1}),
    "hash": change(tensors={"sha256": "0" * 64}),
    "size": change(tensors={"size": 7}),
}


@pytest.mark.parametrize("flaw", SPOILT)
def test_a_spoilt_classifier_is_refused_with_its_path(tmp_path, flaw):
    classifier().save(tmp_path)
    load_classifier(tmp_path)
    SPOILT[flaw](tmp_path)
    with pytest.raises(CheckpointError, match=str(tmp_path)):
        load_classifier(tmp_path)


def test_a_folder_that_is_not_there_is_refused_with_its_path(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere"):
        load_classifier(tmp_path / "nowhere")


@pytest.mark.parametrize("file", ["classifier.safetensors", "classifier.json"])
def test_an_interrupted_save_leaves_no_mixture(tmp_path, monkeypatch, file):
    from tfsent.checkpoint import atomic

    classifier().save(tmp_path)
    replace = atomic.replace_file

    def break_at(path, chunks):
        if path.name == file:
            raise KeyboardInterrupt
        return replace(path, chunks)

    monkeypatch.setattr(atomic, "replace_file", break_at)
    with pytest.raises(KeyboardInterrupt):
        classifier(columns=6).save(tmp_path)
    with pytest.raises(CheckpointError, match="classifier.json"):
        load_classifier(tmp_path)


def test_nan_is_not_saved(tmp_path):
    with pytest.raises(CheckpointError, match="NaN"):
        classifier(bias=np.asarray([np.nan])).save(tmp_path)
