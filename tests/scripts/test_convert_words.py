"""scripts/convert.py on classifiers over words, and finetune.py on what it writes."""

import json

import numpy as np
import pytest

from compare import containers
from compare.containers import Container
from compare.containers.vocabulary import NAME
from tests import reference_deepmoji as reference
from tests.compare.moji_models import torch_arrays
from tests.reference_classifier import draw
from tests.scripts.command import call, error_line
from tests.scripts.test_finetune import finetune, sources  # noqa: F401
from tfsent.supervised.store import read_model

WORDS = ("the", "a", "film", "plot", "awful", "lovely")
VOCABULARY = {
    "CUSTOM_MASK": 0,
    "CUSTOM_UNKNOWN": 1,
    **{f"CUSTOM_{number}": number for number in range(2, 7)},
    **{word: number for number, word in enumerate(WORDS, 7)},
}
"""13 words, as many as the reference's network has."""

SHAPE = (
    "--preset deepmoji --classifier.embedding-size 3 --classifier.units 4 "
    "--learner.epochs 1"
).split()


@pytest.fixture
def moji(tmp_path):
    """Path of a small network of torchMoji."""
    path = tmp_path / "moji" / "pytorch_model.bin"
    path.parent.mkdir()
    containers.write(path, Container("torch", torch_arrays(reference.draw())))
    return path


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_converted_network_is_tuned_with_its_own_words(
    framework,
    moji,
    sources,  # noqa: F811
    tmp_path,
    capsys,
):
    (moji.parent / NAME).write_text(json.dumps(VOCABULARY))
    file, run = tmp_path / "moji" / "m.h5", tmp_path / "run"
    assert call("convert", moji, file, "--to", "deepmoji") == 0
    to = {"keras": "twin", "torch": "keras"}[framework]
    assert call("convert", file, run, "--to", to) == 0
    assert "13 words with their names" in capsys.readouterr().out
    flags = [*sources, *SHAPE, "--framework", framework]
    flags += ["--start", run, "--learner.thaw", "last"]
    said = finetune(capsys, tmp_path / "tuned", *flags)
    assert "begins with 14 weights of start; new: output/weight" in said.err
    tuned, begun = read_model(tmp_path / "tuned"), reference.draw()
    assert tuned.reader.tokenizer.words[7:] == WORDS
    assert tuned.reader.tokenizer.encode("lovely zebra film").tolist() == [12, 1, 9]
    for name, array in begun.items():
        if not name.startswith("output/"):
            np.testing.assert_array_equal(tuned.weights[name], array)


def test_run_without_words_is_not_gone_on_from(
    moji,
    sources,  # noqa: F811
    tmp_path,
    capsys,
):
    assert call("convert", moji, tmp_path / "run", "--to", "keras") == 0
    flags = [*sources, *SHAPE, "--start", tmp_path / "run", "--learner.thaw", "full"]
    said = finetune(capsys, tmp_path / "tuned", *flags, code=1)
    last = said.err.splitlines()[-1]
    assert last.startswith("error: start ")
    assert "vocabulary.json" in last


def test_vocabulary_of_another_model_is_refused_in_one_line(moji, tmp_path, capsys):
    words = {word: n for word, n in VOCABULARY.items() if n < 12}
    (moji.parent / NAME).write_text(json.dumps(words))
    assert call("convert", moji, tmp_path / "run", "--to", "keras") == 1
    line = error_line(capsys.readouterr())
    assert "has 12 words up to number 11, the model beside it 13" in line
    assert not (tmp_path / "run").exists()


def test_what_a_form_has_no_place_for_is_said(moji, tmp_path, capsys):
    (moji.parent / NAME).write_text(json.dumps(VOCABULARY))
    assert call("convert", moji, tmp_path / "m.keras", "--to", "keras") == 0
    assert "left behind: the words of its numbers" in capsys.readouterr().err
    assert call("convert", moji, tmp_path / "run", "--to", "keras") == 0
    assert capsys.readouterr().err == ""


def test_tutorial_model_is_gone_on_from_with_a_dictionary_beside_it(
    sources,  # noqa: F811
    tmp_path,
    capsys,
):
    (tmp_path / "lstm").mkdir()
    np.savez(tmp_path / "lstm" / "model.npz", **draw())
    words = {word: number for number, word in enumerate([*WORDS, *"uvwxyz"], 2)}
    (tmp_path / "lstm" / NAME).write_text(json.dumps(words))
    source, run = tmp_path / "lstm" / "model.npz", tmp_path / "run"
    assert call("convert", source, run, "--to", "keras") == 0
    shape = "--classifier.embedding-size 5 --classifier.units 5 --learner.epochs 1"
    flags = ["--preset", "theano-lstm", *shape.split(), "--start", run]
    said = finetune(capsys, tmp_path / "tuned", *sources, *flags)
    assert "begins with 6 weights of start\n" in said.err
    assert read_model(tmp_path / "tuned").reader.tokenizer.words[2:8] == WORDS


def test_evaluate_refuses_a_classifier_over_words(moji, tmp_path, capsys):
    flags = ["--model", moji, "--data.source", "builtin"]
    assert call("evaluate", *flags) == 1
    assert "is a classifier over words" in error_line(capsys.readouterr())
