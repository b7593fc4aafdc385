"""scripts/generate.py: what a model writes, how it is held, what is refused."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import tfsent
from tests.scripts.command import CHEAP, ROOT, call, error_line
from tfsent.checkpoint import load_weights, save_weights
from tfsent.config import NO_DECODER
from tfsent.transfer.classifier import Classifier, Neuron


@pytest.fixture(scope="module")
def mlstm(text, tmp_path_factory):
    """Run folder of a cheap run of a model that keeps a cell state."""
    run_dir = tmp_path_factory.mktemp("mlstm") / "run"
    flags = ["--data.source", text, "--out", run_dir, *CHEAP]
    assert call("train", *flags, "--model.cell", "mlstm") == 0
    return run_dir


@pytest.fixture(scope="module")
def classifier(mlstm, tmp_path_factory):
    """Folder of a classifier whose neuron is low in positive texts."""
    folder = tmp_path_factory.mktemp("classifier")
    Classifier(
        feature="cell",
        classes=("negative", "positive"),
        kind="binary",
        weights=np.linspace(-1, 1, 8)[:, None],
        bias=np.zeros(1),
        thresholds=np.full(1, 0.5),
        neuron=Neuron(0, 0, "cell", "last", 0, sign=-1, threshold=0.25, limit=2.0),
        model_fingerprint=tfsent.load(mlstm).fingerprint,
        text_rule="openai",
    ).save(folder)
    return folder


def written(capsys, model, *flags):
    capsys.readouterr()
    assert call("generate", "--model", model, *flags) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def facts(capsys, model, *flags):
    return json.loads(written(capsys, model, *flags, "--json"))


def test_text_is_that_of_the_loaded_model(mlstm, capsys):
    flags = "--prompt film --length 30 --seed 4 --temperature 0.8 --top-k 9".split()
    found = facts(capsys, mlstm, *flags, "--samples", "2")
    expected = tfsent.load(mlstm).generate(
        "film", 30, temperature=0.8, top_k=9, seed=4, samples=2
    )
    assert [sample["text"] for sample in found["samples"]] == expected
    assert [sample["seed"] for sample in found["samples"]] == [4, 5]
    assert found["prompt"] == "film"
    assert all(text.startswith("film") for text in expected)


def test_without_json_texts_stand_alone_and_drive_no_terminal(mlstm, capsys):
    # A model of 30 steps draws control characters.
    out = written(capsys, mlstm, "--length", "300", "--samples", "2", "--seed", "7")
    assert out.startswith("[seed 7]\n")
    assert "\n[seed 8]\n" in out
    assert all(c in "\n\t" or c >= " " for c in out)
    assert "\x7f" not in out
    one = written(capsys, mlstm, "--length", "20", "--prompt", "film")
    assert one.startswith("film")


@pytest.mark.parametrize("negate", [False, True])
def test_a_neuron_by_number_is_held_at_the_value_itself(negate, mlstm, capsys):
    flags = "--length 30 --neuron 0 --overwrite 1.5".split()
    flags += ["--negate"] if negate else []
    found = facts(capsys, mlstm, *flags)
    value = -1.5 if negate else 1.5
    assert found["overwrite"] == {"0": value}
    assert found["overwrite_state"] == "cell"
    expected = tfsent.load(mlstm).generate(length=30, overwrite={0: value})
    assert found["samples"][0]["text"] == expected
    assert expected != tfsent.load(mlstm).generate(length=30)


def test_state_and_layer_of_a_neuron_are_what_is_asked_for(mlstm, capsys):
    flags = "--length 30 --neuron 3 --overwrite 0.5 --state hidden --layer 0".split()
    found = facts(capsys, mlstm, *flags)["samples"][0]["text"]
    expected = tfsent.load(mlstm).generate(
        length=30, overwrite={3: 0.5}, overwrite_state="hidden", overwrite_layer=0
    )
    assert found == expected


def test_a_model_without_cell_state_is_held_by_its_hidden_one(ended, capsys):
    found = facts(capsys, ended, *"--length 20 --neuron 0 --overwrite 0.5".split())
    assert found["overwrite_state"] == "hidden"


def test_a_classifier_says_which_way_is_positive(mlstm, classifier, capsys):
    flags = ["--classifier", classifier, "--length", "30", "--overwrite"]
    found = facts(capsys, mlstm, *flags, "1")
    assert found["overwrite"] == {"0": 0.25 - 2.0}
    expected = tfsent.load(mlstm).generate(length=30, overwrite={0: -1.75})
    assert found["samples"][0]["text"] == expected
    turned = facts(capsys, mlstm, *flags, "1", "--negate")
    assert turned["overwrite"] == {"0": 2.25}
    assert turned["samples"] == facts(capsys, mlstm, *flags, "-1")["samples"]


def test_a_heat_map_is_how_the_model_reads_the_text_freely(mlstm, capsys):
    flags = "--length 30 --prompt film --neuron 2 --heatmap".split()
    found = facts(capsys, mlstm, *flags, "--overwrite", "5")["samples"][0]
    values = found["heatmap"]["values"]
    expected = tfsent.load(mlstm).trace(found["text"], [2])[:, 0]
    assert values[:4] == pytest.approx(expected[2:6].tolist())
    assert max(values) < 5
    out = written(capsys, mlstm, *flags)
    assert "\x1b[38;2;" in out
    assert "Neuron 2" in out


def test_a_heat_map_of_a_classifier_needs_no_overwrite(mlstm, classifier, capsys):
    flags = ["--length", "20", "--classifier", classifier, "--heatmap"]
    found = facts(capsys, mlstm, *flags)
    assert found["samples"][0]["heatmap"]["sign"] == -1
    assert "overwrite" not in found


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        ("--overwrite 1", 1, ["brings no classifier", "--neuron"]),
        ("--heatmap", 1, ["brings no classifier", "--classifier"]),
        ("--overwrite 1 --neuron 8", 1, ["unit is 8", "0 to 7"]),
        ("--heatmap --neuron 8", 1, ["neuron is 8", "0 to 7"]),
        ("--overwrite 1e60 --neuron 1", 1, ["1e+60", "finite"]),
        ("--overwrite nan --neuron 1", 2, ["overwrite is nan"]),
        ("--overwrite 1 --neuron 1 --layer 3", 1, ["layer is 3"]),
        ("--temperature -1", 2, ["temperature is -1"]),
        ("--length 0", 2, ["length is 0"]),
        ("--top-k 0", 2, ["top_k is 0"]),
        ("--overwrite high --neuron 1", 2, ["--overwrite is 'high'"]),
        ("--overwrite 1 --classifier nowhere", 1, ["nowhere"]),
        ("--prompt a\udcff", 2, ["prompt is not UTF-8"]),
    ],
)
def test_what_cannot_work_is_refused_in_one_line(flags, code, words, mlstm, capsys):
    capsys.readouterr()
    assert call("generate", "--model", mlstm, *flags.split()) == code
    captured = capsys.readouterr()
    line = error_line(captured)
    assert [word for word in words if word not in line] == []
    assert captured.out == ""


def test_the_classifier_of_another_model_is_refused(
    mlstm, classifier, tmp_path, capsys
):
    weights, config = load_weights(mlstm)
    weights["output/bias"] = weights["output/bias"] + 1
    save_weights(tmp_path, weights, config)
    capsys.readouterr()
    flags = ["--model", tmp_path, "--classifier", classifier, "--overwrite", "1"]
    assert call("generate", *flags) == 1
    assert "another model" in error_line(capsys.readouterr())
    assert call("generate", *flags, "--any-model", "--length", "5") == 0


def test_a_model_without_decoder_says_so_in_one_line(mlstm, tmp_path, capsys):
    weights, config = load_weights(mlstm)
    kept = {name: w for name, w in weights.items() if not name.startswith("output/")}
    save_weights(tmp_path, kept, config | {"decoder": False})
    capsys.readouterr()
    assert call("generate", "--model", tmp_path) == 1
    assert error_line(capsys.readouterr()) == NO_DECODER


@pytest.mark.slow
def test_a_terminal_that_knows_no_unicode_gets_question_marks(mlstm):
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/generate.py", "--model", mlstm]
        + ["--prompt", "caf\xe9", "--length", "9"],
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
        capture_output=True,
        text=True,
        encoding="ascii",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("caf?")
