"""scripts/classify.py: a row for every text, in their order."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest

import tfsent
from tests.scripts.command import ROOT, call, contents, error_line
from tests.transfer.planted import PlantedModel, write_reviews
from tests.transfer.test_classifier import classifier
from tfsent.transfer import load_classifier

TEXTS = ["a good film", "", "bad, very bad", "caf\u00e9 <br />", "good"]


@pytest.fixture
def model(monkeypatch):
    """A model that knows good from bad, in place of whatever is named."""
    planted = PlantedModel()
    monkeypatch.setattr("compare.resolve.resolve", lambda path, precision: planted)
    return planted


@pytest.fixture
def made(tmp_path):
    """Folder of a classifier for that model."""
    classifier(columns=7, model_fingerprint=PlantedModel.fingerprint).save(
        tmp_path / "made"
    )
    return tmp_path / "made"


@pytest.fixture
def source(tmp_path):
    """A csv of texts without labels, one of them empty."""
    rows = [["id", "text"], *([n, text] for n, text in enumerate(TEXTS))]
    with open(tmp_path / "texts.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    return tmp_path / "texts.csv"


def run(capsys, made, source, *flags, code=0):
    capsys.readouterr()
    asked = ["--model", "M", "--classifier", made, "--data.source", source]
    assert call("classify", *asked, *flags) == code
    return capsys.readouterr()


def test_every_text_has_a_row_in_order(model, made, source, capsys):
    captured = run(capsys, made, source)
    rows = list(csv.DictReader(io.StringIO(captured.out)))
    loaded = load_classifier(made)
    features = model.features(TEXTS, "cell-mean")
    assert [row["label"] for row in rows] == loaded.labels(features)
    found = [float(row["probability"]) for row in rows]
    np.testing.assert_allclose(found, loaded.predict(features), rtol=1e-8)
    assert captured.err == ""


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl", "out.npy"])
def test_a_file_is_written_and_summed_up(model, made, source, tmp_path, capsys, name):
    out = tmp_path / name
    captured = run(capsys, made, source, "--out", out, "--json")
    result = json.loads(captured.out)
    assert result["texts"] == sum(result["labels"].values()) == len(TEXTS)
    assert captured.err == ""
    again = out.read_bytes()
    captured = run(capsys, made, source, "--out", out)
    assert captured.out == ""
    assert "5 texts" in captured.err
    assert out.read_bytes() == again


def test_texts_come_from_a_pipe_too(model, made, source, capsys, monkeypatch):
    class Pipe:
        buffer = io.BytesIO("\n".join(TEXTS).encode())

    expected = run(capsys, made, source).out
    monkeypatch.setattr("sys.stdin", Pipe)
    assert run(capsys, made, "-").out == expected


def test_a_glob_is_read_in_order(model, made, tmp_path, capsys):
    for number in (10, 2):
        write_reviews(tmp_path / f"part{number}.csv", 3, seed=number)
    first = run(capsys, made, tmp_path / "part2.csv").out
    both = run(capsys, made, tmp_path / "part*.csv").out
    assert both.startswith(first)
    assert both.count("\n") == 7


def test_a_run_is_classified_as_its_model_says(ended, source, tmp_path, capsys):
    loaded = tfsent.load(ended)
    made = classifier(
        columns=8, feature="hidden-mean", model_fingerprint=loaded.fingerprint
    )
    made.save(tmp_path / "own")
    capsys.readouterr()
    flags = [
        "--model",
        ended,
        "--classifier",
        tmp_path / "own",
        "--data.source",
        source,
    ]
    assert call("classify", *flags, "--out", tmp_path / "p.npy") == 0
    expected = made.predict(loaded.features(TEXTS, "hidden-mean"))
    np.testing.assert_allclose(np.load(tmp_path / "p.npy"), expected, atol=1e-6)


def test_another_model_is_refused_unless_asked_for(
    model, tmp_path, source, capsys, made
):
    classifier(columns=7).save(tmp_path / "other")
    captured = run(capsys, tmp_path / "other", source, code=1)
    line = error_line(captured)
    assert str(tmp_path / "other") in line
    assert "--any-model" in line
    assert captured.out == ""
    assert run(capsys, tmp_path / "other", source, "--any-model").out.count("\n") == 6


FLAWS = ["folder", "bit", "width", "feature", "column", "source", "suffix", "none"]


@pytest.mark.parametrize("flaw", FLAWS)
def test_what_cannot_be_classified_is_refused_in_one_line(
    flaw, model, made, source, tmp_path, capsys
):
    words, flags, code = [], ["--out", tmp_path / "out.csv"], 1
    if flaw == "folder":
        made, words = tmp_path / "nowhere", ["nowhere", "no such folder"]
    elif flaw == "bit":
        path = made / "classifier.safetensors"
        path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
        words = ["classifier.safetensors"]
    elif flaw == "width":
        classifier(model_fingerprint=model.fingerprint).save(made)
        words = ["5 weights", "7 columns"]
    elif flaw == "feature":
        made = tmp_path / "made"
        classifier(feature="hidden-sum", columns=7).save(made)
        words, flags = ["hidden-sum"], [*flags, "--any-model"]
    elif flaw == "column":
        words, flags = ["data.text_key", "'id'"], [*flags, "--data.text-key", "review"]
    elif flaw == "source":
        source, words = tmp_path / "no.csv", ["data.source", "no.csv"]
    elif flaw == "suffix":
        flags, words, code = ["--out", "x.txt"], [".csv, .jsonl or .npy"], 2
    elif flaw == "none":
        flags, words, code = ["--json"], ["--json needs --out"], 2
    before = contents(tmp_path)
    captured = run(capsys, made, source, *flags, code=code)
    line = error_line(captured)
    assert [word for word in words if word not in line] == []
    assert captured.out == ""
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["transfer", "classify"])
def test_help_names_every_flag_and_waits_for_no_framework(name):
    command = [sys.executable, "-X", "importtime", ROOT / "scripts" / f"{name}.py"]
    found = subprocess.run([*command, "--help"], capture_output=True, text=True)
    assert found.returncode == 0
    assert "--precision" in found.stdout
    for package in ("tensorflow", "torch", "sklearn", "matplotlib"):
        assert f" {package}\n" not in found.stderr
