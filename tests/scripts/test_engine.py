"""featurize.py and classify.py with an engine: each row once, in order, also killed."""

import csv
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

import tfsent
from tests.scripts.command import ROOT, call, error_line, write_text
from tests.scripts.made_classifier import make_classifier

FEATURE = "hidden-mean+hidden-max"


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """Folder of a plain file, a compressed one and a table: 90, 40 and 30 texts."""
    folder = tmp_path_factory.mktemp("texts")
    lines = write_text(folder / "all.txt", 160, seed=3).read_text().splitlines()
    lines[7], lines[95] = "", "caf\u00e9 \u4e2d\u6587"
    (folder / "all.txt").unlink()
    rows = [json.dumps({"text": line}) + "\n" for line in lines]
    (folder / "a.jsonl").write_text("".join(rows[:90]))
    (folder / "b.jsonl.gz").write_bytes(gzip.compress("".join(rows[90:130]).encode()))
    with open(folder / "c.csv", "w", newline="") as file:
        csv.writer(file).writerows([["text"], *([line] for line in lines[130:])])
    return folder, lines


@pytest.fixture(scope="module")
def exported(ended, tmp_path_factory):
    """The model as a SavedModel with a classifier; and that classifier's folder."""
    folder = tmp_path_factory.mktemp("exported")
    model = tfsent.load(ended)
    make_classifier(model).save(folder / "classifier")
    flags = ["--model", ended, "--classifier", folder / "classifier"]
    assert call("export", *flags, "--out", folder / "saved") == 0
    return folder / "saved", folder / "classifier"


def with_engine(script, model, folder, out, *more):
    # This process computes, which saves a start; --workers in `more` overrides it.
    flags = ["--engine", "local", "--workers", "1"]
    flags += ["--model", model, "--data.source", folder]
    return call(script, *flags, "--out", out, *more)


def check_keys(table, folder):
    files = [str(folder / name) for name in ("a.jsonl", "b.jsonl.gz", "c.csv")]
    counts = (90, 40, 30)
    expected = [
        (file, row)
        for file, count in zip(files, counts, strict=True)
        for row in range(count)
    ]
    found = zip(table["file"].to_pylist(), table["row"].to_pylist(), strict=True)
    assert list(found) == expected


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_are_those_of_the_plain_script(ended, texts, tmp_path, capsys, workers):
    folder, _ = texts
    out = tmp_path / "f.parquet"
    more = ["--workers", workers, "--feature", FEATURE, "--json"]
    assert with_engine("featurize", ended, folder, out, *more) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert captured.err == ""
    assert (result["rows"], result["parts"]) == (160, 1)
    assert result["feature"] == FEATURE
    assert result["model"] == tfsent.load(ended).fingerprint
    table = pq.read_table(out)
    check_keys(table, folder)
    plain = ["--model", ended, "--data.source", folder, "--feature", FEATURE]
    plain += ["--out", tmp_path / "f.npy", "--no-cache"]
    assert call("featurize", *plain) == 0
    expected = np.load(tmp_path / "f.npy")
    found = np.float32(table["features"].to_pylist())
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)
    index = json.loads((out / "_index.json").read_text())
    assert sum(part["rows"] for part in index["parts"]) == index["rows"] == 160
    assert {path.name for path in tmp_path.iterdir()} == {"f.parquet", "f.npy"}


def test_a_saved_model_gives_the_same(ended, exported, texts, tmp_path):
    folder, lines = texts
    saved, _ = exported
    out = tmp_path / "f.parquet"
    assert with_engine("featurize", saved, folder, out) == 0
    found = np.float32(pq.read_table(out)["features"].to_pylist())
    expected = tfsent.load(ended).features(lines)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("kind", ["run", "saved"])
def test_verdicts_are_those_of_the_plain_script(
    ended, exported, texts, tmp_path, capsys, kind
):
    folder, _ = texts
    saved, classifier = exported
    plain = ["--model", ended, "--classifier", classifier, "--data.source", folder]
    assert call("classify", *plain, "--out", tmp_path / "plain.csv") == 0
    more = ["--classifier", classifier] if kind == "run" else []
    model = {"run": ended, "saved": saved}[kind]
    out = tmp_path / "v.parquet"
    assert with_engine("classify", model, folder, out, *more) == 0
    table = pq.read_table(out)
    check_keys(table, folder)
    with open(tmp_path / "plain.csv", newline="") as file:
        expected = list(csv.DictReader(file))
    assert table["label"].to_pylist() == [row["label"] for row in expected]
    for name in ("probability", "score"):
        found = np.array(table[name].to_pylist())
        wanted = np.float64([row[name] for row in expected])
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_killed_command_goes_on_and_gives_each_row_once(
    ended, exported, tmp_path, engine
):
    if engine == "ray":
        pytest.importorskip("ray", reason="requirements-ray.txt is not installed")
    source = write_text(tmp_path / "lines.txt", 60_000, seed=4)
    saved, _ = exported
    out = tmp_path / "f.parquet"
    script = tmp_path / "small_parts.py"
    script.write_text(SMALL_PARTS)
    argv = ["--model", saved, "--data.source", source, "--out", out, "--json"]
    argv += ["--engine", engine, "--workers", "2"]
    environ = {**os.environ, "RAY_ADDRESS": "local", "PYTHONPATH": str(ROOT)}
    journal = tmp_path / ".f.parquet.partial" / "_journal.json"

    def begun():
        return subprocess.Popen(
            [sys.executable, script, *map(str, argv)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
            cwd=ROOT,
            start_new_session=True,
        )

    parts = 0
    for _ in range(2):
        child = begun()
        limit = time.monotonic() + 200
        while parts_of(journal) <= parts and time.monotonic() < limit:
            assert child.poll() is None, child.communicate()
            time.sleep(0.01)
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        assert parts_of(journal) > parts
        parts = parts_of(journal)
    kept = (journal.parent / "part-00000.parquet").read_bytes()
    child = begun()
    printed, errors = child.communicate(timeout=300)
    assert child.returncode == 0, errors
    assert json.loads(printed)["rows"] == 60_000
    assert (out / "part-00000.parquet").read_bytes() == kept
    table = pq.read_table(out)
    assert table["row"].to_pylist() == [*range(60_000)]
    lines = source.read_text().splitlines()
    chosen = [*range(0, 60_000, 997)]
    expected = tfsent.load(ended).features([lines[row] for row in chosen])
    found = np.float32(table["features"].take(chosen).to_pylist())
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)


SMALL_PARTS = """
import sys
from tfsent.bulk import parts
parts.PART_BYTES = 2**18
sys.path.insert(0, "scripts")
import featurize
from tfsent.cli import run
if __name__ == "__main__":
    run(featurize.main)
"""


def parts_of(journal):
    try:
        return len(json.loads(journal.read_bytes())["parts"])
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--out", "f.npy"], "with an engine a folder, NAME.parquet, will do"),
        (["--workers", "0"], "workers is 0"),
        (["--engine", "none"], "goes with an --engine"),
        (["--feature", "cell"], "keeps no cell state"),
        (["--data.source", "missing.txt"], "does not exist"),
        (["--model", "missing"], "missing"),
    ],
)
def test_what_cannot_work_is_one_line(ended, texts, tmp_path, capsys, more, told):
    folder, _ = texts
    out = tmp_path / "f.parquet"
    assert with_engine("featurize", ended, folder, out, *more) in (1, 2)
    assert told in error_line(capsys.readouterr())
    assert not out.exists()


def test_a_result_that_is_there_is_left_alone(ended, texts, tmp_path, capsys):
    (tmp_path / "f.parquet").mkdir()
    assert with_engine("featurize", ended, texts[0], tmp_path / "f.parquet") == 1
    assert "is there already" in error_line(capsys.readouterr())


def test_a_fault_in_a_text_names_its_line(ended, tmp_path, capsys):
    (tmp_path / "a.jsonl").write_text('{"text": "good"}\n' * 30 + "{\n")
    flags = [ended, tmp_path / "a.jsonl", tmp_path / "f.parquet"]
    assert with_engine("featurize", *flags) == 1
    assert "a.jsonl, line 31: broken json" in error_line(capsys.readouterr())


def test_a_missing_model_is_one_line_from_another_process_too(texts, tmp_path, capsys):
    more = ["--workers", "2"]
    out = tmp_path / "f.parquet"
    assert with_engine("featurize", tmp_path / "missing", texts[0], out, *more) == 1
    assert "missing" in error_line(capsys.readouterr())
    assert list(tmp_path.iterdir()) == []


def test_a_saved_model_without_a_classifier_cannot_classify(
    ended, texts, tmp_path, capsys
):
    saved = tmp_path / "saved"
    assert call("export", "--model", ended, "--feature", "hidden", "--out", saved) == 0
    capsys.readouterr()
    assert with_engine("classify", saved, texts[0], tmp_path / "v.parquet") == 1
    assert "holds no classifier" in error_line(capsys.readouterr())


def test_what_a_verdict_depends_on_is_told(ended, exported, texts, tmp_path):
    """Other weights in the same folder are another classifier."""
    folder, _ = texts
    _, made = exported
    classifier = shutil.copytree(made, tmp_path / "classifier")
    told = []
    for number in range(2):
        out = tmp_path / f"{number}.parquet"
        more = ["--classifier", classifier]
        assert with_engine("classify", ended, folder, out, *more) == 0
        told.append(json.loads((out / "_index.json").read_text())["about"]["model"])
        shutil.rmtree(classifier)
        make_classifier(tfsent.load(ended), unit=5).save(classifier)
    assert told[0] != told[1]


def test_a_saved_model_refuses_another_feature(exported, texts, tmp_path, capsys):
    saved, _ = exported
    out = tmp_path / "f.parquet"
    more = ["--feature", "hidden-max"]
    assert with_engine("featurize", saved, texts[0], out, *more) == 1
    assert "export.py --feature makes another" in error_line(capsys.readouterr())
