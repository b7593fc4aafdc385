"""Batches of lanes: contiguous, resumable, scored once.

Axes: B lanes, T bytes in a window.
"""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tfsent.data.batches import (
    LaneBatches,
    ScoreBatches,
    batch_digest,
    prefetch,
)
from tfsent.data.byte_shards import ByteShards


class ArrayShards:
    """Samples in memory, read as shards on disk are; every third starts a shard."""

    def __init__(self, lengths, seed=0):
        self.bounds = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rng = np.random.default_rng(seed)
        # Never 0, so that padding and text cannot be taken for each other.
        self.text = rng.integers(1, 256, int(self.bounds[-1])).astype(np.uint8)
        self.num_bytes = len(self.text)
        self.num_samples = len(lengths)

    def read(self, start, stop):
        assert 0 <= start <= stop <= self.num_bytes
        return self.text[start:stop]

    def sample_bounds(self):
        return self.bounds

    def sample(self, index):
        return self.text[self.bounds[index] : self.bounds[index + 1]]

    def starts(self, start, stop):
        firsts = self.bounds[:-1]
        return firsts[(firsts >= start) & (firsts < stop)]

    def shard_starts(self, start, stop):
        firsts = self.bounds[:-1:3]
        return firsts[(firsts >= start) & (firsts < stop)]

    read_rows = ByteShards.read_rows


@pytest.fixture
def shards():
    """Nineteen samples, 475 bytes."""
    return ArrayShards(
        [7, 31, 1, 2, 53, 11, 29, 40, 3, 17, 61, 5, 70, 9, 23, 44, 8, 30, 31]
    )


def make_lanes(
    shards, batch_size=3, window=5, state_reset="sample", seed=4, lanes=None
):
    return LaneBatches(
        shards,
        batch_size=batch_size,
        window=window,
        state_reset=state_reset,
        seed=seed,
        lanes=lanes,
    )


def place_of(shards, row):
    """Where a row of bytes stands in the text."""
    return shards.text.tobytes().index(row.tobytes())


def epoch_offset(batches, shards, epoch):
    first = batches.batch(epoch * batches.steps_per_epoch)
    return place_of(shards, first.bytes_BT1[0])


# Lanes


def test_batch_has_one_column_more_than_the_window(shards):
    batch = make_lanes(shards).batch(0)
    assert batch.bytes_BT1.shape == (3, 6)
    assert batch.reset_BT.shape == (3, 5)
    assert batch.bytes_BT1.dtype == np.uint8
    assert batch.reset_BT.dtype == np.bool_


def test_last_column_of_a_window_is_the_first_of_the_next(shards):
    batches = make_lanes(shards)
    for step in range(batches.steps_per_epoch - 1):
        ends = batches.batch(step).bytes_BT1[:, -1]
        begins = batches.batch(step + 1).bytes_BT1[:, 0]
        assert ends.tolist() == begins.tolist()


@pytest.mark.parametrize("chunk_bytes", [1, 40, 2**20])
def test_lanes_laid_end_to_end_are_the_text(shards, monkeypatch, chunk_bytes):
    monkeypatch.setattr("tfsent.data.batches._CHUNK_BYTES", chunk_bytes)
    batches = make_lanes(shards)
    windows = [batches.batch(step) for step in range(batches.steps_per_epoch)]
    targets = np.concatenate([window.bytes_BT1[:, 1:] for window in windows], axis=1)
    begin = epoch_offset(batches, shards, 0) + 1
    read = shards.text[begin : begin + targets.size]
    assert targets.ravel().tolist() == read.tolist()


def test_an_epoch_drops_less_than_one_step_of_bytes(shards):
    batches = make_lanes(shards)
    assert 0 <= shards.num_bytes - 1 - batches.steps_per_epoch * 15 < 15


def test_steps_asked_for_in_any_order_are_the_same(shards):
    unbroken = make_lanes(shards)
    steps = 2 * unbroken.steps_per_epoch + 3
    digests = [batch_digest(unbroken.batch(step)) for step in range(steps)]
    for step in reversed(range(steps)):
        assert batch_digest(make_lanes(shards).batch(step)) == digests[step]
    assert len(set(digests[: unbroken.steps_per_epoch])) == unbroken.steps_per_epoch


@pytest.mark.parametrize("lanes", [slice(0, 1), slice(1, 3), slice(2, 3)])
def test_some_of_the_lanes_are_those_of_the_whole_batch(shards, lanes):
    whole, part = make_lanes(shards), make_lanes(shards, lanes=lanes)
    assert part.steps_per_epoch == whole.steps_per_epoch
    for step in range(2 * whole.steps_per_epoch):
        for all_lanes, some in zip(whole.batch(step), part.batch(step), strict=True):
            np.testing.assert_array_equal(some, all_lanes[lanes])


def test_changing_a_batch_does_not_change_the_next_reading_of_it(shards):
    batches = make_lanes(shards)
    batch = batches.batch(1)
    digest = batch_digest(batch)
    batch.bytes_BT1[:] = 0
    batch.reset_BT[:] = True
    assert batch_digest(batches.batch(1)) == digest


def test_epochs_start_at_different_offsets_within_the_tail(shards):
    batches = make_lanes(shards, batch_size=5, window=13)
    slack = shards.num_bytes - 1 - batches.steps_per_epoch * 65
    offsets = [epoch_offset(batches, shards, epoch) for epoch in range(60)]
    assert min(offsets) >= 0
    assert max(offsets) <= slack
    assert len(set(offsets)) > slack // 2


def test_offsets_depend_on_the_seed(shards):
    offsets = [
        [epoch_offset(make_lanes(shards, seed=seed), shards, e) for e in range(8)]
        for seed in (1, 2)
    ]
    assert offsets[0] != offsets[1]


def test_offsets_are_frozen(shards):
    batches = make_lanes(shards, batch_size=5, window=13)
    offsets = [epoch_offset(batches, shards, epoch) for epoch in range(5)]
    assert offsets == [18, 0, 17, 16, 12]


def expected_resets(shards, batches, state_reset, epoch):
    """Resets of a whole epoch, bool[lanes, bytes], by a plain loop."""
    firsts = {
        "sample": set(shards.bounds[:-1].tolist()),
        "shard": set(shards.bounds[:-1:3].tolist()),
        "never": set(),
    }[state_reset]
    lane_bytes = batches.steps_per_epoch * 5
    begin = epoch_offset(batches, shards, epoch)
    return [
        [
            byte == 0 or begin + lane * lane_bytes + byte in firsts
            for byte in range(lane_bytes)
        ]
        for lane in range(3)
    ]


@pytest.mark.parametrize("chunk_bytes", [1, 40, 2**20])
@pytest.mark.parametrize("state_reset", ["sample", "shard", "never"])
def test_lanes_reset_where_they_should_and_nowhere_else(
    shards, monkeypatch, state_reset, chunk_bytes
):
    monkeypatch.setattr("tfsent.data.batches._CHUNK_BYTES", chunk_bytes)
    batches = make_lanes(shards, state_reset=state_reset)
    for epoch in (0, 1):
        steps = range(batches.steps_per_epoch)
        first = epoch * batches.steps_per_epoch
        resets = [batches.batch(first + step).reset_BT for step in steps]
        found = np.concatenate(resets, axis=1).tolist()
        assert found == expected_resets(shards, batches, state_reset, epoch)


def test_text_of_just_enough_bytes_makes_one_step():
    assert make_lanes(ArrayShards([10, 6])).steps_per_epoch == 1


def test_text_too_short_is_refused_with_what_it_needs():
    with pytest.raises(ValueError, match="at least 16") as caught:
        make_lanes(ArrayShards([10, 5]))
    for part in ("data.source gives 15 bytes", "batch_size 3", "training.window 5"):
        assert part in str(caught.value)


def test_unknown_reset_is_refused(shards):
    with pytest.raises(ValueError, match="data.state_reset is 'lane'"):
        make_lanes(shards, state_reset="lane")


def test_digest_sees_contents_and_shape(shards):
    batch = make_lanes(shards).batch(2)
    other = batch._replace(reset_BT=~batch.reset_BT)
    flat = batch._replace(bytes_BT1=batch.bytes_BT1.reshape(6, 3))
    digests = {batch_digest(each) for each in (batch, other, flat)}
    assert len(digests) == 3


# Scoring


lengths_lists = st.lists(
    st.one_of(st.just(1), st.integers(1, 9), st.integers(1, 90)),
    min_size=1,
    max_size=25,
)
shapes = {"batch_size": st.integers(1, 30), "window": st.integers(1, 20)}


def scored_samples(shards, batches):
    """Samples as a reader of the lanes sees them: from reset to last scored byte."""
    parts = list(batches)
    if not parts:
        return []
    inputs = np.concatenate([part.bytes_BT1[:, :-1] for part in parts], axis=1)
    targets = np.concatenate([part.bytes_BT1[:, 1:] for part in parts], axis=1)
    resets = np.concatenate([part.reset_BT for part in parts], axis=1)
    scores = np.concatenate([part.score_BT for part in parts], axis=1)
    samples = []
    for lane in range(len(inputs)):
        for byte in range(inputs.shape[1]):
            if resets[lane, byte]:
                samples.append([inputs[lane, byte]])
            if scores[lane, byte]:
                assert samples[-1][-1] == inputs[lane, byte]
                samples[-1].append(targets[lane, byte])
    return [bytes(sample) for sample in samples]


@settings(max_examples=120, deadline=None, derandomize=True)
@given(lengths=lengths_lists, **shapes)
def test_every_byte_of_every_sample_is_scored_once(lengths, batch_size, window):
    shards = ArrayShards(lengths)
    batches = ScoreBatches(shards, batch_size=batch_size, window=window)
    scored = sum(int(batch.score_BT.sum()) for batch in batches)
    assert scored == sum(lengths) - len(lengths) == batches.num_scored


@settings(max_examples=120, deadline=None, derandomize=True)
@given(lengths=lengths_lists, **shapes)
def test_lanes_hold_whole_samples_each_begun_by_a_reset(lengths, batch_size, window):
    shards = ArrayShards(lengths)
    batches = ScoreBatches(shards, batch_size=batch_size, window=window)
    found = [each for each in scored_samples(shards, batches) if len(each) > 1]
    wanted = [shards.sample(index).tobytes() for index in range(len(lengths))]
    assert sorted(found) == sorted(each for each in wanted if len(each) > 1)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(lengths=lengths_lists, **shapes)
@example(lengths=[90, 5, 5], batch_size=2, window=4)
def test_lanes_end_nearly_equal(lengths, batch_size, window):
    shards = ArrayShards(lengths)
    batches = ScoreBatches(shards, batch_size=batch_size, window=window)
    # The longest lane, without the last sample put there, was the shortest of all.
    ends = [int(places[-1]) for _, places in batches._lanes]
    _, longest = max(batches._lanes, key=lambda lane: lane[1][-1])
    assert longest[-2] <= min(ends)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(lengths=lengths_lists, max_bytes=st.integers(1, 200), **shapes)
@example(lengths=[5, 5, 5], max_bytes=10, batch_size=2, window=4)
def test_a_limit_takes_whole_samples_that_fit(lengths, max_bytes, batch_size, window):
    shards = ArrayShards(lengths)
    batches = ScoreBatches(
        shards, batch_size=batch_size, window=window, max_bytes=max_bytes
    )
    assert sum(int(batch.score_BT.sum()) for batch in batches) == batches.num_scored
    found = [each for each in scored_samples(shards, batches) if len(each) > 1]
    whole = [shards.sample(index).tobytes() for index in range(len(lengths))]
    assert set(found) <= set(whole)
    assert sum(map(len, found)) <= max(max_bytes, max(lengths))


def test_a_limit_takes_samples_at_even_distances():
    shards = ArrayShards([10] * 12)
    batches = ScoreBatches(shards, batch_size=2, window=8, max_bytes=45)
    found = {each for each in scored_samples(shards, batches)}
    assert found == {shards.sample(index).tobytes() for index in (0, 3, 6, 9)}


def test_padding_is_zero_and_not_scored():
    shards = ArrayShards([9, 4])
    (batch,) = ScoreBatches(shards, batch_size=3, window=8)
    assert batch.bytes_BT1[1].tolist() == [*shards.sample(1).tolist(), 0, 0, 0, 0, 0]
    assert batch.score_BT.sum(axis=1).tolist() == [8, 3, 0]
    assert batch.bytes_BT1[2].tolist() == [0] * 9


def test_score_batches_can_be_read_twice(shards):
    batches = ScoreBatches(shards, batch_size=4, window=9)
    first = [batch_digest(batch) for batch in batches]
    assert [batch_digest(batch) for batch in batches] == first
    assert len(first) == len(batches) > 1


def test_scoring_reads_no_more_than_a_window_at_once(shards, monkeypatch):
    reads = []
    read = ArrayShards.read

    def record(self, start, stop):
        reads.append(stop - start)
        return read(self, start, stop)

    monkeypatch.setattr(ArrayShards, "read", record)
    list(ScoreBatches(shards, batch_size=4, window=9))
    assert max(reads) == 10


# Prefetch


def test_prefetched_lanes_are_the_lanes(shards):
    batches = make_lanes(shards)
    ahead = [batch_digest(batch) for batch in prefetch(batches.batch, 5, 70)]
    assert ahead == [batch_digest(batches.batch(step)) for step in range(5, 70)]
