"""scripts/finetune.py --preset lm-finetune, and classify.py on supervised runs."""

import csv
import io
import json
import signal

import numpy as np
import pytest

import tfsent
from tests.scripts.command import call, start
from tests.scripts.test_finetune import SMALL, error_line, finetune, result_of, write
from tfsent.supervised.store import read_model

PRESET = (
    "--preset lm-finetune --learner.batch-size 16 --learner.epochs 6 "
    "--learner.patience 6 --learner.learning-rate 0.03 --encoder.dropout 0 "
    "--learner.schedule constant"
).split()


@pytest.fixture(scope="module")
def flags(tmp_path_factory):
    """Flags of texts to train on, to choose on and to measure on."""
    folder, flags = tmp_path_factory.mktemp("labelled"), []
    for seed, (split, count) in enumerate({"train": 96, "val": 40, "test": 30}.items()):
        flags += [f"--data.{split}", write(folder / f"{split}.csv", count, seed)]
    return flags


@pytest.fixture(scope="module")
def model(tmp_path_factory, text):
    """Run of a language model of the twin that ended."""
    run = tmp_path_factory.mktemp("language") / "run"
    given = (
        "--model.hidden-size 16 --model.embedding-size 8 --model.cell lstm "
        "--training.batch-size 4 --training.window 16 --training.steps 5 "
        "--training.eval-interval 0 --checkpoint.interval 0 --log.no-progress"
    ).split()
    assert call("train_twin", "--data.source", text, "--out", run, *given) == 0
    return run


def classified(capsys, run, source, *flags):
    capsys.readouterr()
    assert call("classify", "--model", run, "--data.source", source, *flags) == 0
    return capsys.readouterr().out


def test_language_model_is_fine_tuned_and_got_out_again(flags, model, tmp_path, capsys):
    out = tmp_path / "run"
    given = [*flags, *PRESET, "--framework", "torch", "--neutral-share", "0.2"]
    captured = finetune(capsys, out, *given, "--encoder.model", model)
    result = result_of(captured)
    assert "GiB" in captured.err
    assert result["test_accuracy"] > 0.9
    assert result["test_decided_accuracy"] >= result["test_accuracy"] - 0.05
    assert 0.0 <= result["test_undecided"] <= 0.5
    assert not (out / "words.json").exists()
    # What classify.py says of the test texts is what the run has measured.
    measured = list(csv.DictReader((out / "predictions.csv").open()))
    rows = classified(capsys, out, flags[-1])
    for row, before in zip(csv.DictReader(io.StringIO(rows)), measured, strict=True):
        assert row["label"] == before["prediction"]
        assert float(row["probability"]) == pytest.approx(
            float(before["probability"]), rel=1e-5
        )
    # The language model within it, for other commands and on the other framework.
    alone = tfsent.load(out / "language_model")
    kept = read_model(out).weights
    for name, array in alone.named_weights().items():
        np.testing.assert_array_equal(array, kept[name])
    # Gone on from in the other framework: it begins where this one has ended.
    begun = [
        *flags,
        *PRESET,
        "--learner.learning-rate",
        "1e-9",
        "--learner.epochs",
        "1",
    ]
    captured = finetune(capsys, tmp_path / "on", *begun, "--start", out)
    assert "new:" not in captured.err
    assert result_of(captured)["test_accuracy"] == result["test_accuracy"]


def test_killed_run_goes_on_to_the_weights_of_an_unbroken_one(
    flags, model, tmp_path, capsys
):
    given = [*flags, *PRESET, "--framework", "torch", "--encoder.model", model]
    given += ["--encoder.dropout", "0.3", "--learner.thaw", "chain-thaw"]
    given += ["--learner.epochs", "2"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finetune(capsys, whole, *given)
    process = start("finetune", "--out", broken, *given)
    for line in process.stderr:
        if "layers/0, update 18:" in line:
            process.send_signal(signal.SIGTERM)
            break
    process.stderr.read()
    assert process.wait() == 143
    finetune(capsys, broken, *given)
    ours, theirs = read_model(broken).weights, read_model(whole).weights
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array)


def test_thresholds_come_from_validation_texts_alone(flags, model, tmp_path, capsys):
    """Other test texts leave thresholds and weights as they were."""
    facts = []
    for number, test in enumerate((flags[-1], flags[3])):
        out = tmp_path / str(number)
        given = [*flags[:4], "--data.test", test, *PRESET, "--framework", "torch"]
        given += ["--encoder.model", model, "--neutral-share", "0.3"]
        given += ["--learner.epochs", "1"]
        finetune(capsys, out, *given)
        facts.append(json.loads((out / "metrics.json").read_bytes()))
    assert facts[0]["task"] == facts[1]["task"]
    assert facts[0]["test"] != facts[1]["test"]


@pytest.mark.parametrize("system", ["words", "linear", "embeddings"])
def test_run_of_every_system_classifies_new_texts(system, flags, tmp_path, capsys):
    out = tmp_path / "run"
    given = ["--system", system, "--framework", "torch", "--embeddings.min-count", "1"]
    finetune(capsys, out, *flags, *SMALL, *given)
    measured = list(csv.DictReader((out / "predictions.csv").open()))
    rows = list(csv.DictReader(io.StringIO(classified(capsys, out, flags[-1]))))
    assert [row["label"] for row in rows] == [row["prediction"] for row in measured]
    found = [float(row["probability"]) for row in rows]
    expected = [float(row["probability"]) for row in measured]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for row in rows:
        assert (float(row["score"]) > 0) == (float(row["probability"]) > 0.5)
    for name in ("out.jsonl", "out.npy"):
        classified(capsys, out, flags[-1], "--out", tmp_path / name)
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [json.loads(line)["label"] for line in lines] == [r["label"] for r in rows]
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), expected, rtol=1e-5)


def test_number_is_told_of_new_texts(tmp_path, capsys):
    train = write(tmp_path / "stars.csv", 90, 0, "stars", (2, 9))
    test = write(tmp_path / "test.csv", 20, 1, "stars", (2, 9))
    given = ["--data.train", train, "--data.test", test, "--data.label-key", "stars"]
    given += ["--regression", "--framework", "torch"]
    finetune(capsys, tmp_path / "run", *given, *SMALL)
    measured = list(csv.DictReader((tmp_path / "run" / "predictions.csv").open()))
    rows = classified(capsys, tmp_path / "run", test).splitlines()
    assert rows[0] == "prediction"
    expected = [float(row["prediction"]) for row in measured]
    np.testing.assert_allclose([float(r) for r in rows[1:]], expected, rtol=1e-5)


BAD = {
    "no model": ([], 1, "encoder.model names the language model"),
    "new weights": (
        ["--encoder.model", "M", "--learner.thaw", "new"],
        1,
        "learner.thaw is new",
    ),
    "no such feature": (
        ["--encoder.model", "M", "--encoder.feature", "cell-sum"],
        1,
        "feature is 'cell-sum'",
    ),
    "no scale": (
        ["--encoder.model", "M", "--precision", "mixed_float16"],
        1,
        "precision is mixed_float16",
    ),
    "one head apart": (
        ["--encoder.heads", "1", "--encoder.head-variance", "0.1"],
        2,
        "there is one head",
    ),
    "no such model": (["--encoder.model", "nowhere"], 1, "nowhere"),
    "zone of a linear model": (
        ["--system", "linear", "--neutral-share", "0.1"],
        2,
        "neutral_share goes with system words or language",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_work_is_one_line(case, flags, model, tmp_path, capsys):
    given, code, told = BAD[case]
    given = [str(model) if flag == "M" else flag for flag in given]
    given = [*flags, *PRESET, "--framework", "torch", *given]
    captured = finetune(capsys, tmp_path / "run", *given, code=code)
    assert told in error_line(captured)


def test_classifier_beside_a_supervised_run_is_refused(flags, tmp_path, capsys):
    out = tmp_path / "run"
    finetune(capsys, out, *flags, "--preset", "linear")
    capsys.readouterr()
    given = ["--model", out, "--classifier", out, "--data.source", flags[-1]]
    assert call("classify", *given) == 1
    assert "is a classifier itself" in error_line(capsys.readouterr())
