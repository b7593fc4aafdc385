"""Texts dealt out to lanes: every byte once, in order, whatever the lanes."""

import itertools

import numpy as np
import pytest

from tfsent.transfer import reading
from tfsent.transfer.reading import LaneQueue


def some_texts(count=60, longest=90, seed=0):
    rng = np.random.default_rng(seed)
    return [
        bytes(rng.integers(0, 256, length, dtype=np.uint8))
        for length in rng.integers(1, longest, count)
    ]


def read_back(windows):
    """Return the texts that windows hold, put together from their pieces."""
    texts, open_in = {}, {}
    for window in windows:
        moved = {lane: open_in[old] for lane, old in enumerate(window.carried_B)
                 if old in open_in and lane < len(open_in)}  # fmt: skip
        open_in = {}
        taken = np.zeros_like(window.reset_BT)
        for piece in window.pieces:
            assert window.reset_BT[piece.lane, piece.start] == piece.first
            assert piece.first == (piece.text not in texts)
            if not piece.first:
                assert moved[piece.lane] == piece.text
            part = window.bytes_BT[piece.lane, piece.start : piece.stop].tobytes()
            texts[piece.text] = texts.get(piece.text, b"") + part
            taken[piece.lane, piece.start : piece.stop] = True
            if not piece.last:
                assert piece.stop == window.bytes_BT.shape[1]
                open_in[piece.lane] = piece.text
        assert window.reset_BT.sum() == sum(piece.first for piece in window.pieces)
        assert not window.bytes_BT[~taken].any()
    return [texts[number] for number in sorted(texts)]


@pytest.mark.parametrize("lanes", [(1,), (3,), (1, 2, 5), (64,)])
@pytest.mark.parametrize("window", [1, 7, 128])
def test_every_byte_is_read_once_and_in_order(lanes, window):
    texts = some_texts()
    assert read_back(LaneQueue(texts, lanes, window).windows()) == texts


def test_lanes_are_full_until_the_end():
    texts = some_texts(400)
    used = [
        sum(piece.stop - piece.start for piece in window.pieces) / window.bytes_BT.size
        for window in LaneQueue(texts, (1, 4), 16).windows()
    ]
    assert set(used[: len(used) * 9 // 10]) == {1.0}
    assert sum(used) / len(used) > 0.95


def test_fewer_lanes_are_used_when_few_texts_are_left():
    sizes = [
        len(window.bytes_BT)
        for window in LaneQueue([b"x" * 500, *[b"y" * 10] * 7], (1, 8), 10).windows()
    ]
    assert sizes == [8, *[1] * 49]


def test_one_text_takes_one_lane():
    assert {len(w.bytes_BT) for w in LaneQueue([b"x" * 300]).windows()} == {1}


def test_a_long_text_does_not_let_others_pile_up(monkeypatch):
    monkeypatch.setattr(reading, "_TEXTS_AT_HAND", 20)
    taken = 0

    def texts():
        nonlocal taken
        for number in itertools.count():
            taken = number
            yield b"x" * (4000 if number == 0 else 3)

    windows = LaneQueue(texts(), (2,), 10).windows()
    for _ in range(300):
        next(windows)
    assert taken < 25
    for _ in range(200):
        next(windows)
    assert taken > 100


def test_texts_at_hand_are_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr(reading, "_BYTES_AT_HAND", 1000)
    taken = 0

    def texts():
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield b"x" * 400

    next(LaneQueue(texts(), (1,), 10).windows())
    assert taken == 3


def test_nothing_to_read_is_no_window():
    assert list(LaneQueue([]).windows()) == []
