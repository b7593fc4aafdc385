"""Samples of all shards in another order, read from where they lie."""

import tracemalloc

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data.test_byte_shards import written
from tfsent.config import DataConfig
from tfsent.data import ByteShards, LaneBatches, ShuffledShards, shuffled_if_asked
from tfsent.data.batches import batch_digest
from tfsent.data.permutation import Permutation

LENGTHS = np.random.default_rng(1).integers(1, 300, 150).tolist()
SEED = 3


@pytest.fixture(scope="module", params=[2**16, 0])
def pair(request, tmp_path_factory):
    """The samples in their new order, and the view of the shards.

    Once read as whole groups, and once (mostly) as the parts that are needed.
    """
    texts, shards = written(tmp_path_factory.mktemp("shuffled") / "train", LENGTHS)
    numbers = Permutation(len(texts), SEED)(np.arange(len(texts)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfsent.data.shuffled_shards._SPARE_BYTES", request.param)
        yield [texts[number] for number in numbers], ShuffledShards(shards, SEED)


def test_text_is_every_sample_once_in_the_order_of_the_seed(pair):
    texts, shuffled = pair
    assert shuffled.read(0, shuffled.num_bytes).tobytes() == b"".join(texts)
    assert shuffled.num_samples == len(texts)


def test_order_is_another_than_that_of_the_shards(pair):
    _, shuffled = pair
    whole = shuffled._shards.read(0, shuffled.num_bytes).tobytes()
    assert shuffled.read(0, shuffled.num_bytes).tobytes() != whole


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_any_stretch_is_that_of_the_whole_text(pair, data):
    texts, shuffled = pair
    whole = b"".join(texts)
    start = data.draw(st.integers(0, len(whole)))
    stop = data.draw(st.integers(start, len(whole)))
    assert shuffled.read(start, stop).tobytes() == whole[start:stop]
    firsts = np.cumsum([0, *map(len, texts)])[:-1]
    expected = firsts[(firsts >= start) & (firsts < stop)]
    assert shuffled.starts(start, stop).tolist() == expected.tolist()


@given(
    begins=st.lists(st.integers(0, sum(LENGTHS) - 700), max_size=5),
    length=st.integers(0, 700),
    marks=st.sampled_from(["sample", "never"]),
)
@settings(max_examples=100, deadline=None)
def test_rows_are_their_stretches(pair, begins, length, marks):
    _, shuffled = pair
    rows, marked = shuffled.read_rows(begins, length, marks)
    assert rows.shape == marked.shape == (len(begins), length)
    for row, mark, begin in zip(rows, marked, begins, strict=True):
        assert row.tobytes() == shuffled.read(begin, begin + length).tobytes()
        starts = shuffled.starts(begin, begin + length) - begin
        expected = starts.tolist() if marks == "sample" else []
        assert np.flatnonzero(mark).tolist() == expected


@pytest.mark.parametrize(
    ("start", "stop"), [(-1, 2), (5, 4), (sum(LENGTHS), sum(LENGTHS) + 1)]
)
def test_stretch_outside_is_refused(pair, start, stop):
    _, shuffled = pair
    for method in (shuffled.read, shuffled.starts):
        with pytest.raises(ValueError, match=f"were asked of {sum(LENGTHS)}"):
            method(start, stop)


def test_shards_cannot_be_marked(pair):
    _, shuffled = pair
    with pytest.raises(ValueError, match="sample or never will do"):
        shuffled.read_rows([0], 5, "shard")


def test_rows_take_no_more_memory_where_samples_are_long(tmp_path, monkeypatch):
    """Whole groups of whole samples took 17 MB here."""
    _, shards = written(tmp_path / "train", [200_000] * 20 + LENGTHS)
    shuffled = ShuffledShards(shards, SEED)
    begins = range(0, shuffled.num_bytes - 999, 250_000)
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    before = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        rows, _ = shuffled.read_rows(begins, 999, "sample")
        peak_bytes = tracemalloc.get_traced_memory()[1] + pool.max_memory()
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)
    assert peak_bytes < 200_000, peak_bytes
    whole = shuffled.read(0, shuffled.num_bytes)
    assert [row.tolist() for row in rows] == [
        whole[begin : begin + 999].tolist() for begin in begins
    ]


@pytest.mark.parametrize("count", [1, 7, 8, 9, 16])
def test_few_samples_are_shuffled_too(tmp_path, count):
    texts, shards = written(tmp_path / "train", LENGTHS[:count])
    shuffled = ShuffledShards(shards, 0)
    numbers = Permutation(count, 0)(np.arange(count))
    expected = b"".join(texts[number] for number in numbers)
    assert shuffled.read(0, shuffled.num_bytes).tobytes() == expected


def test_more_shards_than_files_may_be_open_are_read(pair, monkeypatch):
    texts, shuffled = pair
    monkeypatch.setattr("tfsent.data.byte_shards._OPEN_MAPS", 3)
    few = ShuffledShards(ByteShards(shuffled._shards.folder), SEED)
    assert few.read(0, few.num_bytes).tobytes() == b"".join(texts)
    assert few._shards._text_file.cache_info().currsize == 3


def test_lengths_read_in_portions_are_the_same(pair, monkeypatch):
    _, shuffled = pair
    monkeypatch.setattr("tfsent.data.byte_shards._PORTION", 4)
    assert np.concatenate(list(shuffled._shards.sample_lengths())).tolist() == LENGTHS
    again = ShuffledShards(shuffled._shards, SEED)
    assert np.array_equal(again._group_starts, shuffled._group_starts)


@pytest.mark.parametrize(("at", "value"), [(0, 1), (1, 10**6), (-1, 7)])
def test_bounds_that_do_not_divide_the_shard_are_refused(tmp_path, at, value):
    """Arrow would read beyond the file by them."""
    _, shards = written(tmp_path / "train", LENGTHS)
    path = shards.folder / "shard-00001.idx"
    bounds = np.fromfile(path, "<i8")
    bounds[at] = value
    bounds.tofile(path)
    with pytest.raises(ValueError, match=r"shard-00001\.idx is damaged: its bounds"):
        ShuffledShards(ByteShards(shards.folder), 0)


def lanes(text, state_reset="sample", part=None, seed=0):
    return LaneBatches(
        text, batch_size=6, window=50, state_reset=state_reset, seed=seed, lanes=part
    )


@pytest.mark.parametrize("chunk_bytes", [1, 1000, 2**20])
def test_batches_are_those_of_the_shuffled_text_and_reset_at_its_samples(
    pair, monkeypatch, chunk_bytes
):
    monkeypatch.setattr("tfsent.data.batches._CHUNK_BYTES", chunk_bytes)
    texts, shuffled = pair
    batches = lanes(shuffled)
    whole = np.frombuffer(b"".join(texts), np.uint8)
    first = np.zeros(len(whole), bool)
    first[np.cumsum([0, *map(len, texts)])[:-1]] = True
    stretch = batches.steps_per_epoch * 50
    for epoch in (0, 1):
        begin = batches._offset(epoch)
        for step in range(batches.steps_per_epoch):
            batch = batches.batch(epoch * batches.steps_per_epoch + step)
            for lane in range(6):
                at = begin + lane * stretch + step * 50
                assert batch.bytes_BT1[lane].tolist() == whole[at : at + 51].tolist()
                expected = first[at : at + 50].tolist()
                if step == 0:
                    expected[0] = True
                assert batch.reset_BT[lane].tolist() == expected


@pytest.mark.parametrize("part", [slice(0, 3), slice(3, 6)])
def test_some_of_the_lanes_are_those_of_the_whole_batch(pair, part):
    _, shuffled = pair
    whole, some = lanes(shuffled), lanes(shuffled, part=part)
    for step in range(whole.steps_per_epoch):
        for mine, every in zip(some.batch(step), whole.batch(step), strict=True):
            np.testing.assert_array_equal(mine, every[part])


def test_batches_asked_for_anew_are_the_same(pair):
    _, shuffled = pair
    steps = range(lanes(shuffled).steps_per_epoch + 3)
    digests = [batch_digest(lanes(shuffled).batch(step)) for step in steps]
    again = lanes(ShuffledShards(ByteShards(shuffled._shards.folder), SEED))
    assert [batch_digest(again.batch(step)) for step in steps] == digests


def test_batches_are_frozen(tmp_path):
    """Another order or another reading of it would make resumed runs other runs."""
    _, shards = written(tmp_path / "train", LENGTHS)
    batches = lanes(ShuffledShards(shards, 5))
    digests = [batch_digest(batches.batch(step))[:8] for step in (0, 20, 90)]
    assert digests == ["de3bbca0", "45dc80e8", "40681d52"]


def test_only_the_setting_shuffles(pair):
    shards = pair[1]._shards
    assert shuffled_if_asked(shards, DataConfig(), 4) is shards
    shuffled = shuffled_if_asked(
        shards, DataConfig(shuffle=True, state_reset="sample"), SEED
    )
    assert np.array_equal(shuffled.read(0, 999), pair[1].read(0, 999))
    other = shuffled_if_asked(shards, DataConfig(shuffle=True, state_reset="never"), 4)
    assert not np.array_equal(other.read(0, 999), pair[1].read(0, 999))
