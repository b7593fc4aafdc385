"""The folder of an experiment: whole or not at all, and nothing else's."""

import csv
import io
import json

import numpy as np
import pytest

from tests.transfer.test_classifier import classifier
from tfsent.transfer import load_classifier
from tfsent.transfer.feature import Part
from tfsent.transfer.output import (
    FILES,
    Measured,
    check_out,
    folder_files,
    neuron_names,
    write_folder,
)

TEXTS = ["plain", 'a "quote", comma\nand line', "", "caf\u00e9 \ud800", "last"]


def measured(kind="binary"):
    labels = np.asarray([1, 0, 1, 0, 1])
    predicted = np.linspace(0.1, 0.9, 5)
    if kind != "binary":
        predicted = np.stack([predicted, 1 - predicted, predicted], axis=1)
    if kind == "multilabel":
        labels = (predicted > 0.45).astype(np.int64)
    values = np.asarray([3.0, -1.0, 2.0, 7.0, 0.5])
    return Measured("test texts (x)", TEXTS, labels, predicted, values)


def figures(kind="binary"):
    metrics = dict.fromkeys(("f1", "jaccard", "mcc"), 0.5)
    spread = {"mean": 0.5, "low": 0.4, "high": 0.6}
    return {
        "measure": "f1" if kind == "multilabel" else "accuracy",
        "neuron": {"columns": [2, 0], "speaks_for": "positive"},
        "test": {
            "majority_accuracy": 0.5,
            "confusion": [[2, 1], [0, 2]] if kind == "binary" else np.eye(3),
            "labels": dict.fromkeys(("anger", "joy", "fear"), metrics),
        },
        "checks": {
            "label_efficiency": [
                {"labels": 10 * k, "draws": 3, "score": spread} for k in (1, 2)
            ]
        },
    }


def files(kind="binary"):
    made = classifier(kind)
    facts = figures(kind)
    facts["test"]["confusion"] = np.asarray(facts["test"]["confusion"]).tolist()
    names = ["cell-mean unit 2", "cell-mean unit 0"]
    return folder_files({"a": 1}, facts, made, made.weights, names, measured(kind))


def table(content):
    return list(csv.DictReader(io.StringIO(b"".join(content).decode(), newline="")))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel"])
def test_folder_holds_every_file(tmp_path, kind):
    made = classifier(kind)
    write_folder(tmp_path / "new" / "out", files(kind), made)
    found = {path.name for path in (tmp_path / "new" / "out").iterdir()}
    assert found == set(FILES)
    loaded = load_classifier(tmp_path / "new" / "out")
    np.testing.assert_array_equal(loaded.weights, made.weights)
    assert json.loads((tmp_path / "new" / "out" / "config.json").read_text()) == {
        "a": 1
    }
    for path in (tmp_path / "new" / "out").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")


def test_predictions_have_a_row_for_every_text():
    rows = table(files()["predictions.csv"])
    assert [row["text_index"] for row in rows] == list("01234")
    assert rows[3] == {
        "text_index": "3",
        "label": "negative",
        "prediction": "positive",
        "probability": "0.7",
        "neuron": "7",
    }
    several = table(files("multilabel")["predictions.csv"])
    assert several[0]["prediction"] == "joy"
    assert several[4]["prediction"] == "anger|fear"
    assert several[4]["probability_joy"] == "0.1"


def test_extremes_are_the_texts_at_both_ends():
    rows = table(files()["extremes.csv"])
    found = [(row["end"], row["rank"], row["value"], row["text_index"]) for row in rows]
    assert found == [
        ("highest", "1", "7", "3"),
        ("highest", "2", "3", "0"),
        ("lowest", "1", "-1", "1"),
        ("lowest", "2", "0.5", "4"),
    ]
    assert rows[2]["text"] == TEXTS[1]
    assert rows[0]["text"] == "caf\u00e9 ?"


def test_an_earlier_output_is_replaced_as_a_whole(tmp_path):
    out = tmp_path / "out"
    write_folder(out, {**files(), "confusion.png": b"old"}, classifier())
    kept = files()
    del kept["confusion.png"]
    write_folder(out, kept, classifier(columns=7))
    assert not (out / "confusion.png").exists()
    assert len(load_classifier(out).weights) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "out").mkdir()
    write_folder(tmp_path / "out", files(), classifier())
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_write_that_is_interrupted_leaves_what_was_there(tmp_path):
    out = tmp_path / "out"
    write_folder(out, files(), classifier())

    def broken():
        yield b"half"
        raise KeyboardInterrupt

    for folder in (out, tmp_path / "new"):
        with pytest.raises(KeyboardInterrupt):
            write_folder(folder, {"metrics.json": broken()}, classifier(columns=7))
    assert len(load_classifier(out).weights) == 5
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_belongs_to_others_is_refused(tmp_path):
    check_out(tmp_path / "new")
    check_out(tmp_path)
    write_folder(tmp_path / "out", files(), classifier())
    check_out(tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"out'?, which holds notes.txt"):
        check_out(tmp_path / "out")
    with pytest.raises(ValueError, match="notes.txt"):
        write_folder(tmp_path / "out", files(), classifier())
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match=r"which holds config.json; a new or empty"):
        check_out(tmp_path / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="a file; a folder will do"):
        check_out(tmp_path / "file")


def test_neurons_are_named_by_part_and_unit():
    one, two = Part(0, "cell", "mean"), Part(0, "hidden", "last")
    names = neuron_names([1, 6, 4], (one, two), 4)
    assert names == ["cell-mean unit 1", "hidden unit 2", "hidden unit 0"]
    deep = (Part(0, "cell", "last"), Part(1, "cell", "last"))
    assert neuron_names([5], deep, 4) == ["layer 1 cell unit 1"]
