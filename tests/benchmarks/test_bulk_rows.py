"""Engines are compared and killed; what cannot be measured is refused."""

import json
from pathlib import Path

import pytest

from benchmarks import bulk_rows
from tests.scripts.command import CHEAP, call, write_text

ROOT = Path(__file__).parents[2]
SMALL_PARTS = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from scripts.featurize import main
from tfsent.bulk import parts
from tfsent.cli import run
parts.PART_BYTES = 2**16
if __name__ == "__main__":
    run(main)
"""


@pytest.mark.parametrize("name", ["texts", "share", "longest", "repeats", "workers"])
def test_a_size_below_one_is_refused(name):
    with pytest.raises(ValueError, match=f"^{name} is 0; at least 1"):
        bulk_rows.BulkConfig(model="run", **{name: 0})


def test_a_share_of_more_than_all_texts_is_refused():
    with pytest.raises(ValueError, match="share is 6; at most texts, 5, will do"):
        bulk_rows.BulkConfig(model="run", texts=5, share=6)


def test_a_saved_model_needs_a_plain_one(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    saved = str(tmp_path)
    with pytest.raises(ValueError, match="^model is .* a SavedModel, .*plain_model"):
        bulk_rows.BulkConfig(model=saved)
    with pytest.raises(ValueError, match="^plain_model is .* a SavedModel"):
        bulk_rows.BulkConfig(model="run", plain_model=saved)
    bulk_rows.BulkConfig(model=saved, plain_model="run")


def test_a_source_without_text_is_refused(tmp_path):
    (tmp_path / "empty.txt").write_text(" \n")
    source = str(tmp_path / "empty.txt")
    config = bulk_rows.BulkConfig(model="run", source=source)
    with pytest.raises(ValueError, match="one with text will do"):
        next(bulk_rows.short_texts(config))


def test_an_engine_that_fails_is_told_as_failed(tmp_path, monkeypatch):
    script = tmp_path / "featurize.py"
    script.write_text("import sys; sys.exit('error: no')")
    monkeypatch.setattr(bulk_rows, "_SCRIPT", script)
    config = bulk_rows.BulkConfig(model="run")
    for way in (bulk_rows._compare, bulk_rows._killed):
        with pytest.raises(ChildProcessError, match=r"featurize.py failed .*: error"):
            way(config, tmp_path / "text", tmp_path)


@pytest.mark.slow
def test_a_killed_engine_gives_the_rows_of_the_plain_script(
    tmp_path, monkeypatch, capsys
):
    model = tmp_path / "run"
    text = write_text(tmp_path / "text.txt")
    assert call("train", "--data.source", text, "--out", model, *CHEAP) == 0
    script = tmp_path / "featurize.py"
    script.write_text(SMALL_PARTS)
    monkeypatch.setattr(bulk_rows, "_SCRIPT", script)
    folder = tmp_path / "work"
    folder.mkdir()
    sizes = ["--texts", "20000", "--share", "50", "--repeats", "1", "--workers", "2"]
    capsys.readouterr()
    bulk_rows.main(["--model", str(model), *sizes, "--folder", str(folder), "--json"])
    result = json.loads(capsys.readouterr().out)
    assert list(folder.iterdir()) == []
    assert len(result["texts_per_s"]) == 3
    assert 10_000 <= result["killed"]["rows_kept"] < 20_000
    assert result["killed"]["rows"] == result["check"]["rows"] == 20_000
    assert result["settings"]["engine"] == "local"
    assert {"pyarrow", "tensorflow"} <= set(result["versions"])
