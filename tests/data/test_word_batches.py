"""Padded batches: every text once, equal classes, few lengths, the order given back.

Axes: N texts of a batch, T words, K labels of a text, C classes.
"""

import collections
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsent.data.batches import batch_digest
from tfsent.data.word_batches import padded_length, reading_batches, training_batches
from tfsent.data.words import PAD

SIDES = ("after", "before")


def steady(max_examples=100):
    """Settings under which the same examples are tried, however slow the machine is."""
    return settings(max_examples=max_examples, deadline=None, derandomize=True)


def make_texts(lengths):
    """Texts of different words; none holds the id of padding."""
    starts = np.cumsum([3, *lengths[:-1]])
    return [
        np.arange(start, start + length, dtype=np.int32)
        for start, length in zip(starts, lengths, strict=True)
    ]


LENGTHS = [7, 31, 1, 2, 13, 11, 29, 40, 3, 17, 21, 5, 9, 23, 44, 8, 30, 1, 6, 12, 19]
TEXTS = make_texts(LENGTHS)
LABELS = np.array([0, 1, 0, 0, 2, 0, 1, 0, 0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 1, 0, 0])


def train(texts=TEXTS, labels=LABELS, batch_size=4, seed=5, epoch=0, **given):
    side = given.pop("pad_side", "after")
    return training_batches(texts, labels, batch_size, seed, epoch, side, **given)


def read(texts=TEXTS, labels=LABELS, batch_size=4, pad_side="after", **given):
    return reading_batches(texts, labels, batch_size, pad_side, **given)


def rows_of(batches):
    rows = np.concatenate([batch.rows for batch in batches])
    return rows[rows >= 0].tolist()


def digests(batches):
    return [batch_digest(batch) for batch in batches]


# Both kinds


@pytest.mark.parametrize("pad_side", SIDES)
@pytest.mark.parametrize("make", [train, read])
@steady(60)
@given(lengths=st.lists(st.integers(1, 40), min_size=1), batch_size=st.integers(1, 9))
def test_a_batch_holds_each_text_with_padding_on_one_side(
    lengths, batch_size, pad_side, make
):
    texts = make_texts(lengths)
    labels = np.arange(len(texts)) + 10
    batches = make(texts, labels, batch_size=batch_size, pad_side=pad_side)
    assert sorted(rows_of(batches)) == list(range(len(texts)))
    assert len(batches) == -(-len(texts) // batch_size)
    for batch in batches:
        length = batch.words_NT.shape[1]
        assert batch.words_NT.shape == batch.mask_NT.shape == (batch_size, length)
        assert length == padded_length(batch.mask_NT.sum(1).max())
        for row, place in enumerate(batch.rows):
            count = 0 if place < 0 else lengths[place]
            real = (
                slice(0, count) if pad_side == "after" else slice(length - count, None)
            )
            mask_T = np.zeros(length, bool)
            mask_T[real] = True
            assert batch.mask_NT[row].tolist() == mask_T.tolist()
            assert (batch.words_NT[row][~mask_T] == PAD).all()
            expected = [] if place < 0 else texts[place].tolist()
            assert batch.words_NT[row][mask_T].tolist() == expected
            assert batch.labels[row] == (0 if place < 0 else labels[place])
            assert batch.weight_N[row] == (0.0 if place < 0 else 1.0)


@pytest.mark.parametrize("make", [train, read])
def test_filler_rows_stand_at_the_end_of_one_batch(make):
    filled = [batch for batch in make() if (batch.rows < 0).any()]
    assert len(filled) == 1
    assert (filled[0].rows < 0).tolist() == [False, True, True, True]
    assert not filled[0].mask_NT[1:].any()
    assert filled[0].weight_N.tolist() == [1.0, 0.0, 0.0, 0.0]


@pytest.mark.parametrize("make", [train, read])
def test_arrays_have_the_types_that_are_promised(make):
    batch = make()[0]
    assert [array.dtype for array in batch] == [
        *(np.int32, np.bool_, np.int64, np.float32, np.int64),
    ]


@pytest.mark.parametrize(
    ("labels", "dtype", "shape"),
    [
        (LABELS.astype(np.int8), np.int64, (4,)),
        (LABELS > 0, np.int64, (4,)),
        (np.stack([LABELS, LABELS > 1], 1), np.int64, (4, 2)),
        (LABELS / 4, np.float32, (4,)),
    ],
)
@pytest.mark.parametrize("make", [train, read])
def test_labels_are_classes_several_of_them_or_numbers(make, labels, dtype, shape):
    for batch in make(labels=labels):
        assert batch.labels.dtype == dtype
        assert batch.labels.shape == shape
        real = batch.rows >= 0
        np.testing.assert_array_equal(batch.labels[real], labels[batch.rows[real]])
        assert not batch.labels[~real].any()


@pytest.mark.parametrize("make", [train, read])
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"batch_size": 0}, "batch_size is 0; at least 1"),
        ({"pad_side": "left"}, "pad_side is 'left'; after or before"),
        ({"texts": [*TEXTS[:3], TEXTS[3][:0], *TEXTS[4:]]}, "text 3 has no word"),
        ({"labels": LABELS[:-1]}, r"int64\[20\] for 21 texts; whole .* \[21, K\]"),
        ({"labels": np.ones((21, 2))}, r"float64\[21, 2\] for 21 texts"),
        ({"labels": np.array(["a"] * 21)}, r"labels are <U1\[21\]"),
    ],
)
def test_what_makes_no_batch_is_refused(make, given, told):
    with pytest.raises(ValueError, match=told):
        make(**given)


# Lengths


@steady()
@given(st.integers(1, 100_000))
def test_padding_is_less_than_a_quarter_of_the_words(num_words):
    length = padded_length(num_words)
    assert length == num_words or num_words < length < 1.25 * num_words
    assert padded_length(length) == length


def test_lengths_are_few_and_small_ones_exact():
    lengths = sorted({padded_length(n) for n in range(1, 2173)})
    assert lengths[:8] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert len(lengths) == 34
    ratios = np.divide(lengths[8:], lengths[7:-1])
    assert ratios.max() <= 1.25


@steady()
@given(st.integers(1, 300), st.integers(1, 300))
def test_length_of_cut_texts_is_a_rung_of_its_own(num_words, max_length):
    length = padded_length(num_words, max_length)
    if num_words <= max_length:
        assert length == min(padded_length(num_words), max_length)
    else:
        assert length == padded_length(num_words)


@pytest.mark.parametrize("make", [train, read])
def test_no_batch_of_cut_texts_is_padded_beyond_the_cut(make):
    texts = [text[:11] for text in TEXTS]
    lengths = {batch.words_NT.shape[1] for batch in make(texts, max_length=11)}
    assert max(lengths) == 11
    assert max(batch.words_NT.shape[1] for batch in make(texts)) == 12


def test_length_of_nothing_is_refused():
    with pytest.raises(ValueError, match="num_words is 0; at least 1"):
        padded_length(0)


# Training


def test_epochs_hold_the_same_texts_in_another_order():
    epochs = [rows_of(train(epoch=epoch)) for epoch in range(3)]
    assert all(sorted(rows) == list(range(21)) for rows in epochs)
    assert len({tuple(rows) for rows in epochs}) == 3


def test_seed_changes_the_order():
    assert rows_of(train(seed=5)) != rows_of(train(seed=6))


@pytest.mark.parametrize("balanced", [False, True])
def test_seed_and_epoch_give_the_batches_whatever_was_made_before(balanced):
    first = digests(train(epoch=2, balanced=balanced))
    train(epoch=1)
    np.random.seed(0)
    assert digests(train(epoch=2, balanced=balanced)) == first


def test_batches_do_not_depend_on_how_python_hashes_text():
    code = (
        "import numpy as np\n"
        "from tfsent.data.batches import batch_digest\n"
        "from tfsent.data.word_batches import training_batches\n"
        f"ids = [np.arange(n, dtype=np.int32) for n in {LENGTHS}]\n"
        f"labels = np.array({LABELS.tolist()})\n"
        "made = training_batches(ids, labels, 4, 5, 1, 'before', balanced=True)\n"
        "print(*map(batch_digest, made))"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout.decode()
        for seed in ("0", "1")
    }
    ids = [np.arange(n, dtype=np.int32) for n in LENGTHS]
    made = train(ids, epoch=1, pad_side="before", balanced=True)
    assert printed == {" ".join(digests(made)) + "\n"}


def test_texts_of_a_batch_have_like_lengths_and_batches_come_in_any_order(monkeypatch):
    monkeypatch.setattr("tfsent.data.word_batches._BUCKET_BATCHES", 10)
    texts = make_texts(np.random.default_rng(0).integers(1, 200, 403).tolist())
    batches = train(texts, np.zeros(403, int))
    longest = [batch.mask_NT.sum(1).max() for batch in batches]
    spread = [
        batch.mask_NT.sum(1).max() - batch.mask_NT[batch.rows >= 0].sum(1).min()
        for batch in batches
    ]
    # Of 40 lengths up to 200 that are sorted, four neighbours differ by some 20; of
    # four at random the ends differ by 120.
    assert np.mean(spread) < 30
    rises = np.diff(longest) > 0
    assert 0.3 < rises.mean() < 0.7


def test_portions_are_drawn_at_random_and_not_by_length(monkeypatch):
    monkeypatch.setattr("tfsent.data.word_batches._BUCKET_BATCHES", 1)
    rows = [frozenset(batch.rows.tolist()) for batch in train()]
    again = [frozenset(batch.rows.tolist()) for batch in train(epoch=1)]
    assert not set(rows) & set(again)


def test_training_on_no_text_is_refused():
    with pytest.raises(ValueError, match="no text to train on"):
        train([], np.zeros(0, int))


@pytest.mark.parametrize("given", [{"seed": -1}, {"epoch": -1}])
def test_seed_or_epoch_below_zero_is_refused(given):
    with pytest.raises(ValueError, match="; 0 or more will do"):
        train(**given)


# Classes


@steady()
@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    batch_size=st.integers(1, 9),
    bucket=st.integers(1, 5),
)
def test_balanced_batches_hold_each_class_equally_often(labels, batch_size, bucket):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tfsent.data.word_batches._BUCKET_BATCHES", bucket)
        texts, labels = make_texts([3] * len(labels)), np.array(labels)
        batches = train(texts, labels, batch_size=batch_size, balanced=True)
    counts = collections.Counter(labels.tolist())
    most = max(counts.values())
    came = collections.Counter(rows_of(batches))
    for label, count in counts.items():
        times = [came[row] for row in np.flatnonzero(labels == label)]
        assert sum(times) == most
        assert {most // count, -(-most // count)} >= set(times)
    for batch in batches:
        found = batch.labels[batch.rows >= 0]
        shares = [(found == label).sum() for label in counts]
        assert max(shares) - min(shares) <= 1
    full = [batch for batch in batches if (batch.rows >= 0).all()]
    assert len(batches) - len(full) <= 1


def test_balanced_epochs_repeat_other_texts_of_the_smaller_class():
    labels = np.array([0] * 16 + [1] * 5)
    epochs = [
        collections.Counter(row for row in rows_of(made) if row >= 16)
        for made in (train(labels=labels, epoch=k, balanced=True) for k in range(4))
    ]
    assert all(sorted(came.values()) == [3, 3, 3, 3, 4] for came in epochs)
    assert len({came.most_common(1)[0][0] for came in epochs}) > 1


def test_one_class_alone_is_balanced_as_it_is():
    rows = rows_of(train(labels=np.full(21, 3), balanced=True))
    assert sorted(rows) == list(range(21))


def test_class_weights_are_those_of_the_rows():
    weight_C = np.array([0.5, 2.0, 3.0])
    for batch in train(class_weight_C=weight_C):
        real = batch.rows >= 0
        assert batch.weight_N[real].tolist() == weight_C[batch.labels[real]].tolist()
        assert not batch.weight_N[~real].any()


SEVERAL = np.stack([LABELS, LABELS > 1], 1)


@pytest.mark.parametrize("labels", [SEVERAL, LABELS / 4])
@pytest.mark.parametrize("given", [{"balanced": True}, {"class_weight_C": [1, 2, 3]}])
def test_classes_asked_of_labels_that_are_none_are_refused(labels, given):
    with pytest.raises(
        ValueError, match="need one class a text, a whole number; labels"
    ):
        train(labels=labels, **given)


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        ([1, 2], "labels reach from 0 to 2, class_weight_C has 2 weights"),
        ([1, 0, 1], "one number above 0 for each class"),
        ([1, float("nan"), 1], "one number above 0 for each class"),
        ([1, float("inf"), 1], "one number above 0 for each class"),
        ([[1, 2, 3]], "one number above 0 for each class"),
    ],
)
def test_class_weights_that_cannot_work_are_refused(weights, told):
    with pytest.raises(ValueError, match=told):
        train(class_weight_C=weights)


def test_class_below_zero_has_no_weight():
    with pytest.raises(ValueError, match="labels reach from -1 to 1"):
        train(labels=LABELS - 1, class_weight_C=[1, 2, 3])


# Reading


def test_rows_give_the_order_back():
    answers = np.full(21, -1)
    for batch in read(batch_size=5, pad_side="before"):
        real = batch.rows >= 0
        answers[batch.rows[real]] = batch.words_NT.max(1)[real]
    assert answers.tolist() == [text[-1] for text in TEXTS]


def test_longest_texts_are_read_first():
    lengths = [LENGTHS[row] for row in rows_of(read())]
    assert lengths == sorted(LENGTHS, reverse=True)


def test_texts_without_labels_are_read_too():
    assert rows_of(read(labels=None)) == rows_of(read())
    assert not any(batch.labels.any() for batch in read(labels=None))


def test_no_text_gives_no_batch():
    assert read([], None) == []


def test_unsorted_batches_hold_texts_of_any_length():
    ids = [np.full(1 + k % 50, 7, np.int32) for k in range(200)]

    def spans(**settings):
        batches = training_batches(
            ids, np.zeros(200, int), 10, 0, 0, "after", **settings
        )
        rows = [batch.rows for batch in batches]
        assert sorted(np.concatenate(rows).tolist()) == list(range(200))
        return [np.ptp([len(ids[row]) for row in batch]) for batch in rows]

    assert max(spans()) <= 6
    assert min(spans(sort_by_length=False)) > 20
