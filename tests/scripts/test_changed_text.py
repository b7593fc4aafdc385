"""Text removed or cut while a run trains: one line, and the run goes on later."""

import os

import pytest
import tensorflow  # noqa: F401  # Here, so that the CPU is split before the first test.

from tests.scripts.command import CHEAP, call, error_line, write_text
from tfsent.config import DataConfig
from tfsent.data import LaneBatches, prepare


@pytest.fixture
def last_shard(tmp_path):
    """Path of the last of three shards, which no lane reads before step 15."""
    text = write_text(tmp_path / "words.txt", num_lines=40)
    config = DataConfig(source=str(text), split=(1, 0, 0), shard_bytes=1024)
    prepare(config, tmp_path / "shards")
    return tmp_path / "shards" / "train" / "shard-00002.bin"


def remove(path):
    path.unlink()


def cut(path):
    os.truncate(path, 100)


SHUFFLED = ["--data.shuffle", "--data.state-reset", "sample"]


@pytest.mark.parametrize(
    ("script", "change", "told", "more"),
    [
        ("train", remove, "is missing", []),
        ("train_twin", remove, "is missing", []),
        ("train_twin", cut, "has 100 bytes instead of", []),
        ("train_twin", cut, "has 100 bytes instead of", SHUFFLED),
    ],
    ids=["removed", "removed, twin", "cut, twin", "cut and shuffled, twin"],
)
def test_changed_shard_is_named_in_one_line_and_the_run_goes_on_later(
    script, change, told, more, last_shard, tmp_path, capsys, monkeypatch
):
    run_dir = tmp_path / "run"
    flags = ["--data.source", tmp_path / "shards", "--out", run_dir, *CHEAP, *more]
    batch, content = LaneBatches.batch, last_shard.read_bytes()

    def change_at_12(batches, step):
        if step == 12:
            change(last_shard)
        return batch(batches, step)

    with monkeypatch.context() as patch:
        patch.setattr(LaneBatches, "batch", change_at_12)
        patch.setattr("tfsent.data.batches._CHUNK_BYTES", 1)
        assert call(script, *flags) == 1
    line = error_line(capsys.readouterr())
    assert line.startswith(f"{last_shard} {told}")
    assert "prepare it again" in line
    assert [path.name for path in (run_dir / "checkpoints").iterdir()] == ["00000010"]
    last_shard.write_bytes(content)
    assert call(script, *flags) == 0
    assert f"{run_dir}: resumed at step 10 of 30" in capsys.readouterr().err
