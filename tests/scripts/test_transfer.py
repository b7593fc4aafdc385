"""scripts/transfer.py: labelled texts in, a classifier and its figures out."""

import csv
import json

import numpy as np
import pytest

import tfsent
from tests.scripts.command import call, contents, error_line
from tests.transfer.planted import UNIT, PlantedModel, write_reviews
from tfsent.transfer import load_classifier
from tfsent.transfer.output import FILES

CHEAP = ["--no-checks", "--feature", "cell-mean"]


@pytest.fixture
def model(monkeypatch, tmp_path):
    """A model that knows good from bad, in place of whatever is named."""
    monkeypatch.setenv("TFSENT_CACHE", str(tmp_path / "cache"))
    planted = PlantedModel()
    monkeypatch.setattr("compare.resolve.resolve", lambda path, precision: planted)
    return planted


@pytest.fixture
def sources(tmp_path):
    """Flags of reviews to train on, to choose on and to measure on."""
    flags = []
    for seed, (split, count) in enumerate({"train": 90, "val": 50, "test": 60}.items()):
        path = write_reviews(tmp_path / f"{split}.csv", count, seed)
        flags += [f"--data.{split}", path]
    return flags


def transfer(capsys, out, *flags, code=0):
    capsys.readouterr()
    assert call("transfer", "--model", "M", "--out", out, *flags) == code
    return capsys.readouterr()


def test_the_neuron_that_knows_is_found_and_measured(model, sources, tmp_path, capsys):
    out = tmp_path / "out"
    captured = transfer(capsys, out, *sources, "--draws", "1")
    *table, last = captured.out.splitlines()
    result = json.loads(last)
    assert result["feature"] == "cell-mean"
    assert (result["neuron"], result["neuron_name"]) == (UNIT, f"cell-mean unit {UNIT}")
    assert result["test_accuracy"] > 0.85
    assert result["neuron_test_accuracy"] > 0.85
    low, high = result["interval"]
    assert low <= result["test_accuracy"] <= high
    assert (result["test_texts"], result["out"]) == (60, str(out))
    assert any("test accuracy" in line for line in table)
    assert {path.name for path in out.iterdir()} == set(FILES)
    # One pass over each split, whatever the number of candidates.
    assert model.parts_asked == [["cell-last", "cell-mean", "hidden-mean"]] * 3
    transfer(capsys, tmp_path / "again", *sources, "--draws", "1")
    assert len(model.parts_asked) == 3, "they are in the cache"
    transfer(capsys, tmp_path / "anew", *sources, *CHEAP, "--no-cache")
    assert len(model.parts_asked) == 6


def test_written_classifier_gives_the_accuracy_that_was_printed(
    model, sources, tmp_path, capsys
):
    captured = transfer(capsys, tmp_path / "out", *sources, *CHEAP, "--json")
    assert captured.err == ""
    result = json.loads(captured.out)
    made = load_classifier(tmp_path / "out")
    assert made.model_fingerprint == model.fingerprint
    rows = [line.split(",") for line in open(tmp_path / "test.csv")][1:]
    texts = [text for text, _ in rows]
    labels = [("negative", "positive")[int(label)] for _, label in rows]
    names = made.labels(model.features(texts, made.feature))
    right = np.mean([name == label for name, label in zip(names, labels, strict=True)])
    assert right == result["test_accuracy"]
    with open(tmp_path / "out" / "predictions.csv", newline="") as file:
        values = [float(row["neuron"]) for row in csv.DictReader(file)]
    columns = model.features(texts, made.feature)[:, UNIT]
    np.testing.assert_allclose(values, columns, rtol=1e-6)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] == right
    assert metrics["data"]["train"]["texts"] == 90
    settings = json.loads((tmp_path / "out" / "config.json").read_text())
    assert settings["data"]["train"] == str(tmp_path / "train.csv")


def test_the_same_command_again_writes_the_same_classifier(
    model, sources, tmp_path, capsys
):
    transfer(capsys, tmp_path / "out", *sources, *CHEAP)
    before = contents(tmp_path / "out")
    transfer(capsys, tmp_path / "out", "--config", tmp_path / "out" / "config.json")
    after = contents(tmp_path / "out")
    for name in ("classifier.json", "classifier.safetensors", "predictions.csv"):
        assert after[name] == before[name]


def test_a_file_alone_is_cross_validated_and_not_measured(
    model, sources, tmp_path, capsys
):
    captured = transfer(capsys, tmp_path / "out", *sources[:2], *CHEAP)
    result = json.loads(captured.out.splitlines()[-1])
    assert result["test_accuracy"] is result["neuron_test_accuracy"] is None
    assert result["chosen_on"] == "cross-validation in 5 folds"
    assert result["val_accuracy"] > 0.85
    assert "no test texts" in captured.out
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == set(FILES) - {"confusion.png", "label_efficiency.png"}


def test_several_neurons_and_features_are_as_asked(model, sources, tmp_path, capsys):
    more = ["--neurons", "2", "--feature", "hidden,all-cell-mean", "--no-checks"]
    captured = transfer(capsys, tmp_path / "out", *sources, *more, "--json")
    result = json.loads(captured.out)
    assert result["feature"] == "all-cell-mean"
    assert len(result["neurons"]) == 2
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert list(metrics["candidates"]) == ["hidden", "all-cell-mean"]


def test_stars_are_cut_by_a_threshold(model, tmp_path, capsys):
    stars = write_reviews(tmp_path / "s.csv", 90, 1, key="stars", values=(1, 3, 5))
    flags = ["--data.train", stars, "--data.label-key", "stars", *CHEAP]
    captured = transfer(capsys, tmp_path / "three", *flags)
    assert "--data.label-threshold" in captured.err
    assert json.loads(captured.out.splitlines()[-1])["kind"] == "multiclass"
    flags += ["--data.label-threshold", "3.5"]
    captured = transfer(capsys, tmp_path / "two", *flags)
    assert json.loads(captured.out.splitlines()[-1])["kind"] == "binary"
    assert "--data.label-threshold" not in captured.err


def test_several_labels_are_classified_each(model, tmp_path, capsys):
    rows = [
        f"{'good' if n % 2 else 'bad'} film {n},{n % 2},{int(n % 3 == 0)}"
        for n in range(90)
    ]
    (tmp_path / "two.csv").write_text("\n".join(["text,nice,third", *rows]))
    source = tmp_path / "two.csv"
    flags = ["--data.train", source, "--data.val", source, "--data.test", source]
    flags += ["--data.label-key", "nice,third", *CHEAP, "--metric", "mcc"]
    captured = transfer(capsys, tmp_path / "out", *flags, "--json")
    result = json.loads(captured.out)
    assert result["kind"] == "multilabel"
    assert 0.5 < result["test_mcc"] <= 1.0
    assert load_classifier(tmp_path / "out").classes == ("nice", "third")


def test_a_real_model_is_read(ended, sources, tmp_path, capsys):
    flags = ["--model", ended, "--out", tmp_path / "out", *sources, "--no-checks"]
    flags += ["--feature", "hidden-mean"]
    capsys.readouterr()
    assert call("transfer", *flags, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    found = tfsent.load(ended)
    made = load_classifier(tmp_path / "out")
    assert made.model_fingerprint == found.fingerprint
    probabilities = made.predict(found.features(["a good film"], made.feature))
    assert 0.0 < probabilities[0] < 1.0
    assert result["feature"] == made.feature


FLAWS = {
    "one class": ("text,label\na,1\nb,1\n", [], ["label 1", "at least two labels"]),
    "no column": ("text,stars\na,1\n", [], ["data.label_key 'label'", "'stars'"]),
    "NaN": ("text,label\na,1\nb,nan\n", [], ["line 3", "nan", "finite number"]),
    "stars": (
        "text,label\n" + "".join(f"a,{n / 2}\n" for n in range(9)),
        [],
        ["9 values", "--data.label-threshold"],
    ),
    "three labels": (
        None,
        ["--data.test", "three.csv"],
        ["data.test", "three.csv", "the label 2", "0, 1"],
    ),
    "no feature": (None, ["--feature", "sell"], ["feature is 'sell'"]),
    "neurons": (None, ["--neurons", "99"], ["neurons is 99", "has 7"]),
    "one text": ("text,label\na,1\nb,0\nc,0\n", [], ["class of one text", "data.val"]),
    "plain text": (None, ["--data.val", "words.txt"], ["words.txt", "no label"]),
    "missing": (None, ["--data.test", "nowhere.csv"], ["data.test", "nowhere.csv"]),
    "empty": ("text,label\n", [], ["no sample"]),
}


@pytest.mark.parametrize("flaw", FLAWS)
def test_what_cannot_be_learnt_is_refused_in_one_line_and_nothing_is_written(
    flaw, model, sources, tmp_path, capsys, monkeypatch
):
    content, flags, words = FLAWS[flaw]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "three.csv").write_text("text,label\na,0\nb,2\nc,1\n")
    (tmp_path / "words.txt").write_text("good\n")
    source = sources[1]
    if content is not None:
        source = tmp_path / "flawed.csv"
        source.write_text(content)
    before = contents(tmp_path)
    flags = ["--data.train", source, *flags, "--json"]
    captured = transfer(capsys, tmp_path / "out", *flags, code=1)
    line = error_line(captured)
    assert [word for word in words if word not in line] == []
    assert captured.out == ""
    assert contents(tmp_path) == before
    assert model.asked == []  # Known before the model reads, which takes longest.


def test_a_folder_of_something_else_is_refused_before_anything_is_read(
    model, sources, tmp_path, capsys
):
    captured = transfer(capsys, tmp_path, *sources, code=1)
    assert "a new or empty folder" in error_line(captured)
    assert model.asked == []


def test_labels_are_checked_before_anything_is_read(model, sources, tmp_path, capsys):
    flawed = write_reviews(tmp_path / "odd.csv", 20, 1, values=(0, 7))
    captured = transfer(
        capsys, tmp_path / "out", *sources[:2], "--data.test", flawed, "--json", code=1
    )
    assert "the label 7" in error_line(captured)
    assert model.asked == []


def test_training_texts_must_be_named(tmp_path, capsys):
    captured = transfer(capsys, tmp_path / "out", code=2)
    assert "--data.train must be given" in error_line(captured)
