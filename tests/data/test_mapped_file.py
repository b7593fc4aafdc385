"""Files that change while they are mapped."""

import errno
import os
import re

import pytest

from tests.data.test_byte_shards import written
from tfsent.data import LaneBatches, ShuffledShards
from tfsent.data.mapped_file import MappedFile

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def path(tmp_path):
    (tmp_path / "shard.bin").write_bytes(CONTENT)
    return tmp_path / "shard.bin"


def test_content_is_that_of_the_file(path):
    assert MappedFile(path, len(CONTENT)).bytes()[:] == CONTENT


def test_removed_file_is_read_on(path):
    mapped = MappedFile(path, len(CONTENT))
    path.unlink()
    assert mapped.bytes()[:] == CONTENT


def test_missing_file_is_named_with_what_to_do(path):
    path.unlink()
    with pytest.raises(ValueError, match="is missing: it was changed") as caught:
        MappedFile(path, len(CONTENT))
    assert str(path) in str(caught.value)
    assert "prepare it again" in str(caught.value)


@pytest.mark.parametrize("size", [0, 1, 5000, len(CONTENT) + 1])
@pytest.mark.parametrize("opened", ["before", "after"])
def test_file_of_another_size_is_refused_before_it_is_read(path, size, opened):
    mapped = MappedFile(path, len(CONTENT)) if opened == "before" else None
    os.truncate(path, size)
    told = re.escape(f"{path} has {size} bytes instead of {len(CONTENT)}")
    with pytest.raises(ValueError, match=told):
        (mapped or MappedFile(path, len(CONTENT))).bytes()


def test_file_that_cannot_be_mapped_is_named(path, monkeypatch):
    def refuse(*args, **options):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    monkeypatch.setattr("tfsent.data.mapped_file.mmap.mmap", refuse)
    with pytest.raises(OSError, match="Cannot allocate memory") as caught:
        MappedFile(path, len(CONTENT))
    assert caught.value.filename == str(path)


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("suffix", ["bin", "idx"])
@pytest.mark.parametrize("change", ["removed", "cut"])
def test_batches_name_the_shard_that_was_changed(
    tmp_path, monkeypatch, shuffle, suffix, change
):
    monkeypatch.setattr("tfsent.data.batches._CHUNK_BYTES", 1)
    # Few open maps: the removed shard is opened again and again.
    monkeypatch.setattr("tfsent.data.byte_shards._OPEN_MAPS", 1)
    _, shards = written(tmp_path / "train", [100] * 100)
    text = ShuffledShards(shards, 0) if shuffle else shards
    batches = LaneBatches(text, batch_size=2, window=10, state_reset="sample", seed=0)
    batches.batch(0)
    path = shards.folder / f"shard-00005.{suffix}"
    path.unlink() if change == "removed" else os.truncate(path, 8)
    told = "is missing" if change == "removed" else "has 8 bytes instead of"
    with pytest.raises(ValueError, match=re.escape(f"{path} {told}")):
        list(map(batches.batch, range(batches.steps_per_epoch)))
