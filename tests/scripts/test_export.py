"""scripts/export.py: one command, and a folder or one line that says why not."""

import json

import numpy as np
import pytest

import tfsent.export
from tests.scripts.command import CHEAP, call, error_line
from tests.tolerances import EXPORTED_F32
from tfsent.export import small_formats
from tfsent.transfer.classifier import Classifier

TEXTS = ["the film was great", "a dull &amp; slow plot"]


@pytest.fixture(scope="module")
def classifier(ended, tmp_path_factory):
    """Folder of a classifier made for the run that ended."""
    model = tfsent.load(ended)
    made = Classifier(
        feature="hidden-mean",
        classes=("negative", "positive"),
        kind="binary",
        weights=np.linspace(-3, 3, 8)[:, None],
        bias=np.array([0.1]),
        thresholds=np.array([0.5]),
        neuron=None,
        model_fingerprint=model.fingerprint,
        text_rule=model.text_rule,
    )
    return made.save(tmp_path_factory.mktemp("classifier") / "made")


def test_exported_run_classifies_raw_text(ended, classifier, tmp_path, capsys):
    import tensorflow as tf

    from tfsent.transfer.classifier import load_classifier

    out = tmp_path / "out"
    flags = ["--model", ended, "--classifier", classifier, "--out", out, "--json"]
    assert call("export", *flags) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["out"] == str(out)
    assert about["feature"] == "hidden-mean"
    found = tf.saved_model.load(out).signatures["serving_default"](
        text=tf.constant(TEXTS)
    )
    features = tfsent.load(ended).features(TEXTS, "hidden-mean")
    expected = load_classifier(classifier).predict(features)
    np.testing.assert_allclose(found["probability"], expected, atol=1e-5)


def test_result_says_how_far_off_it_is(ended, tmp_path, capsys, monkeypatch):
    about = {"parity": {"largest_difference": {"bpc": 2e-7}}, "signatures": {"bpc": {}}}
    given = {}

    def write(model, folder, classifier, feature, reference):
        given.update(model=model, reference=reference, feature=feature)
        return about

    monkeypatch.setattr(tfsent.export, "export_saved_model", write)
    out = tmp_path / "out"
    capsys.readouterr()
    assert call("export", "--model", ended, "--out", out, "--feature", "hidden") == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [
        "bpc           2.0e-07 off at most",
        f"{out}: bpc",
    ]
    assert "comparing" in captured.err
    assert given["model"] is given["reference"]
    assert given["feature"] == "hidden"


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (["--precision", "mixed_float16"], 2, "float32 will do"),
        (["--format", "onnx", "--classifier", "x"], 2, "savedmodel"),
        (["--feature", "cell"], 1, "keeps no cell state"),
        (["--feature", "hidden", "--classifier", "x"], 2, "exclude each other"),
        (["--classifier", "no-such-folder"], 1, "no-such-folder"),
    ],
)
def test_what_cannot_work_is_told_in_one_line(
    ended, tmp_path, capsys, flags, code, said
):
    capsys.readouterr()
    out = tmp_path / "out"
    assert call("export", "--model", ended, "--out", out, *flags) == code
    captured = capsys.readouterr()
    line = captured.err.splitlines()[-1]
    assert line.startswith("error: ") or code == 2
    assert said in line
    assert captured.out == ""
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_refused_and_left_alone(ended, tmp_path, capsys):
    (tmp_path / "kept").write_text("kept")
    capsys.readouterr()
    assert call("export", "--model", ended, "--out", tmp_path) == 1
    assert "there already" in error_line(capsys.readouterr())
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_a_missing_package_is_named_in_one_line(ended, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(small_formats.PACKAGES, "litert", ("no_such_runtime",))
    capsys.readouterr()
    flags = ["--model", ended, "--out", tmp_path / "out", "--format", "litert"]
    assert call("export", *flags) == 1
    assert "no-such-runtime" in error_line(capsys.readouterr())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["savedmodel", "litert", "onnx"])
def test_a_run_of_the_twin_is_exported_too(text, tmp_path, capsys, kind):
    run_dir = tmp_path / "twin"
    flags = ["--data.source", text, "--out", run_dir, *CHEAP]
    assert call("train_twin", *flags) == 0
    capsys.readouterr()
    out = tmp_path / "out"
    flags = ["--model", run_dir, "--out", out, "--format", kind, "--json"]
    assert call("export", *flags) == 0
    parity = json.loads(capsys.readouterr().out)["parity"]["largest_difference"]
    assert {"features", "logits"} <= set(parity)
    assert max(parity.values()) <= EXPORTED_F32.value
