"""Features: what is pooled over a text, and that nothing else counts."""

import numpy as np
import pytest

from tfsent.transfer import reading
from tfsent.transfer.feature import Part
from tfsent.transfer.features import Features, feature_rows, trace

H = 3
PARTS = [
    Part(0, "hidden", "last"),
    Part(0, "hidden", "mean"),
    Part(0, "hidden", "max"),
    Part(0, "hidden", "min"),
]
GAIN_H = np.float32([0.9, 0.5, -0.7])


def zero_state(lanes):
    return [(np.zeros((lanes, H), np.float32),)]


def step(state_BH, byte_B):
    return state_BH * GAIN_H + np.sin(byte_B[:, None] * np.arange(1, H + 1))


def read(bytes_BT, reset_BT, state, parts, pieces):
    """A recurrent cell in NumPy, read as a framework reads."""
    ((s_BH,),) = state
    sequence = []
    for t in range(bytes_BT.shape[1]):
        s_BH = np.where(reset_BT[:, t, None], 0, s_BH)
        s_BH = step(s_BH, bytes_BT[:, t]).astype(np.float32)
        sequence.append(s_BH)
    s_BTH = np.stack(sequence, 1)
    pool = {
        "last": lambda s_TH: s_TH[-1],
        "mean": lambda s_TH: s_TH.sum(0),
        "max": lambda s_TH: s_TH.max(0),
        "min": lambda s_TH: s_TH.min(0),
    }
    values = [
        np.stack([pool[part.pooling](s_BTH[p.lane, p.start : p.stop]) for p in pieces])
        for part in parts
    ]
    return values, [(s_BH,)]


def alone(text):
    """Return the states after each byte of one text, in float64."""
    s_1H = np.zeros((1, H))
    states = []
    for byte in text:
        s_1H = step(s_1H, np.array([byte]))
        states.append(s_1H[0])
    return np.array(states)


def expected(text):
    s_TH = alone(text)
    return np.concatenate([s_TH[-1], s_TH.mean(0), s_TH.max(0), s_TH.min(0)])


def texts(count=150, longest=400, seed=0):
    rng = np.random.default_rng(seed)
    return [
        bytes(rng.integers(0, 256, length, dtype=np.uint8))
        for length in rng.integers(1, longest, count)
    ]


def test_rows_are_the_pooled_states_in_the_order_of_the_texts():
    some = texts()
    rows = list(feature_rows(read, zero_state, some, PARTS))
    assert len(rows) == len(some)
    np.testing.assert_allclose(rows, list(map(expected, some)), atol=2e-6)
    assert rows[0].dtype == np.float32


def test_rows_come_while_texts_are_still_read(monkeypatch):
    monkeypatch.setattr(reading, "_TEXTS_AT_HAND", 8)
    read_so_far = 0

    def slowly():
        nonlocal read_so_far
        for text in texts(100, 50):
            read_so_far += 1
            yield text

    next(feature_rows(read, zero_state, slowly(), PARTS))
    assert read_so_far <= 9


def test_the_mean_of_a_long_text_is_exact():
    # 200,000 equal addends: a sum in float32 would be off by thousandths.
    text = b"\x01" * 200_000
    (row,) = feature_rows(read, zero_state, [text], PARTS)
    s_TH = alone(text[:200])  # It stands still after them.
    mean_H = (s_TH.sum(0) + s_TH[-1] * (len(text) - 200)) / len(text)
    # 2.5e-6 from the sums of 128 within a window.
    np.testing.assert_allclose(row[H : 2 * H], mean_H, rtol=1e-5)


def test_a_text_without_a_byte_is_refused_by_number():
    with pytest.raises(ValueError, match="text 1 has no byte"):
        list(feature_rows(read, zero_state, [b"x", b""], PARTS))


def test_no_texts_give_no_rows():
    assert list(feature_rows(read, zero_state, [], PARTS)) == []


def test_a_trace_has_the_value_after_every_byte():
    (text,) = texts(1, 700, seed=3)
    found = trace(read, zero_state, text, PARTS[0], [2, 0])
    np.testing.assert_allclose(found, alone(text)[:, [2, 0]], atol=2e-6)
    assert trace(read, zero_state, b"", PARTS[0], [2, 0]).shape == (0, 2)


def test_features_keep_their_name_as_long_as_their_columns():
    features = Features(np.ones((4, 3)), "cell")
    assert features.dtype == np.float32
    assert features[1:3].feature == "cell"
    assert features[:, :2].feature is None
    assert Features(np.ones((4, 3)), "cell").copy().feature == "cell"
