"""Rows of a source written once each, whatever interrupts it."""

import functools
import gzip
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tfsent.bulk import parts, rows
from tfsent.bulk.readers import ABOUT
from tfsent.bulk.rows import write_rows
from tfsent.config import DataConfig
from tfsent.data.sources import open_source

COUNTS = {"a.jsonl": 60, "b.jsonl.gz": 50, "c.csv": 40}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Folder of a plain file, a compressed one and a table."""
    monkeypatch.setattr(rows, "BLOCK_BYTES", 300)
    monkeypatch.setattr(parts, "PART_BYTES", 500)
    folder = tmp_path / "texts"
    folder.mkdir()
    for name, count in COUNTS.items():
        texts = [f"{name} text {number}" for number in range(count)]
        if "jsonl" in name:
            content = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        else:
            content = "\n".join(["text", *texts]) + "\n"
        raw = content.encode()
        (folder / name).write_bytes(gzip.compress(raw) if "gz" in name else raw)
    return folder


def make(model="first"):
    return functools.partial(lengths, model)


def lengths(model, block):
    """Return the length of each text: a feature of one column."""
    column = pa.array([len(text) for text in block.texts()], pa.float32())
    metadata = {ABOUT: json.dumps({"model": model})}
    return pa.record_batch([column], pa.schema([("length", pa.float32())], metadata))


def write(folder, out, make=make, work=None, **options):
    source = open_source(str(folder), DataConfig(source=str(folder)))
    options = {"engine": "local", "workers": 1, **options}
    return write_rows(make, source, out, work or {"feature": "length"}, **options)


def check(folder, out):
    table = pq.read_table(out)
    files = [str(folder / name) for name in COUNTS]
    expected = [
        (file, row, len(f"{name} text {row}"))
        for file, (name, count) in zip(files, COUNTS.items(), strict=True)
        for row in range(count)
    ]
    columns = [table[name].to_pylist() for name in ("file", "row", "length")]
    assert list(zip(*columns, strict=True)) == expected


def test_rows_stand_in_order_in_several_parts(folder, tmp_path):
    index = write(folder, tmp_path / "out.parquet")
    check(folder, tmp_path / "out.parquet")
    assert index["rows"] == sum(COUNTS.values())
    assert len(index["parts"]) > 5
    assert [p["name"] for p in index["parts"]] == sorted(
        path.name for path in (tmp_path / "out.parquet").glob("part-*")
    )
    assert not (tmp_path / "out.parquet" / parts.JOURNAL).exists()


class Stopped(BaseException):
    """As a kill: nothing is tidied up but what leaves anyway."""


def test_a_restart_after_any_part_gives_each_row_once(folder, tmp_path, monkeypatch):
    """The parts' ends lie within the plain file, the compressed one and the table."""
    whole = write(folder, tmp_path / "whole.parquet")
    out = tmp_path / "out.parquet"
    replace_file = parts.atomic.replace_file
    read = []

    def make_counting():
        return lambda block: read.append(block) or lengths("first", block)

    def stop(path, content):
        replace_file(path, content)
        raise Stopped

    for done in range(1, len(whole["parts"]) + 1):
        with monkeypatch.context() as patch:
            patch.setattr(parts.atomic, "replace_file", stop)
            with pytest.raises(Stopped):
                write(folder, out, make_counting)
        journal = json.loads(
            (tmp_path / ".out.parquet.partial" / parts.JOURNAL).read_bytes()
        )
        assert len(journal["parts"]) == done
    index = write(folder, out, make_counting)
    check(folder, out)
    assert index == whole
    begins = [block.begin for block in read]
    assert len(set(begins)) == len(begins)  # No block was read twice.


def test_a_refused_rename_costs_nothing(folder, tmp_path, monkeypatch):
    out = tmp_path / "out.parquet"

    def refuse(old, new):
        raise OSError(5, os.strerror(5))

    with monkeypatch.context() as patch:
        patch.setattr(rows.os, "rename", refuse)
        with pytest.raises(OSError, match="Input/output error"):
            write(folder, out)
    kept = (tmp_path / ".out.parquet.partial" / "part-00000.parquet").stat().st_ino
    write(folder, out)
    check(folder, out)
    assert (out / "part-00000.parquet").stat().st_ino == kept


def test_rows_of_two_models_are_never_joined(folder, tmp_path):
    out = tmp_path / "out.parquet"
    with pytest.raises(ValueError, match="the same model will do"):
        write(folder, out, lambda: by_place)
    with pytest.raises(ValueError, match="the same model will do"):
        write(folder, out, functools.partial(make, "other"))
    write(folder, out)
    check(folder, out)


def by_place(block):
    return lengths("first" if block.begin.part < 2 else "other", block)


def test_what_was_done_for_other_work_is_not_thrown_away(folder, tmp_path):
    out = tmp_path / "out.parquet"
    with pytest.raises(ValueError, match="the same model will do"):
        write(folder, out, lambda: by_place)
    with pytest.raises(ValueError, match=r"\.partial holds \d+ rows of other texts"):
        write(folder, out, work={"feature": "another"})
    write(folder, out)
    check(folder, out)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"key": 1}', b"\xff"])
def test_a_damaged_journal_means_a_new_beginning(folder, tmp_path, content):
    partial = tmp_path / ".out.parquet.partial"
    partial.mkdir()
    (partial / parts.JOURNAL).write_bytes(content)
    (partial / "part-00000.parquet").write_bytes(b"left over")
    write(folder, tmp_path / "out.parquet")
    check(folder, tmp_path / "out.parquet")


def test_a_damaged_part_means_a_new_beginning(folder, tmp_path):
    out = tmp_path / "out.parquet"
    with pytest.raises(ValueError, match="the same model will do"):
        write(folder, out, lambda: by_place)
    part = tmp_path / ".out.parquet.partial" / "part-00001.parquet"
    part.write_bytes(part.read_bytes()[:-1])
    write(folder, out)
    check(folder, out)


def test_a_part_is_closed_after_a_time(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART_BYTES", 10**9)
    assert len(write(folder, tmp_path / "long.parquet")["parts"]) == 1
    monkeypatch.setattr(parts, "PART_S", 0.0)
    assert len(write(folder, tmp_path / "short.parquet")["parts"]) > 5


def test_a_start_that_is_refused_leaves_nothing(folder, tmp_path):
    def refuse():
        raise ValueError("there is no such feature")

    with pytest.raises(ValueError, match="there is no such feature"):
        write(folder, tmp_path / "out.parquet", refuse)
    assert [path.name for path in tmp_path.iterdir()] == ["texts"]


def test_a_source_without_text_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text("\n\n")
    with pytest.raises(ValueError, match="holds no sample"):
        write(tmp_path / "a.jsonl", tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_source_that_changes_is_told(folder, tmp_path):
    def changing():
        def read(block):
            (folder / "c.csv").write_text("text\nother\n")
            return lengths("first", block)

        return read

    with pytest.raises(OSError, match="changed while it was read"):
        write(folder, tmp_path / "out.parquet", changing)
    assert not (tmp_path / "out.parquet").exists()


def test_whole_files_are_rows_of_their_own(tmp_path, monkeypatch):
    folder = tmp_path / "texts"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.txt").write_text("x" * number)
    write(folder, tmp_path / "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    names = [str(folder / f"{number}.txt") for number in range(30)]
    assert table["file"].to_pylist() == names
    assert set(table["row"].to_pylist()) == {0}
    np.testing.assert_array_equal(table["length"].to_numpy(), np.arange(30))
