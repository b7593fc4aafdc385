"""scripts/featurize.py: a row for every text, in their order, in three formats."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

import tfsent
from tests.scripts.command import call, error_line, write_text


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """Path of 20 lines, one of them of spaces alone."""
    path = write_text(tmp_path_factory.mktemp("lines") / "lines.txt", 19, seed=5)
    path.write_text(path.read_text() + "   \n")
    return path


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


def featurize(model, source, out, cache, *more):
    flags = ["--model", model, "--data.source", source, "--out", out]
    return call("featurize", *flags, "--data.cache-dir", cache, *more)


def test_rows_are_those_of_the_loaded_model(ended, lines, cache, tmp_path, capsys):
    assert featurize(ended, lines, tmp_path / "f.npy", cache, "--json") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    result = json.loads(captured.out)
    assert (result["rows"], result["columns"], result["feature"]) == (20, 8, "hidden")
    found = np.load(tmp_path / "f.npy", allow_pickle=False)
    texts = lines.read_text().splitlines()
    np.testing.assert_array_equal(found, tfsent.load(ended).features(texts))


def test_all_formats_hold_the_same_and_nothing_is_computed_twice(
    ended, lines, tmp_path, capsys
):
    feature = ["--feature", "hidden-mean+hidden-max"]
    computed = []
    for suffix in ("npy", "safetensors", "parquet"):
        capsys.readouterr()
        out = tmp_path / f"f.{suffix}"
        assert featurize(ended, lines, out, tmp_path / "c", "--json", *feature) == 0
        computed.append(json.loads(capsys.readouterr().out)["parts_computed"])
    assert computed == [2, 0, 0]
    rows = np.load(tmp_path / "f.npy")
    np.testing.assert_array_equal(
        load_file(tmp_path / "f.safetensors")["features"], rows
    )
    table = pq.read_table(tmp_path / "f.parquet")
    np.testing.assert_array_equal(np.float32(table["features"].to_pylist()), rows)


def test_without_the_cache_none_is_left(ended, lines, tmp_path, capsys):
    out = tmp_path / "f.npy"
    assert featurize(ended, lines, out, tmp_path / "c", "--no-cache") == 0
    assert not (tmp_path / "c").exists()
    [line] = capsys.readouterr().out.splitlines()
    assert "20 rows of 8 columns (hidden)" in line


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--out", "f.csv"], ["f.csv has no known format", ".npy"]),
        (["--feature", "cell"], ["tanh keeps no cell state", "hidden"]),
        (["--feature", "sum"], ["feature is 'sum'", "cell"]),
        (["--model", "nowhere"], ["nowhere"]),
        (["--data.source", "nowhere.txt"], ["nowhere.txt", "does not exist"]),
    ],
)
def test_what_cannot_be_featurized_is_refused_in_one_line(
    more, words, ended, lines, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert featurize(ended, lines, tmp_path / "f.npy", tmp_path / "c", *more) == 1
    line = error_line(capsys.readouterr())
    assert all(word in line for word in words), line
    assert not list(tmp_path.glob("f.*"))
