"""scripts/prepare.py, as a user calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tfsent.data.shards import open_prepared

SCRIPT = Path(__file__).parents[2] / "scripts" / "prepare.py"


def called(*arguments, **options):
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


@pytest.fixture
def source(tmp_path):
    """Path of a file of 400 texts."""
    path = tmp_path / "reviews.txt"
    path.write_text("\n".join(f"review {number}" for number in range(400)))
    return path


def test_summary_as_json_agrees_with_the_folder(source, tmp_path):
    done = called("--data.source", source, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result = json.loads(done.stdout)
    splits = open_prepared(tmp_path / "out")
    assert result["splits"]["train"]["samples"] == splits["train"].num_samples
    found = {name: split["fingerprint"] for name, split in result["splits"].items()}
    assert found == {name: split.fingerprint for name, split in splits.items()}
    assert 10e6 < result["peak_resident_bytes"] < 500e6


def test_summary_as_text_names_splits_and_folder(source, tmp_path):
    done = called("--data.source", source, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    *splits, last = done.stdout.splitlines()
    assert [line.split()[0] for line in splits] == ["train", "val", "test"]
    assert last.startswith(str(tmp_path / "out"))


def test_standard_input_is_a_source(tmp_path):
    out = tmp_path / "out"
    done = called("--data.source", "-", "--out", out, "--json", input="one\ntwo\n")
    assert done.returncode == 0, done.stderr
    splits = json.loads(done.stdout)["splits"]
    assert sum(split["samples"] for split in splits.values()) == 2


def test_missing_source_is_one_line_and_code_1(tmp_path):
    done = called("--data.source", tmp_path / "missing", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "data.source" in done.stderr


def test_missing_out_is_code_2(source):
    done = called("--data.source", source)
    assert done.returncode == 2
    assert "--out" in done.stderr


@pytest.mark.slow
def test_workers_of_ray_write_the_same_shards(tmp_path):
    pytest.importorskip("ray", reason="requirements-ray.txt is not installed")
    path = tmp_path / "reviews.jsonl"
    with open(path, "w") as file:
        for number in range(150_000):
            file.write(json.dumps({"text": f"review {number} " + "word " * 20}) + "\n")
    prints = []
    for engine in ("local", "ray"):
        out = tmp_path / engine
        flags = ["--data.source", path, "--out", out, "--engine", engine, "--json"]
        done = called(
            *flags, "--workers", 2, env={**os.environ, "RAY_ADDRESS": "local"}
        )
        assert done.returncode == 0, done.stderr
        splits = json.loads(done.stdout)["splits"]
        prints.append([split["fingerprint"] for split in splits.values()])
    assert prints[0] == prints[1]


def test_ray_that_is_not_there_is_one_line(source, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *m: None if name == 'ray' else find(name, *m)\n"
    )
    flags = ["--data.source", source, "--out", tmp_path / "out", "--engine", "ray"]
    done = called(*flags, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1
    assert done.stderr.startswith("error: engine is ray, but Ray is not installed")
    assert len(done.stderr.splitlines()) == 1
