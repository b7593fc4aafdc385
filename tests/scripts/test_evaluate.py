"""scripts/evaluate.py: a text has one score, however it is asked for."""

import json

import pytest

import tfsent
from tests.scripts.command import call, error_line, write_text
from tests.tolerances import SCORE_F32
from tfsent.checkpoint import StateStore


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Path of 40 lines that the model has not read."""
    return write_text(tmp_path_factory.mktemp("lines") / "lines.txt", 40, seed=5)


def score(capsys, model, source, *more):
    capsys.readouterr()
    flags = ["--model", model, "--data.source", source, "--json", *more]
    assert call("evaluate", *flags) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return json.loads(captured.out)


def test_score_is_that_of_the_loaded_model_in_any_order(ended, lines, tmp_path, capsys):
    found = score(capsys, ended, lines)["splits"]
    texts = lines.read_text().splitlines()
    assert list(found) == ["all"]
    expected = tfsent.load(ended).bpc(texts)
    assert found["all"]["bpc"] == pytest.approx(expected, abs=SCORE_F32.value)
    assert found["all"]["scored_bytes"] == sum(len(text) + 2 for text in texts)
    (tmp_path / "turned.txt").write_text("\n".join(texts[::-1]))
    turned = score(capsys, ended, tmp_path / "turned.txt")["splits"]["all"]
    assert turned["bpc"] == pytest.approx(expected, abs=SCORE_F32.value)


def test_only_so_many_bytes_are_scored_as_are_asked_for(ended, lines, capsys):
    found = score(capsys, ended, lines, "--max-bytes", "200")["splits"]["all"]
    assert 0 < found["scored_bytes"] < 200


def test_splits_of_a_folder_are_scored_by_name(ended, lines, tmp_path, capsys):
    for name in ("train", "val", "test"):
        write_text(tmp_path / f"{name}.txt", 2, seed=len(name))
    assert list(score(capsys, ended, tmp_path)["splits"]) == ["val", "test"]
    found = score(capsys, ended, tmp_path, "--splits", "train")["splits"]
    assert list(found) == ["train"]


def test_without_json_there_is_one_line_a_split(ended, lines, capsys):
    capsys.readouterr()
    assert call("evaluate", "--model", ended, "--data.source", lines) == 0
    captured = capsys.readouterr()
    [line] = captured.out.splitlines()
    assert line.split()[0] == "all"
    assert "bits per character" in line


def test_checkpoint_and_keras_file_are_models_too(ended, lines, capsys):
    step = ended / "checkpoints" / "00000030"
    [expected, *found] = [
        score(capsys, model, lines)["splits"]["all"]["bpc"]
        for model in (ended, step, ended / "model.keras")
    ]
    assert found == [expected, expected]


@pytest.mark.parametrize("flaw", ["model", "file", "text", "splits", "damage"])
def test_what_cannot_be_scored_is_refused_in_one_line(
    flaw, ended, run_dir, lines, tmp_path, capsys
):
    model, source, more, words = ended, lines, [], []
    if flaw == "model":
        model = tmp_path / "nowhere"
        words = [str(model)]
    elif flaw == "file":
        source = tmp_path / "nowhere.txt"
        words = ["data.source", str(source), "does not exist"]
    elif flaw == "text":
        source = tmp_path / "empty.txt"
        source.write_text("")
        words = [str(source), "no sample"]
    elif flaw == "splits":
        (tmp_path / "set").mkdir()
        source = write_text(tmp_path / "set" / "train.txt", 2).parent
        words = ["splits are val, test", "train"]
    elif flaw == "damage":
        model = run_dir
        (run_dir / "weights.safetensors").write_bytes(b"no weights")
        words = [str(run_dir / "weights.safetensors")]
    capsys.readouterr()
    assert call("evaluate", "--model", model, "--data.source", source, *more) == 1
    captured = capsys.readouterr()
    line = error_line(captured)
    assert [word for word in words if word not in line] == []
    assert captured.out == ""


def test_score_of_a_run_that_goes_on_is_that_of_its_checkpoint(half_run, lines, capsys):
    step = half_run / "checkpoints" / "00000020"
    before = StateStore(half_run, keep=3).steps()
    assert score(capsys, step, lines)["splits"]["all"]["bpc"] > 0
    assert StateStore(half_run, keep=3).steps() == before == [10, 20]
    assert call("evaluate", "--model", half_run, "--data.source", lines) == 1
    assert str(half_run) in error_line(capsys.readouterr())
