"""scripts/heatmap.py: the neuron of a real model under a text, in three forms."""

import io
import json
import re
import shutil
import sys
from types import SimpleNamespace

import pytest

import tfsent
from tests.scripts.command import call, contents, error_line
from tests.scripts.made_classifier import make_classifier

TEXT = "A gr\u00e9at film & so <b>dull</b>"


@pytest.fixture(scope="module")
def classifier(ended, tmp_path_factory):
    """Folder of a classifier of the run that ended."""
    return make_classifier(tfsent.load(ended)).save(tmp_path_factory.mktemp("made"))


def as_json(capsys, *flags):
    capsys.readouterr()
    assert call("heatmap", *flags, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_values_are_those_of_the_loaded_model(ended, capsys):
    found = as_json(capsys, "--model", ended, "--neuron", 0, "--text", TEXT)
    trace = tfsent.load(ended).trace(TEXT, [0], state="hidden")[:, 0]
    assert "".join(found["characters"]) == TEXT
    # Behind the framing; the accented letter ends with its second byte.
    ends = [2 + len(TEXT[: k + 1].encode()) - 1 for k in range(len(TEXT))]
    assert found["values"] == trace[ends].tolist()
    assert (found["unit"], found["state"], found["limit"]) == (0, "hidden", 1.0)


def test_classifier_is_painted_on_its_scale(ended, classifier, capsys):
    flags = ["--model", ended, "--text", TEXT]
    found = as_json(capsys, *flags, "--classifier", classifier)
    plain = as_json(capsys, *flags, "--neuron", 3)
    expected = [0.125 - value for value in plain["values"]]
    assert found["values"] == pytest.approx(expected, abs=1e-6)
    assert (found["center"], found["limit"], found["sign"]) == (0.125, 0.75, -1)


def test_model_brings_its_own_classifier(run_dir, classifier, capsys):
    for file in classifier.iterdir():
        shutil.copy(file, run_dir)
    found = as_json(capsys, "--model", run_dir, "--text", TEXT)
    assert found["unit"] == 3


def test_without_a_file_the_terminal_shows_the_text(ended, capsys):
    capsys.readouterr()
    assert call("heatmap", "--model", ended, "--neuron", 0, "--text", TEXT) == 0
    shown = capsys.readouterr()
    bare = re.sub("\x1b\\[[0-9;]*m", "", shown.out)
    assert bare.startswith(TEXT)
    assert "Neuron 0 of layer 1, hidden state" in bare
    assert shown.err == ""


@pytest.mark.parametrize("suffix", ["html", "png"])
def test_file_is_written_over_an_old_one(suffix, ended, tmp_path, capsys):
    path = tmp_path / f"map.{suffix}"
    path.write_text("old")
    flags = ["--model", ended, "--neuron", 0, "--text", TEXT, "--out", path]
    capsys.readouterr()
    assert call("heatmap", *flags) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(path) in captured.err
    start = {"html": b"<!doctype html>", "png": b"\x89PNG"}[suffix]
    assert path.read_bytes().startswith(start)


def test_standard_input_is_one_text_and_its_broken_bytes_are_replaced(
    ended, capsys, monkeypatch
):
    given = io.BytesIO(b" two\nlines \xff\xfe! ")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=given))
    found = as_json(capsys, "--model", ended, "--neuron", 0, "--text", "-")
    assert "".join(found["characters"]) == "two lines \ufffd\ufffd!"


def test_empty_text_has_an_empty_map(ended, capsys):
    found = as_json(capsys, "--model", ended, "--neuron", 0, "--text", "")
    assert (found["characters"], found["values"]) == ([], [])


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (["--neuron", "8"], 1, ["neuron is 8", "0 to 7"]),
        (["--neuron", "-1"], 2, ["neuron is -1"]),
        (["--neuron", "0", "--layer", "1"], 1, ["layer is 1"]),
        (["--neuron", "0", "--state", "cell"], 1, ["state is 'cell'", "hidden"]),
        (["--neuron", "0", "--limit", "0"], 2, ["limit is 0"]),
        (["--neuron", "0", "--limit", "nan"], 2, ["limit is nan"]),
        (["--neuron", "0", "--center", "inf"], 2, ["center is inf"]),
        (["--neuron", "0", "--colors", "jet"], 2, ["--colors", "PuOr"]),
        (["--neuron", "0", "--out", "map.gif"], 2, ["'map.gif'", ".html or .png"]),
        (["--neuron", "0", "--classifier", "x"], 2, ["exclude each other"]),
        (["--classifier", "nowhere"], 1, ["nowhere"]),
        ([], 1, ["brings no classifier", "--neuron"]),
    ],
)
def test_what_cannot_be_painted_is_refused_in_one_line(
    flags, code, words, ended, capsys
):
    capsys.readouterr()
    assert call("heatmap", "--model", ended, "--text", "text", *flags) == code
    captured = capsys.readouterr()
    line = error_line(captured)
    assert [word for word in words if word not in line] == []
    assert captured.out == ""


def test_damaged_classifier_and_that_of_another_model_are_refused(
    ended, classifier, tmp_path, capsys
):
    damaged = shutil.copytree(classifier, tmp_path / "damaged")
    (damaged / "classifier.safetensors").write_bytes(b"none")
    other = tmp_path / "other"
    found = make_classifier(tfsent.load(ended))
    object.__setattr__(found, "model_fingerprint", "0" * 64)
    found.save(other)
    before = contents(tmp_path)
    for folder, word in ((damaged, str(damaged)), (other, "another model")):
        capsys.readouterr()
        flags = ["--model", ended, "--text", "t", "--classifier", folder]
        assert call("heatmap", *flags) == 1
        assert word in error_line(capsys.readouterr())
    assert call("heatmap", *flags, "--any-model") == 0
    assert contents(tmp_path) == before
