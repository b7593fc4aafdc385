"""Shard files read as one stretch of bytes, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsent.data.byte_shards import (
    ByteShards,
    is_prepared,
    most_open_maps,
    open_prepared,
)
from tfsent.data.shard_index import canonical_json, index_checksum
from tfsent.data.shard_writer import ShardWriter

LENGTHS = [7, 300, 1, 1024, 5, 2000, 31, 500, 600, 3]


def written(folder, lengths=LENGTHS, shard_bytes=1024):
    rng = np.random.default_rng(0)
    texts = [rng.integers(0, 256, size, np.uint8).tobytes() for size in lengths]
    folder.mkdir(parents=True)
    writer = ShardWriter(folder, shard_bytes)
    for text in texts:
        writer.append(text)
    writer.finish({"key": "a"})
    return texts, ByteShards(folder)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The texts, and the shards they were written to."""
    return written(tmp_path_factory.mktemp("shards") / "train")


def test_samples_come_back_in_order(pair):
    texts, shards = pair
    assert [sample.tobytes() for sample in shards.samples()] == texts
    numbers = range(shards.num_samples)
    assert [shards.sample(number).tobytes() for number in numbers] == texts


def test_counts_are_those_of_the_texts(pair):
    texts, shards = pair
    assert shards.num_samples == len(texts)
    assert shards.num_bytes == sum(map(len, texts))


def test_sample_is_never_cut_and_a_shard_ends_once_it_is_full(pair):
    _, shards = pair
    ends = [shard["bytes"] for shard in shards.index["shards"]]
    assert ends == [7 + 300 + 1 + 1024, 5 + 2000, 31 + 500 + 600, 3]


@given(st.data())
@settings(max_examples=60)
def test_any_stretch_reads_as_it_was_written(pair, data):
    texts, shards = pair
    whole = b"".join(texts)
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    read = shards.read(start, stop)
    assert read.dtype == np.uint8
    assert read.tobytes() == whole[start:stop]
    bounds = np.cumsum([0, *LENGTHS])
    firsts = bounds[:-1]
    expected = firsts[(firsts >= start) & (firsts < stop)]
    assert shards.starts(start, stop).tolist() == expected.tolist()
    firsts = np.asarray([0, 1332, 3337, 4468])
    expected = firsts[(firsts >= start) & (firsts < stop)]
    assert shards.shard_starts(start, stop).tolist() == expected.tolist()


def test_bounds_read_like_an_array(pair):
    _, shards = pair
    bounds = shards.sample_bounds()
    expected = np.cumsum([0, *LENGTHS]).tolist()
    assert np.asarray(bounds).dtype == np.int64
    assert np.asarray(bounds).tolist() == expected
    assert len(bounds) == len(expected)
    assert [bounds[at] for at in range(-3, 11)] == expected[-3:] + expected
    for at in (slice(2, 7), slice(None, None, 3), slice(8, 1, -2), slice(5, 5)):
        assert bounds[at].tolist() == expected[at]


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (5, 4), (0, 10**9)])
def test_stretch_outside_is_refused(pair, start, stop):
    _, shards = pair
    for method in (shards.read, shards.starts, shards.shard_starts):
        with pytest.raises(ValueError, match="bytes .* were asked of 4471"):
            method(start, stop)


def test_sample_outside_is_refused(pair):
    _, shards = pair
    with pytest.raises(IndexError):
        shards.sample(len(LENGTHS))


def test_what_is_read_cannot_be_written_to(pair):
    _, shards = pair
    with pytest.raises(ValueError, match="read-only"):
        shards.read(0, 5)[0] = 1


def test_more_shards_than_files_may_be_open_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("tfsent.data.byte_shards._OPEN_MAPS", 3)
    texts, shards = written(tmp_path / "train", [1100] * 20)
    assert shards.read(0, shards.num_bytes).tobytes() == b"".join(texts)
    assert shards._text_file.cache_info().currsize == 3


@pytest.mark.parametrize("name", ["shard-00001.bin", "shard-00002.idx"])
def test_file_of_another_size_is_named(tmp_path, name):
    _, shards = written(tmp_path / "train")
    path = shards.folder / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=rf"{name} has \d+ bytes where the index says"):
        ByteShards(shards.folder)
    path.unlink()
    with pytest.raises(ValueError, match=rf"{name} is missing"):
        ByteShards(shards.folder)


@pytest.mark.parametrize("name", ["shard-00001.bin", "shard-00002.idx"])
def test_verify_names_a_file_with_one_bit_changed(tmp_path, name):
    _, shards = written(tmp_path / "train")
    shards.verify()
    content = bytearray((shards.folder / name).read_bytes())
    content[5] ^= 1
    (shards.folder / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} is damaged"):
        ByteShards(shards.folder).verify()


def test_every_changed_bit_of_the_index_is_noticed(tmp_path):
    _, shards = written(tmp_path / "train")
    path = shards.folder / "index.json"
    content = path.read_bytes()
    for at in range(0, len(content) - 1, 7):
        damaged = bytearray(content)
        damaged[at] ^= 1 << (at % 8)
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"index\.json is"):
            ByteShards(shards.folder)


def test_newer_format_is_refused_naming_both(tmp_path):
    _, shards = written(tmp_path / "train")
    (shards.folder / "index.json").write_text('{"format": 99}')
    with pytest.raises(ValueError, match=r"is of format 99, newer than format 1"):
        ByteShards(shards.folder)


def test_index_that_names_other_files_is_refused(tmp_path):
    _, shards = written(tmp_path / "train")
    index = dict(shards.index)
    index["shards"] = [{**index["shards"][0], "name": "../../etc/passwd"}]
    index["checksum"] = index_checksum(index)
    (shards.folder / "index.json").write_bytes(canonical_json(index))
    with pytest.raises(ValueError, match="index.json is damaged or edited"):
        ByteShards(shards.folder)


def test_fingerprint_tells_contents_apart_and_nothing_else(tmp_path):
    prints = [
        written(tmp_path / str(number) / "train", lengths)[1].fingerprint
        for number, lengths in enumerate([LENGTHS, LENGTHS, LENGTHS[:-1]])
    ]
    assert prints[0] == prints[1] != prints[2]


def test_prepared_folder_is_told_from_any_other(tmp_path):
    assert not is_prepared(tmp_path)
    with pytest.raises(ValueError, match="holds no prepared shards"):
        open_prepared(tmp_path)
    written(tmp_path / "train")
    assert list(open_prepared(tmp_path)) == ["train"]


@pytest.mark.parametrize(
    ("descriptors", "maps"),
    [
        (-1, 8192),
        (256, 256),
        (1024, 256),
        (4096, 512),
        (2**20, 8192),
        (2**63 - 1, 8192),
    ],
)
def test_maps_that_stay_open_grow_with_the_limit_of_the_process(descriptors, maps):
    """An unlimited one is -1, or on macOS the largest integer."""
    assert most_open_maps(descriptors) == maps
