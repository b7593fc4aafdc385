"""A run on shuffled text: the same on both frameworks, and resumed bit for bit."""

import shutil

import pytest
import tensorflow  # noqa: F401  # Here, so that the CPU is split before the first test.

import tfsent.session
from tests.scripts.command import CHEAP, TINY, call, error_line
from tfsent.config import DataConfig
from tfsent.data import ByteShards, LaneBatches, ShuffledShards, prepare
from tfsent.data.batches import batch_digest

FLAGS = [*CHEAP, "--data.shuffle", "--data.state-reset", "sample", "--seed", "5"]
FINAL = ("weights.safetensors", "config.json", "manifest.json", "result.json")


@pytest.mark.parametrize("script", ["train", "train_twin"])
def test_resumed_run_reads_and_ends_as_the_unbroken_one(
    script, text, tmp_path, capsys, monkeypatch
):
    flags = ["--data.source", text, *FLAGS]
    batch, seen = LaneBatches.batch, {}

    def record(batches, step):
        found = batch(batches, step)
        assert seen.setdefault(step, batch_digest(found)) == batch_digest(found)
        return found

    monkeypatch.setattr(LaneBatches, "batch", record)
    assert call(script, *flags, "--out", tmp_path / "whole") == 0
    weights = (tmp_path / "whole" / "weights.safetensors").read_bytes()
    for name in FINAL:
        (tmp_path / "whole" / name).unlink()
    shutil.rmtree(tmp_path / "whole" / "checkpoints" / "00000020")
    shutil.rmtree(tmp_path / "whole" / "checkpoints" / "00000030")
    assert call(script, *flags, "--out", tmp_path / "whole") == 0
    assert "resumed at step 10 of 30" in capsys.readouterr().err
    assert (tmp_path / "whole" / "weights.safetensors").read_bytes() == weights

    # What was read, on either framework, is the text in the order of the seed.
    shards = prepare(DataConfig(source=str(text), split=(1, 0, 0)))["train"]
    batches = LaneBatches(
        ShuffledShards(shards, 5),
        batch_size=4,
        window=16,
        state_reset="sample",
        seed=5,
    )
    assert seen == {step: batch_digest(batch(batches, step)) for step in range(30)}


def test_run_is_not_gone_on_with_in_another_order(text, tmp_path, capsys):
    flags = ["--data.source", text, "--out", tmp_path / "run", *FLAGS]
    assert call("train_twin", *flags, "--training.steps", "10") == 0
    capsys.readouterr()
    assert (
        call("train_twin", *flags, "--training.steps", "10", "--data.no-shuffle") == 1
    )
    assert "data.shuffle was True, now False" in error_line(capsys.readouterr())


def test_only_training_text_is_shuffled(text, tmp_path, monkeypatch):
    scored = {}

    class Spy(tfsent.session.Scores):
        def __init__(self, evaluator, shards, *rest):
            scored.update(shards)
            super().__init__(evaluator, shards, *rest)

    monkeypatch.setattr(tfsent.session, "Scores", Spy)
    flags = ["--data.source", text, "--out", tmp_path / "run", *TINY]
    flags += ["--data.shuffle", "--data.state-reset", "never"]
    assert call("train_twin", *flags) == 0
    assert {split: type(each) for split, each in scored.items()} == {
        "train": ByteShards,
        "val": ByteShards,
        "test": ByteShards,
    }


def test_shards_cannot_be_reset_at(text, capsys):
    assert call("train_twin", "--data.source", text, "--data.shuffle") == 2
    line = error_line(capsys.readouterr())
    assert line.startswith("data.state_reset is shard, but data.shuffle")
