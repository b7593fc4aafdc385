"""What a user can get wrong: one clear line, the documented code, nothing harmed."""

import gzip
import json
import os
import subprocess
import sys

import pytest
import tensorflow  # noqa: F401  # Here, so that the CPU is split before the first test.

from tests.scripts.command import (
    CHEAP,
    ROOT,
    call,
    contents,
    error_line,
    flip_bit,
    write_text,
)
from tfsent.checkpoint import RunLock, StateStore, load_weights
from tfsent.data.shards import open_prepared


def rows(count, key="text"):
    return "".join(json.dumps({key: f"text {k}"}) + "\n" for k in range(count))


SOURCES = {
    "missing": ("words.txt", None, ["data.source", "words.txt", "does not exist"]),
    "empty": ("words.txt", b"", ["words.txt", "holds no sample"]),
    "blank lines": ("words.txt", b"\n\n \n", ["words.txt", "no text is left"]),
    "no format": ("words.doc", b"text", ["words.doc", "no known format", ".jsonl"]),
    "column": (
        "rows.csv",
        b"id,review,stars\n1,good,5\n",
        ["data.text_key", "'text'", "rows.csv", "'id', 'review', 'stars'"],
    ),
    "key": (
        "rows.jsonl",
        rows(3, "review").encode(),
        ["rows.jsonl, line 1", "data.text_key", "'text'", "'review'"],
    ),
    "broken row": (
        "rows.jsonl",
        (rows(41) + '{"text": "cut\n' + rows(2)).encode(),
        ["rows.jsonl, line 42", "broken json"],
    ),
    "not UTF-8": (
        "words.txt",
        b"good\nbad \xff\xfe\ngood\n",
        ["words.txt, line 2, byte 9", "not UTF-8", "data.invalid_utf8", "replace"],
    ),
    "torn archive": (
        "words.txt.gz",
        gzip.compress(os.urandom(5000))[:-2000],
        ["words.txt.gz"],
    ),
    "too short": (
        "words.txt",
        b"good\nfine\n",
        ["data.source", "training.batch_size 4", "training.window 16", "at least 65"],
    ),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_unsound_text_is_refused_in_one_line(kind, tmp_path, capsys):
    name, content, words = SOURCES[kind]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    flags = ["--data.source", tmp_path / name, "--out", tmp_path / "run"]
    assert call("train", *flags, *CHEAP) == 1
    captured = capsys.readouterr()
    line = error_line(captured)
    assert [word for word in words if word not in line] == []
    assert captured.out == ""


def test_bytes_that_are_not_utf8_are_replaced_where_asked_for(tmp_path, capsys):
    source = tmp_path / "words.txt"
    source.write_bytes(b"good\nbad \xff\xfe\ngood\n")
    flags = ["--data.source", source, "--data.invalid-utf8", "replace"]
    assert call("prepare", *flags, "--out", tmp_path / "shards") == 0
    samples = open_prepared(tmp_path / "shards")["train"].samples()
    assert "bad \ufffd\ufffd".encode() in b"".join(s.tobytes() for s in samples)


USAGE = {
    "preset": (["--preset", "tyny"], ["--preset", "'tyny'", "tiny", "paper-4096"]),
    "flag": (
        ["--model.hiden-size", "8"],
        ["--model.hiden-size", "--model.hidden-size"],
    ),
    "number": (["--training.window", "x"], ["--training.window", "'x'"]),
    "range": (["--model.layers", "0"], ["model.layers", "0", "at least 1"]),
    "choice": (["--model.cell", "ltsm"], ["--model.cell", "'ltsm'", "lstm"]),
    "both": (
        ["--training.steps", "1", "--training.epochs", "1"],
        ["training.steps", "training.epochs", "exclude each other"],
    ),
    "devices": (
        ["--distribution.strategy", "none", "--distribution.devices", "2"],
        ["distribution.devices", "2", "mirrored"],
    ),
}


@pytest.mark.parametrize("kind", USAGE)
def test_wrong_usage_is_refused_in_one_line_with_code_2(kind, tmp_path):
    argv, words = USAGE[kind]
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "train.py", *argv, "--out", tmp_path / "r"],
        capture_output=True,
        text=True,
    )
    line = error_line(type("Captured", (), {"err": done.stderr}))
    assert done.returncode == 2
    assert done.stdout == ""
    assert [word for word in words if word not in line] == []
    assert not (tmp_path / "r").exists()


SETTINGS = {
    "workers": (
        ["--distribution.strategy", "multiworker"],
        ["distribution.strategy", "multiworker", "TF_CONFIG"],
    ),
    "lanes": (
        ["--distribution.devices", "2", "--training.batch-size", "5"],
        ["training.batch_size is 5", "distribution.devices 2", "4 will do"],
    ),
    "optimizer": (
        ["--optimizer.name", "adamm"],
        ["optimizer.name", "'adamm'", "adamw"],
    ),
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_setting_that_cannot_work_here_is_refused_in_one_line(
    kind, text, tmp_path, capsys
):
    argv, words = SETTINGS[kind]
    flags = ["--data.source", text, "--out", tmp_path / "run", *CHEAP, *argv]
    assert call("train", *flags) == 1
    line = error_line(capsys.readouterr())
    assert [word for word in words if word not in line] == []


def test_out_that_is_a_file_is_refused_and_kept(text, tmp_path, capsys):
    (tmp_path / "run").write_text("mine")
    assert call("train", "--data.source", text, "--out", tmp_path / "run", *CHEAP) == 1
    assert str(tmp_path / "run") in error_line(capsys.readouterr())
    assert (tmp_path / "run").read_text() == "mine"


CHANGES = {
    "seed": (["--seed", "1"], ["seed was 0, now 1"]),
    "size": (["--model.hidden-size", "9"], ["model.hidden_size was 8, now 9"]),
    "two": (
        ["--optimizer.name", "sgd", "--training.window", "8"],
        ["optimizer.name was 'adam', now 'sgd'", "training.window was 16, now 8"],
    ),
    "source": (["--data.source", "builtin"], ["data.source was", "now 'builtin'"]),
    "fewer steps": (["--training.steps", "20"], ["training.steps was 30, now 20"]),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_run_is_not_resumed_with_other_settings(kind, text, run_dir, capsys):
    argv, words = CHANGES[kind]
    before = contents(run_dir)
    flags = ["--data.source", text, "--out", run_dir, *CHEAP, *argv]
    assert call("train", *flags) == 1
    line = error_line(capsys.readouterr())
    assert [word for word in [*words, "--fresh", "--out"] if word not in line] == []
    assert contents(run_dir) == before


def test_run_is_not_resumed_on_text_that_changed(text, run_dir, capsys):
    before = contents(run_dir)
    write_text(text, seed=1)
    try:
        assert call("train", "--data.source", text, "--out", run_dir, *CHEAP) == 1
    finally:
        write_text(text)
    assert "data_fingerprint was" in error_line(capsys.readouterr())
    assert contents(run_dir) == before


def test_checkpoint_of_another_shape_is_refused_naming_the_setting(
    text, half_run, tmp_path, capsys
):
    store = StateStore(half_run, keep=3)
    found = store.latest()
    config = {**found.config, "model": {**found.config["model"], "hidden_size": 9}}
    weights = {
        name: array.repeat(2, -1)[..., :9] if array.shape[-1] == 8 else array
        for name, array in found.weights.items()
    }
    weights["layers/0/wh"] = weights["layers/0/wh"].repeat(2, 0)[:9]
    weights["output/weight"] = weights["output/weight"].repeat(2, 0)[:9]
    store.save(25, weights, config, found.state, {**found.progress, "step": 25})
    before = contents(half_run)
    assert call("train", "--data.source", text, "--out", half_run, *CHEAP) == 1
    assert "model.hidden_size was 9, now 8" in error_line(capsys.readouterr())
    assert contents(half_run) == before


def test_damaged_newest_checkpoint_is_announced_and_the_one_before_resumed(
    text, half_run, ended, capsys
):
    newest = half_run / "checkpoints" / "00000020" / "training_state.safetensors"
    flip_bit(newest)
    assert call("train", "--data.source", text, "--out", half_run, *CHEAP) == 0
    lines = capsys.readouterr().err.splitlines()
    assert "checkpoint passed over" in lines[0]
    assert str(newest) in lines[0]
    assert lines[1].endswith("resumed at step 10 of 30")
    final = "weights.safetensors"
    assert (half_run / final).read_bytes() == (ended / final).read_bytes()


def test_run_without_a_sound_checkpoint_is_refused_and_never_started_over(
    text, half_run, capsys
):
    for path in half_run.glob("checkpoints/*/weights.safetensors"):
        flip_bit(path)
    before = contents(half_run)
    assert call("train", "--data.source", text, "--out", half_run, *CHEAP) == 1
    *passed, line = capsys.readouterr().err.splitlines()
    assert len(passed) == 2
    assert "none of its 2 checkpoints is sound" in line
    assert "--fresh" in line
    assert contents(half_run) == before


def test_second_run_on_a_folder_leaves_naming_the_holder(text, half_run, capsys):
    before = contents(half_run)
    with RunLock(half_run):
        for flags in ([], ["--fresh"]):
            argv = ["--data.source", text, "--out", half_run, *CHEAP, *flags]
            assert call("train", *argv) == 1
            line = error_line(capsys.readouterr())
            assert f"process {os.getpid()}" in line
            assert str(half_run) in line
    assert contents(half_run) == before


def test_fresh_moves_the_run_aside_whole(text, half_run, capsys):
    before = contents(half_run)
    flags = ["--data.source", text, "--out", half_run, *CHEAP, "--seed", "1", "--fresh"]
    assert call("train", *flags, "--training.steps", "2") == 0
    aside = half_run.with_name("run.old-1")
    assert f"moved aside to {aside}" in capsys.readouterr().err
    assert contents(aside) == before
    assert StateStore(half_run, keep=3).steps() == [2]


def test_loss_that_is_no_number_stops_the_run_before_it_is_saved(
    text, tmp_path, capsys
):
    wild = "--optimizer.name sgd --optimizer.learning-rate 1e30 --optimizer.clip-norm 0"
    often = "--checkpoint.interval 1 --log.interval 1000 --model.cell relu"
    flags = ["--data.source", text, "--out", tmp_path, *CHEAP, *wild.split()]
    assert call("train", *flags, *often.split()) == 1
    line = error_line(capsys.readouterr())
    assert "step 2: the loss is nan" in line
    assert "optimizer.learning_rate" in line
    assert StateStore(tmp_path, keep=3).steps() == [1]
    load_weights(tmp_path / "checkpoints" / "00000001")
