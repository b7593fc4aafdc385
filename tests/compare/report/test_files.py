"""write_report: three files, the results first, each as a whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from compare.report import files, read_results, write_report
from tests.compare.report.sample import sample


def test_three_files_are_written_into_a_new_folder(tmp_path):
    results = sample() | {"quality": None}
    paths = write_report(tmp_path / "a" / "b", results)
    names = ["results.json", "report.md", "report.html"]
    assert [path.name for path in paths] == names
    assert sorted(os.listdir(tmp_path / "a" / "b")) == sorted(names)
    assert read_results(paths[0]) == results
    assert paths[1].read_text().startswith("# TensorFlow/Keras and PyTorch compared\n")
    assert paths[2].read_text().startswith("<!doctype html>")


def test_results_are_safe_before_anything_is_drawn(tmp_path, monkeypatch):
    def fail(results):
        raise RuntimeError("planted")

    monkeypatch.setattr(files, "markdown", fail)
    with pytest.raises(RuntimeError, match="planted"):
        write_report(tmp_path, sample())
    assert os.listdir(tmp_path) == ["results.json"]
    assert read_results(tmp_path / "results.json") == sample()


def test_unsound_results_replace_nothing(tmp_path):
    write_report(tmp_path, sample() | {"parity": None, "quality": None})
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="lacks notes"):
        write_report(tmp_path, {k: v for k, v in sample().items() if k != "notes"})
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_no_framework_is_loaded(tmp_path):
    code = (
        "import sys; from compare.report import write_report, difference; "
        "from tests.compare.report.sample import sample; "
        "short = sample() | {'quality': None, 'speed': sample()['speed'][4:]}; "
        f"write_report({str(tmp_path)!r}, short); difference(short, short); "
        "print({'tensorflow', 'keras', 'torch', 'jax'} & sys.modules.keys())"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"
