"""scripts/compare.py: from the command to the report."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/compare.py"


def run(*words):
    return subprocess.run(
        [sys.executable, SCRIPT, *map(str, words)], capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        ((), 2, "error: --out is missing; name a folder for the report."),
        (("--out", "x", "--cells", "f"), 2, "error: cells has 'f'; such as train-"),
        (("--out", "x", "--runners", "f"), 1, "error: runners has 'f'; addons, "),
        (("--out", "x", "--preset", "f"), 2, "error: --preset is 'f'; one of cpu-"),
        (("--diff", "nowhere", "x"), 1, "error: nowhere: No such file or directory"),
    ],
)
def test_what_cannot_work_is_told_in_one_line(words, code, error):
    done = run(*words)
    assert done.returncode == code
    assert done.stderr.startswith(error)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


@pytest.mark.slow
def test_a_comparison_ends_in_a_report_and_goes_on_where_it_was(tmp_path):
    out = tmp_path / "report"
    words = (
        *("--out", out, "--runners", "torch,torch-layers"),
        *("--cells", "train-lstm-h8-b2-t4", "--timing.passes", 1),
        *("--timing.rounds", 2, "--timing.fill-s", 0.01),
        *("--quality.steps", 4, "--quality.evaluations", 2, "--quality.seeds", 3),
        *("--quality.model.hidden-size", 8, "--quality.batch-size", 64),
        *("--quality.window", 64, "--quality.eval-bytes", 500),
        *("--quality.test-bytes", 500, "--quality.transfer-texts", 300),
    )
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert "torch-layers" in done.stdout
    found = json.loads((out / "results.json").read_text())
    assert found["speed"][0]["runners"]["torch-layers"]["status"] == "ok"
    assert found["parity"]["passed"] is True
    runs = found["quality"]["runs"]
    assert [(each["framework"], each["seed"]) for each in runs] == [
        ("keras", 3),
        ("twin", 3),
    ]
    assert abs(runs[0]["test_bpc"] - runs[1]["test_bpc"]) < 1e-3
    assert len(runs[0]["points"]) == 2
    # Equal features but for rounding: at most a few of 300 texts are told apart.
    accuracies = [each["transfer"]["builtin"]["accuracy"] for each in runs]
    assert runs[0]["transfer"]["builtin"]["texts"] == 300
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.02)
    said = [each["sentence"] for each in found["quality"]["comparisons"]]
    assert any("accuracy on builtin, seed 3: Keras minus PyTorch" in s for s in said)
    assert (out / "report.html").read_text().startswith("<!doctype html>")
    before = {path: path.read_bytes() for path in (out / "speed").iterdir()}
    assert run(*words).returncode == 0
    assert {path: path.read_bytes() for path in (out / "speed").iterdir()} == before
    done = run("--diff", out, out)
    assert "1 of 1 cells overlap" in done.stdout
    assert done.returncode == 0


@pytest.mark.slow
def test_a_study_ends_in_a_report_that_says_what_it_found(tmp_path):
    out = tmp_path / "report"
    words = (
        *("--preset", "cpu-study", "--out", out, "--study.data.train", "builtin"),
        *("--study.cells", "gru,mlstm", "--study.depths", 1, "--study.widths", 8),
        *("--study.train-texts", 70, "--study.test-texts", 50, "--study.epochs", 1),
        *("--study.max-words", 40, "--study.lengths", "", "--study.vocabulary", 200),
        *("--study.batch-size", 16, "--study.turns", 2, "--study.threads", 1),
        *("--study.latency-words", 9, "--study.latency-calls", 4),
    )
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert "- In 6 of 6 cases the systems did the same work" in done.stdout
    found = json.loads((out / "results.json").read_text())["study"]
    gru, mlstm = found["networks"]
    assert {each["status"] for each in gru["systems"].values()} == {"ok"}
    assert [each["status"] for each in mlstm["systems"].values()] == [
        *("ok", "ok", "absent", "absent")
    ]
    for system in gru["systems"].values():
        assert 0 < system["import_s"]["median"] < system["start_s"]["median"]
        assert system["epoch_s"]["median"] > 0
        assert system["runs"][0]["losses"][0] == pytest.approx(0.69, abs=0.05)
    assert gru["systems"]["keras"]["compile_s"]["median"] > 0.1
    before = {path: path.read_bytes() for path in (out / "study").iterdir()}
    assert run(*words).returncode == 0
    assert {path: path.read_bytes() for path in (out / "study").iterdir()} == before
    done = run("--diff", out, out)
    assert "5 of 5 cells overlap" in done.stdout
    done = run(*words, "--study.turns", 3)
    assert done.returncode == 1
    assert "other settings (study)" in done.stderr
