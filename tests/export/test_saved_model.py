"""What leaves the project answers as the model does."""

import json
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import tensorflow as tf

from tests.export.cases import BOTH, HIDDEN, SHAPES, TEXTS, WINDOW, classifier_of, make
from tests.tolerances import EXPORTED_F32, EXPORTED_LONG_F32, SCORE_F32
from tfsent.export import (
    NotEqual,
    cleaning,
    export_saved_model,
    export_small,
    proof,
)
from tfsent.export.cleaning import Cleaner
from tfsent.export.reader import Reader
from tfsent.export.saved_model import shapes_of
from tfsent.export.signatures import Served
from tfsent.transfer.feature import parse_feature

_readers = {}


def read(model, feature, texts):
    """Features by the graph that is exported, without its cleaning."""
    if (model, feature) not in _readers:  # Tracing takes longer than reading.
        parts, reader = parse_feature(feature, model.model.config), Reader(model.model)
        _readers[model, feature] = tf.function(
            lambda data: tf.concat(reader.read(data, parts).pooled, 1),
            input_signature=[tf.TensorSpec([None], tf.string)],
            autograph=False,
        )
    data = tf.constant([model.clean(text) for text in texts], tf.string)
    return _readers[model, feature](data).numpy()


@pytest.mark.parametrize("cell", SHAPES)
def test_features_are_those_of_the_model(cell):
    model = make(cell)
    feature = BOTH if cell in ("mlstm", "lstm") else HIDDEN
    expected = np.asarray(model.features(TEXTS, feature))
    found = read(model, feature, TEXTS)
    assert proof.relative(found, expected) <= EXPORTED_F32.value


def test_a_text_alone_has_the_features_it_has_among_others(model):
    among = read(model, BOTH, TEXTS)
    alone = np.concatenate([read(model, BOTH, [text]) for text in TEXTS])
    assert proof.relative(alone, among) <= EXPORTED_F32.value


@pytest.mark.parametrize("length", [WINDOW - 1, WINDOW, WINDOW + 1, 2 * WINDOW])
def test_a_text_that_ends_at_a_window_is_read_whole(model, length):
    text = b"abcdefg" * 20
    given = [text[:length], text[: length - 1], text[:1]]
    expected = np.asarray(model.features(given, BOTH))
    assert proof.relative(read(model, BOTH, given), expected) <= EXPORTED_F32.value


def test_one_text_of_bytes_has_the_same_features(model):
    served = Served(model.model, parse_feature(BOTH, model.model.config))
    text = model.clean(TEXTS[4])
    found = served.features_of_bytes(np.frombuffer(text, np.uint8))["features"]
    expected = np.asarray(model.features([text], BOTH))
    assert proof.relative(found.numpy(), expected) <= EXPORTED_F32.value


def test_bits_are_those_of_the_model_for_each_text_and_for_all(model):
    served = Served(model.model, parse_feature("cell", model.model.config))
    found = tf.function(served._bpc, autograph=False)(tf.constant(TEXTS))
    assert float(found["bpc"]) == pytest.approx(model.bpc(TEXTS), abs=SCORE_F32.value)
    assert found["scored_bytes"].numpy().tolist() == [
        len(model.clean(text)) - 1 for text in TEXTS
    ]
    for text, bits in zip(TEXTS, found["bits"].numpy(), strict=True):
        expected = model.bpc([text]) * (len(model.clean(text)) - 1)
        assert bits == pytest.approx(expected, rel=SCORE_F32.value)


@pytest.mark.parametrize("cell", ["mlstm", "lstm", "gru"])
def test_streaming_gives_the_logits_of_the_whole(cell):
    model = make(cell)
    served = Served(model.model, ())

    def step(**inputs):
        found = served.step(**{k: tf.constant(v) for k, v in inputs.items()})
        return {name: value.numpy() for name, value in found.items()}

    assert proof.stream_difference(step, model) <= EXPORTED_F32.value


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_classifier_says_what_it_says_of_the_models_features(model, kind):
    classifier = classifier_of(model, kind)
    served = Served(
        model.model, parse_feature("cell-mean", model.model.config), classifier
    )
    found = tf.function(served._classify, autograph=False)(tf.constant(TEXTS))
    features = model.features(TEXTS, "cell-mean")
    predicted = classifier.predict(features)
    assert found["probability"].shape == predicted.shape
    np.testing.assert_allclose(found["probability"], predicted, atol=1e-5)
    np.testing.assert_allclose(found["score"], classifier.scores(features), atol=1e-4)
    labels = np.vectorize(bytes.decode)(found["label"].numpy()).tolist()
    if kind == "multilabel":
        labels = [[name for name in row if name] for row in labels]
        assert len({len(row) for row in labels}) > 1
    assert labels == classifier.labels(features)


def test_exported_model_has_its_signatures_and_its_card(exported):
    folder, about = exported
    names = {"serving_default", "features", "bpc", "step", "clean"}
    assert set(tf.saved_model.load(folder).signatures) == names
    assert json.loads((folder / "assets.extra/export.json").read_text()) == about
    assert about["signatures"]["step"]["inputs"]["byte"] == "uint8[N]"
    assert about["classifier"]["classes"] == ["negative", "positive"]
    assert about["parity"]["largest_difference"]["features"] <= EXPORTED_F32.value
    assert [path.name for path in folder.parent.iterdir()] == ["model"]


def test_weights_are_stored_once(model, exported):
    folder, _ = exported
    [data] = (folder / "variables").glob("variables.data*")
    config = model.model.config
    hidden = config.hidden_size
    numbers = 256 * 5 * hidden + 5 * hidden**2 + 256 * (hidden + 1)
    assert data.stat().st_size < 4 * numbers + 8 * hidden + 2000


def test_no_text_and_text_without_content_have_answers(exported):
    folder, _ = exported
    signatures = tf.saved_model.load(folder).signatures
    none = tf.constant([], tf.string)
    assert signatures["features"](text=none)["features"].shape == (0, 7)
    assert signatures["serving_default"](text=none)["label"].shape == (0,)
    assert np.isnan(signatures["bpc"](text=none)["bpc"])
    empty = signatures["features"](text=tf.constant(["", " \n"]))["features"].numpy()
    np.testing.assert_array_equal(empty[0], empty[1])


def test_an_existing_folder_is_refused(model, tmp_path):
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="there already"):
        export_saved_model(model, tmp_path / "there")
    with pytest.raises(ValueError, match="there already"):
        export_small(model, tmp_path / "there", "onnx")


@pytest.mark.parametrize(("cell", "layers"), [("gru", 1), ("gru", 2), ("lstm", 2)])
def test_step_takes_the_states_that_the_cell_has(cell, layers):
    model = make(cell, layers=layers)
    step = tf.function(
        Served(model.model, ()).step,
        input_signature=Served(model.model, ()).step_specs(),
    ).get_concrete_function()
    hidden = model.model.config.hidden_size
    state = f"float32[N, {hidden}]" if layers == 1 else f"float32[2, N, {hidden}]"
    names = ("h", "c") if cell == "lstm" else ("h",)
    assert shapes_of(step) == {
        "inputs": {"byte": "uint8[N]"} | {f"{name}_in": state for name in names},
        "outputs": {"logits": "float32[N, 256]"}
        | {f"{name}_out": state for name in names},
    }


def test_model_without_decoder_has_no_signature_that_needs_one():
    model = make(decoder=False)
    served = Served(model.model, parse_feature("cell", model.model.config))
    functions = served.signatures()
    assert set(functions) == {"clean", "features", "serving_default"}
    assert functions["serving_default"] is functions["features"]


def test_an_export_that_answers_otherwise_is_not_kept(model, tmp_path, monkeypatch):
    build = Reader.__init__

    def wrong(self, given):
        build(self, given)
        self.output_V1.assign_add(np.eye(256, 1, dtype="f4"))

    monkeypatch.setattr(Reader, "__init__", wrong)
    with pytest.raises(NotEqual, match="logits|bpc.*Nothing was kept"):
        export_saved_model(model, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_cleaning_that_is_wrong_in_long_numbers_alone_is_noticed(monkeypatch):
    def clean_texts(text):
        return {"cleaned": Cleaner("openai")(tf.constant(text)).numpy()}

    assert proof._prove_cleaning(clean_texts, "openai") > 5000
    monkeypatch.setattr(cleaning, "_LONGEST", {"decimal": 7, "hexadecimal": 5})
    with pytest.raises(NotEqual, match="cleans '.#x.* to "):
        proof._prove_cleaning(clean_texts, "openai")


def test_other_labels_probabilities_or_scores_are_noticed(model):
    classifier = classifier_of(model)
    features = np.asarray(model.features(TEXTS, "cell-mean"))
    labels = [name.encode() for name in classifier.labels(features)]
    found = {
        "probability": classifier.predict(features),
        "score": classifier.scores(features),
        "label": np.array(labels, object),
    }
    proof._prove_classifier(found, features, classifier)
    wrong = {
        "other labels": {"label": found["label"][::-1]},
        "probability": {"probability": found["probability"] + 1e-3},
        "score": {"score": found["score"] * np.nan},
    }
    for said, values in wrong.items():
        with pytest.raises(NotEqual, match=said):
            proof._prove_classifier(found | values, features, classifier)


BARE = """
    import sys

    class Refuse:
        refused = ["tfsent", "compare", "torch"]

        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in self.refused:
                raise ImportError(name)

    sys.meta_path.insert(0, Refuse())
    import tensorflow as tf

    Refuse.refused.append("keras")
    import numpy as np

    signatures = tf.saved_model.load(sys.argv[1]).signatures
    texts = tf.constant([t.encode() for t in eval(sys.argv[2])])
    found = signatures["serving_default"](text=texts)
    found |= signatures["features"](text=texts) | signatures["bpc"](text=texts)
    step = signatures["step"](
        byte=tf.constant([10], tf.uint8), h_in=tf.zeros([1, 7]), c_in=tf.zeros([1, 7])
    )
    found |= {"logits": step["logits"]}
    assert not {"tfsent", "compare", "torch"} & set(sys.modules)
    np.savez(sys.argv[3], **{k: v.numpy() for k, v in found.items() if k != "label"})
    print(found["label"].numpy().tolist())
"""


@pytest.mark.slow
def test_exported_model_runs_where_there_is_tensorflow_alone(exported, model, tmp_path):
    folder, _ = exported
    out = tmp_path / "found.npz"
    done = subprocess.run(
        [sys.executable, "-I", "-c", textwrap.dedent(BARE), folder, repr(TEXTS), out],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = np.load(out)
    features = model.features(TEXTS, "cell-mean")
    assert proof.relative(found["features"], np.asarray(features)) <= (
        EXPORTED_F32.value
    )
    assert float(found["bpc"]) == pytest.approx(model.bpc(TEXTS), abs=SCORE_F32.value)
    expected = model.logits(np.array([[10]], np.uint8))[:, 0]
    assert proof.relative(found["logits"], expected) <= EXPORTED_F32.value
    labels = [name.encode() for name in classifier_of(model).labels(features)]
    assert done.stdout.splitlines()[-1] == str(labels)


@pytest.mark.slow
def test_tensorflows_own_command_shows_and_runs_it(exported, tmp_path):
    folder, _ = exported
    tool = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli"]

    def run(*words):
        done = subprocess.run(
            [*tool, *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    shown = run("show", "--dir", str(folder), "--all")
    for name in ("serving_default", "features", "bpc", "step"):
        assert f"signature_def['{name}']" in shown
    flags = ["--dir", str(folder), "--tag_set", "serve", "--signature_def"]
    words = ["serving_default", "--input_exprs", 'text=["Loved it.", "Dull"]']
    assert re.search(r"label:\s*\[b'(nega|posi)tive'", run("run", *flags, *words))
    zeros = [[0.0] * 7] * 2  # The tool reads literals, whose numbers it converts.
    inputs = f"byte=[10, 32];h_in={zeros};c_in={zeros}"
    assert "h_out" in run("run", *flags, "step", "--input_exprs", inputs)


@pytest.mark.slow
def test_the_mean_of_a_long_text_is_accurate(model):
    text = ("It began well; then, for two hours, nothing. " * 3000)[:100_000].encode()
    feature = "cell-mean+hidden-mean+cell"
    found = read(model, feature, [text])
    expected = np.asarray(model.features([text], feature))
    assert np.abs(found - expected).max() / np.abs(expected).max() <= (
        EXPORTED_LONG_F32.value
    )
