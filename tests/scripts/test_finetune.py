"""scripts/finetune.py: labelled texts in, a trained classifier and its figures out."""

import csv
import json
import signal

import numpy as np
import pytest

from tests.scripts.command import call, contents, flip_bit, start
from tfsent.supervised.store import read_model

SMALL = (
    "--classifier.embedding-size 4 --classifier.units 3 --classifier.dropout 0 "
    "--learner.batch-size 8 --learner.epochs 15 --learner.patience 15 "
    "--learner.optimizer adam --learner.learning-rate 0.05 --learner.eval-interval 0"
).split()
FRAMEWORKS = ("keras", "torch")


def write(path, count, seed, column="label", value=None):
    """Write reviews in which one word tells the label."""
    rng = np.random.default_rng(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", column])
        for _ in range(count):
            good = int(rng.integers(2))
            words = rng.choice(["the", "a", "film", "plot"], rng.integers(1, 6))
            words = rng.permutation([*words, ("awful", "lovely")[good]])
            writer.writerow([" ".join(words), good if value is None else value[good]])
    return path


@pytest.fixture
def sources(tmp_path):
    """Flags of texts to train on, to choose on and to measure on."""
    flags = []
    for seed, (split, count) in enumerate(
        {"train": 120, "val": 30, "test": 40}.items()
    ):
        path = write(tmp_path / f"{split}.csv", count, seed)
        flags += [f"--data.{split}", path]
    return flags


def finetune(capsys, out, *flags, code=0):
    capsys.readouterr()
    assert call("finetune", "--out", out, *flags) == code
    return capsys.readouterr()


def error_line(captured):
    """Return the last line on standard error, without its 'error: '."""
    last = captured.err.splitlines()[-1]
    assert last.startswith("error: "), captured.err
    return last


def result_of(captured):
    return json.loads(captured.out.splitlines()[-1])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_word_that_tells_the_label_is_learnt(framework, sources, tmp_path, capsys):
    out = tmp_path / "run"
    captured = finetune(capsys, out, *sources, *SMALL, "--framework", framework)
    result = result_of(captured)
    assert result["test_accuracy"] > 0.95
    low, high = result["interval"]
    assert low <= result["test_accuracy"] <= high
    assert result["run"] == str(out)
    assert {path.name for path in out.iterdir()} == {
        "config.json",
        "manifest.json",
        "metrics.json",
        "predictions.csv",
        "weights.safetensors",
        "words.json",
        ".lock",
    } - ({".lock"} if not (out / ".lock").exists() else set())
    rows = list(csv.DictReader((out / "predictions.csv").open()))
    right = np.mean([row["label"] == row["prediction"] for row in rows])
    assert right == pytest.approx(result["test_accuracy"])
    # Again: the same result, and nothing is trained.
    before = contents(out)
    again = finetune(capsys, out, *sources, *SMALL, "--framework", framework)
    assert result_of(again) == result
    assert "has ended before" in again.err
    assert contents(out) == before


def test_run_of_one_framework_is_gone_on_from_in_the_other(sources, tmp_path, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    finetune(capsys, first, *sources, *SMALL, "--framework", "torch")
    flags = ["--start", first, "--learner.learning-rate", "1e-9"]
    captured = finetune(capsys, second, *sources, *SMALL, *flags)
    assert "begins with 6 weights of start" in captured.err
    assert result_of(captured)["test_accuracy"] > 0.95
    assert (
        read_model(second).reader.tokenizer.words
        == read_model(first).reader.tokenizer.words
    )


def test_start_of_another_shape_is_refused(sources, tmp_path, capsys):
    first = tmp_path / "first"
    finetune(capsys, first, *sources, *SMALL, "--framework", "torch")
    flags = ["--framework", "torch", "--start", first, "--classifier.units", "4"]
    captured = finetune(capsys, tmp_path / "second", *sources, *SMALL, *flags, code=1)
    assert "start has layers/0/forward/wx [4, 12], not [4, 16]" in error_line(captured)


def test_number_is_learnt_where_asked(tmp_path, capsys):
    path = write(tmp_path / "stars.csv", 90, 0, "stars", (2, 9))
    test = write(tmp_path / "test.csv", 40, 1, "stars", (2, 9))
    flags = ["--data.train", path, "--data.test", test, "--data.label-key", "stars"]
    flags += ["--regression", "--framework", "torch"]
    result = result_of(finetune(capsys, tmp_path / "run", *flags, *SMALL))
    assert result["val_r2"] > 0.9
    assert result["test_rmse"] < 1.0
    assert result["test_accuracy"] is None


def test_texts_are_set_apart_where_there_are_none_to_choose_on(
    sources, tmp_path, capsys
):
    flags = [*sources[:2], *sources[4:], *SMALL, "--framework", "torch"]
    captured = finetune(capsys, tmp_path / "run", *flags)
    assert "12 of the training texts are set apart" in captured.err


def test_other_settings_are_refused_for_a_run_that_ended(sources, tmp_path, capsys):
    flags = [*sources, *SMALL, "--framework", "torch"]
    finetune(capsys, tmp_path / "run", *flags)
    captured = finetune(
        capsys, tmp_path / "run", *flags, "--classifier.units", "9", code=1
    )
    assert "classifier.units is 9" in error_line(captured)
    assert "begun with 3" in captured.err


def test_damaged_weights_are_refused(sources, tmp_path, capsys):
    out = tmp_path / "run"
    flags = [*sources, *SMALL, "--framework", "torch"]
    finetune(capsys, out, *flags)
    flip_bit(out / "weights.safetensors")
    captured = finetune(capsys, tmp_path / "b", *flags, "--start", out, code=1)
    assert "weights.safetensors" in error_line(captured)


BAD = {
    "length of zero": (["--words.max-length", "0"], 2, "words.max_length is 0"),
    "nothing short enough": (
        ["--words.max-length", "1", "--words.too-long", "drop"],
        1,
        "leaves none of 120 training texts",
    ),
    "every word too rare": (["--words.min-count", "999"], 1, "words.min_count is 999"),
    "no gates": (
        ["--classifier.cell", "tanh", "--classifier.gate-activation", "hard_sigmoid"],
        2,
        "has no gates",
    ),
    "weights of numbers": (
        ["--regression", "--learner.class-weights", "balanced"],
        1,
        "learner.class_weights needs one class a text; these labels are numbers",
    ),
    "regression of a linear model": (
        ["--regression", "--system", "linear"],
        2,
        "regression goes with system words",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_work_is_one_line(case, sources, tmp_path, capsys):
    flags, code, told = BAD[case]
    out = tmp_path / "run"
    captured = finetune(
        capsys, out, *sources, *SMALL, "--framework", "torch", *flags, code=code
    )
    assert told in error_line(captured)


def test_label_that_training_lacks_is_refused(sources, tmp_path, capsys):
    path = write(tmp_path / "odd.csv", 9, 0, value=(0, 7))
    flags = [*sources[:4], "--data.test", path, *SMALL, "--framework", "torch"]
    captured = finetune(capsys, tmp_path / "run", *flags, code=1)
    assert "has the label 7" in error_line(captured)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_killed_run_goes_on_to_the_weights_of_an_unbroken_one(
    framework, sources, tmp_path, capsys
):
    flags = [*sources, *SMALL, "--framework", framework, "--classifier.dropout", "0.3"]
    flags += ["--learner.epochs", "9", "--learner.eval-interval", "4"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = result_of(finetune(capsys, whole, *flags))
    process = start("finetune", "--out", broken, *flags)
    for line in process.stderr:
        if "update 16:" in line:
            process.send_signal(signal.SIGTERM)
            break
    process.stderr.read()
    assert process.wait() == 143
    assert (broken / "checkpoint").exists()
    captured = finetune(capsys, broken, *flags)
    assert result_of(captured)["updates"] == expected["updates"]
    ours, theirs = read_model(broken).weights, read_model(whole).weights
    for name, array in theirs.items():
        np.testing.assert_array_equal(ours[name], array)


@pytest.mark.parametrize("preset", ["linear", "embeddings"])
def test_linear_model_is_fitted_kept_and_not_fitted_again(
    preset, sources, tmp_path, capsys
):
    out = tmp_path / "run"
    flags = [*sources, "--preset", preset, "--embeddings.min-count", "1"]
    result = result_of(finetune(capsys, out, *flags))
    assert result["system"] == preset
    assert result["test_accuracy"] > 0.9
    rows = list(csv.DictReader((out / "predictions.csv").open()))
    right = np.mean([row["label"] == row["prediction"] for row in rows])
    assert right == pytest.approx(result["test_accuracy"])
    before = contents(out)
    again = finetune(capsys, out, *flags)
    assert result_of(again) == result
    assert contents(out) == before
    other = finetune(capsys, out, *flags, "--linear.C", "9", "0.5", code=1)
    assert "linear.C is [9.0, 0.5]" in error_line(other)


@pytest.mark.parametrize(
    "flags", [["--preset", "linear"], [*SMALL, "--framework", "torch"]]
)
def test_without_test_texts_each_text_is_tested_in_one_of_the_folds(
    flags, tmp_path, capsys
):
    path = write(tmp_path / "all.csv", 90, seed=4)
    out = tmp_path / "run"
    captured = finetune(capsys, out, "--data.train", path, *flags, "--folds", 2)
    result = result_of(captured)
    assert (result["folds"], result["test_texts"]) == (2, 90)
    assert result["test_accuracy"] > 0.8
    rows = []
    for number in (1, 2):
        with (out / f"fold-{number}" / "predictions.csv").open() as file:
            rows += list(csv.DictReader(file))
    assert len(rows) == 90
    right = sum(row["label"] == row["prediction"] for row in rows)
    assert result["test_accuracy"] == pytest.approx(right / 90)


ATTENTION = [*SMALL, "--classifier.pooling", "attention", "--words.end"]


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_attention_is_painted_over_the_words_of_a_text(
    framework, sources, tmp_path, capsys
):
    run, page = tmp_path / "run", tmp_path / "map.html"
    finetune(capsys, run, *sources, *ATTENTION, "--framework", framework)
    flags = ["--model", run, "--text", "The film, a LOVELY zebra"]
    assert call("heatmap", *flags, "--json", "--out", page) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["words"] == ["the", "film", ",", "a", "lovely", "zebra"]
    assert found["label"] == "positive"
    # The end mark has the rest.
    assert 0.5 < sum(found["weights"]) < 1.0
    assert min(found["weights"]) > 0.0
    assert "lovely" not in page.read_text()
    assert page.read_text().count("<i ") == len("the film , a lovely zebra")
    # Weights lie in one layout: the other framework weighs the words alike.
    other = {"keras": "torch", "torch": "keras"}[framework]
    config = json.loads((run / "config.json").read_bytes()) | {"framework": other}
    (run / "config.json").write_text(json.dumps(config))
    assert call("heatmap", *flags, "--json") == 0
    again = json.loads(capsys.readouterr().out)
    assert again["weights"] == pytest.approx(found["weights"], rel=1e-5)


def test_a_run_without_attention_has_none_to_paint(sources, tmp_path, capsys):
    run = tmp_path / "run"
    finetune(capsys, run, *sources, *SMALL, "--framework", "torch")
    for flags, said in (
        ([], "no attention to paint"),
        (["--center", 1], "center is 1.0"),
    ):
        assert call("heatmap", "--model", run, "--text", "a", *flags) == 1
        assert said in error_line(capsys.readouterr())
