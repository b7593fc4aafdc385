"""Verdicts as rows: every text has one, in order, in every format."""

import csv
import io
import itertools
import json

import numpy as np
import pytest

from tests.transfer.planted import PlantedModel
from tests.transfer.test_classifier import classifier
from tfsent.checkpoint import CheckpointError
from tfsent.transfer.classified import (
    check_model,
    classify,
    find_classifier,
    write_verdicts,
)

TEXTS = ["a good film", "", "bad\nbad", "caf\u00e9", "good"]


def made(kind="binary"):
    return classifier(kind, columns=7, model_fingerprint=PlantedModel.fingerprint)


def expected(kind):
    return made(kind).predict(PlantedModel().features(TEXTS, "cell-mean"))


def write(kind, out, texts=TEXTS):
    verdicts = classify(PlantedModel(), made(kind), texts)
    pipe = io.StringIO()
    counts = write_verdicts(verdicts, made(kind), out and str(out), pipe)
    return counts, pipe.getvalue()


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_every_format_has_every_row_in_order(tmp_path, kind):
    predicted = expected(kind)
    names = made(kind).names(predicted)
    counts, piped = write(kind, None)
    for suffix in (".csv", ".jsonl", ".npy"):
        assert write(kind, tmp_path / f"out{suffix}") == (counts, "")
    assert counts["texts"] == len(TEXTS)
    found = np.load(tmp_path / "out.npy", allow_pickle=False)
    np.testing.assert_allclose(found, predicted, rtol=1e-12)
    assert (tmp_path / "out.csv").read_text() == piped
    rows = list(csv.DictReader(io.StringIO(piped)))
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").open()]
    for row, line, name, p in zip(rows, lines, names, predicted, strict=True):
        if kind == "binary":
            assert row["label"] == line["label"] == name
            assert line["probability"] == pytest.approx(p)
            assert float(row["probability"]) == pytest.approx(p, rel=1e-8)
            assert (float(row["score"]) > 0) == (line["score"] > 0) == (p > 0.5)
            continue
        if kind == "multilabel":
            assert row["label"] == "|".join(name)
            assert line["labels"] == name
        else:
            assert row["label"] == line["label"] == name
        columns = [float(row[f"probability_{each}"]) for each in made(kind).classes]
        np.testing.assert_allclose(columns, p, rtol=1e-8)
        np.testing.assert_allclose(list(line["probabilities"].values()), p)
        assert len(line["scores"]) == 3


def test_labels_are_counted():
    counts, _ = write("binary", None)
    names = made().names(expected("binary"))
    assert counts["positive"] == names.count("positive")
    assert counts["positive"] + counts["negative"] == len(TEXTS)


def test_rows_are_written_while_texts_come():
    lines = []

    class Pipe(io.StringIO):
        def flush(self):
            lines.append(self.getvalue().count("\n"))

    def texts():
        for number in range(3):
            assert lines[-1:] == ([number + 1] if number else [])
            yield "text"

    write_verdicts(classify(PlantedModel(), made(), texts()), made(), None, Pipe())
    assert lines[-1] == 4


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".npy"])
def test_a_failure_half_way_leaves_the_file_as_it_was(tmp_path, suffix):
    out = tmp_path / f"out{suffix}"
    write("binary", out)
    before = out.read_bytes()

    def texts():
        yield "one"
        raise ValueError("row 2 is broken")

    for path in (out, tmp_path / f"new{suffix}"):
        with pytest.raises(ValueError, match="row 2"):
            write("binary", path, texts())
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


def test_nothing_is_written_before_the_first_verdict():
    pipe = io.StringIO()

    def texts():
        raise ValueError("no text")
        yield

    with pytest.raises(ValueError, match="no text"):
        write_verdicts(classify(PlantedModel(), made(), texts()), made(), None, pipe)
    assert pipe.getvalue() == ""


def test_npy_header_keeps_its_length_for_any_count(tmp_path):
    texts = itertools.repeat("text", 1234)
    write("multiclass", tmp_path / "out.npy", texts)
    found = np.load(tmp_path / "out.npy", mmap_mode="r")
    assert found.shape == (1234, 3)
    assert (found == found[0]).all()


def test_classifier_of_another_model_is_refused_unless_asked_for():
    other = classifier(columns=7)
    with pytest.raises(CheckpointError, match=r"DIR: .*--any-model"):
        check_model(other, "DIR", PlantedModel(), False)
    check_model(other, "DIR", PlantedModel(), True)
    check_model(made(), "DIR", PlantedModel(), False)


def test_a_model_that_cannot_give_the_feature_is_refused_all_the_same():
    with pytest.raises(CheckpointError, match=r"7 weights; .* has 4 columns"):
        check_model(made(), "DIR", PlantedModel(hidden_size=4), True)
    with pytest.raises(ValueError, match="gru keeps no cell state"):
        check_model(made(), "DIR", PlantedModel(cell="gru"), True)


def test_a_model_brings_its_own_classifier(tmp_path):
    with pytest.raises(ValueError, match="classifier must be given"):
        find_classifier(None, str(tmp_path))
    made().save(tmp_path / "classifier")
    found, folder = find_classifier(None, str(tmp_path))
    assert folder == str(tmp_path / "classifier")
    classifier("multiclass").save(tmp_path / "other")
    found, folder = find_classifier(str(tmp_path / "other"), str(tmp_path))
    assert found.kind == "multiclass"
