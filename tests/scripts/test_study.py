"""scripts/study.py: labelled texts in, trainings compared, a report out."""

import json

import pytest

from tests.scripts.command import call, contents
from tests.transfer.planted import PlantedModel, write_reviews

SMALL = (
    "--framework torch --classifier.embedding-size 4 --classifier.units 3 "
    "--words.min-count 1 --learner.batch-size 8 --learner.epochs 2"
).split()


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """Flags of texts to train on, to choose on and to measure on."""
    monkeypatch.setenv("TFSENT_CACHE", str(tmp_path / "cache"))
    flags = []
    for seed, (split, count) in enumerate({"train": 80, "val": 20, "test": 40}.items()):
        path = write_reviews(tmp_path / f"{split}.csv", count, seed)
        flags += [f"--data.{split}", path]
    return flags


def study(capsys, preset, out, *flags, code=0):
    capsys.readouterr()
    assert call("study", "--preset", preset, "--out", out, *SMALL, *flags) == code
    return capsys.readouterr()


def test_linear_model_network_and_transfer_at_each_number_of_labels(
    sources, tmp_path, capsys, monkeypatch
):
    planted = PlantedModel()
    monkeypatch.setattr("compare.transfer_line.resolve", lambda *a, **k: planted)
    out = tmp_path / "out"
    flags = [*sources, "--sizes", 20, 80, "--draws", 2, "--least-updates", 0]
    flags += ["--model", "M", "--feature", "cell-mean"]
    captured = study(capsys, "crossover", out, *flags)
    assert "80 labels: " in captured.out
    results = json.loads((out / "results.json").read_bytes())
    assert [run["name"] for run in results["runs"]] == [
        f"{line}-{size}-{draw}"
        for size, draw in ((20, 0), (20, 1), (80, 0))
        for line in ("linear", "network", "transfer")
    ]
    by_name = {run["name"]: run for run in results["runs"]}
    # What tells the label is one word, which both of these have at hand.
    assert by_name["linear-80-0"]["test_accuracy"] > 0.95
    assert by_name["transfer-80-0"]["test_accuracy"] > 0.85
    means = {(p["line"], p["x"]): p for p in results["lines"]}
    for line in ("linear", "network", "transfer"):
        pair = [by_name[f"{line}-20-{draw}"]["test_accuracy"] for draw in (0, 1)]
        assert means[line, 20]["mean"] == pytest.approx(sum(pair) / 2)
    assert means["linear", 20]["draws"] == 2
    assert len(planted.parts_asked) == 3, "each split is read once"
    assert results["provenance"]["command"].startswith("python scripts/study.py")
    # The same command again makes nothing anew.
    before = contents(out / "runs")
    again = study(capsys, "crossover", out, *flags)
    assert again.out == captured.out
    assert contents(out / "runs") == before


def test_optimizers_race_over_the_same_updates(sources, tmp_path, capsys):
    out = tmp_path / "out"
    flags = ["--rates", 1, "--learner.eval-interval", 10, "--json"]
    captured = study(capsys, "optimizers", out, *sources, *flags)
    results = json.loads(captured.out)
    assert captured.err == ""
    assert [run["line"] for run in results["runs"]] == [
        "sgd", "momentum", "rmsprop", "adadelta", "adam",
    ]  # fmt: skip
    for run in results["runs"]:
        assert [one["update"] for one in run["history"]] == [10, 20]
        assert [one["examples"] for one in run["history"]] == [80, 160]


def test_other_settings_in_the_same_folder_are_refused(sources, tmp_path, capsys):
    out = tmp_path / "out"
    study(capsys, "depth", out, *sources, "--cells", "gru", "--depths", 1)
    flags = ["--cells", "gru", "--depths", 1, "--seed", 1]
    captured = study(capsys, "depth", out, *sources, *flags, code=1)
    assert "seed is 1" in captured.err


def test_a_word_map_of_too_few_words_is_one_clear_line(sources, tmp_path, capsys):
    captured = study(capsys, "words", tmp_path / "out", *sources, code=1)
    assert captured.err.splitlines()[-1].startswith("error: ")
    assert "20 will do" in captured.err
