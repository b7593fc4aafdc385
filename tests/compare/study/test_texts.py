"""Which texts a study reads, and the batches that all systems get."""

import dataclasses

import numpy as np
import pytest

from compare.study.batches import load_batches, write_batches
from compare.study.settings import StudyConfig
from compare.study.texts import (
    epoch_batches,
    read_texts,
    single_batch,
)
from compare.study.texts import test_batches as batches_of_test
from tfsent.config_labelled import LabelledDataConfig


def written(folder, name, count, shortest, longest):
    """Write labelled texts of many lengths; word k stands for the kth text."""
    lines = ["text,label"]
    rng = np.random.default_rng(count)
    for k in range(count):
        words = [f"w{k % 31}"] * int(rng.integers(shortest, longest + 1))
        lines.append(f"{' '.join(words)},{k % 2}")
    (folder / name).write_text("\n".join(lines))
    return str(folder / name)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    return StudyConfig(
        data=LabelledDataConfig(
            train=written(folder, "train.csv", 90, 1, 40),
            test=written(folder, "test.csv", 53, 1, 40),
        ),
        train_texts=29,
        max_words=20,
        lengths="7,12",
        vocabulary=17,
        batch_size=6,
        test_batch_size=8,
        latency_words=11,
    )


@pytest.fixture(scope="module")
def texts(config):
    return read_texts(config)


def test_training_texts_are_drawn_from_the_short_ones_and_test_texts_are_cut(
    texts, config
):
    assert len(texts.train) == texts.facts["train_texts"] == 29
    assert texts.facts["short_texts"] < 90
    assert max(map(len, texts.train)) <= 20
    assert len(texts.test) == 53
    assert max(map(len, texts.test)) == 20
    assert texts.facts["test_texts_cut"] > 5
    assert texts.num_words == 17
    assert set(texts.train_labels) == {0, 1}


def test_the_same_settings_give_the_same_texts_and_a_seed_others(texts, config):
    again = read_texts(config)
    assert again.facts == texts.facts
    other = read_texts(dataclasses.replace(config, texts_seed=1))
    assert other.facts["fingerprint"] != texts.facts["fingerprint"]
    few = read_texts(dataclasses.replace(config, test_texts=10))
    assert len(few.test) == len(few.test_labels) == 10


def test_batches_have_few_lengths_and_every_text_once(texts, config):
    for batches, count in (
        (epoch_batches(texts, config, 0, 1), 29),
        (batches_of_test(texts, config), 53),
    ):
        rows = np.concatenate([batch.rows for batch in batches])
        assert sorted(rows[rows >= 0]) == list(range(count))
        assert {batch.words_NT.shape[1] for batch in batches} <= {7, 12, 20}
        for batch in batches:
            ids = texts.train if count == 29 else texts.test
            for row, words_T, mask_T in zip(
                batch.rows, batch.words_NT, batch.mask_NT, strict=True
            ):
                expected = ids[row] if row >= 0 else []
                np.testing.assert_array_equal(words_T[mask_T], expected)
                assert not words_T[~mask_T].any()
                assert mask_T[: mask_T.sum()].all()


def test_order_follows_from_seed_and_epoch(texts, config):
    def order(*place):
        batches = epoch_batches(texts, config, *place)
        return np.concatenate([batch.rows for batch in batches]).tolist()

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)


def test_one_text_has_the_asked_length(texts, config):
    batch = single_batch(texts, config)
    assert batch.words_NT.shape == (1, 11)
    assert batch.mask_NT.all()


def test_batches_come_back_from_their_file(texts, config, tmp_path):
    batches = epoch_batches(texts, config, 0, 0)
    write_batches(tmp_path / "b.npz", batches)
    again = load_batches(tmp_path / "b.npz")
    assert len(again) == len(batches)
    for one, other in zip(batches, again, strict=True):
        for name, array in one._asdict().items():
            np.testing.assert_array_equal(array, getattr(other, name))
            assert array.dtype == getattr(other, name).dtype


def test_what_cannot_work_is_told(config):
    few = dataclasses.replace(config, train_texts=80)
    with pytest.raises(ValueError, match=r"train_texts is 80, but .* has \d+ texts of"):
        read_texts(few)
    alone = dataclasses.replace(config.data, test=None)
    with pytest.raises(ValueError, match=r"^study.data.test is missing"):
        read_texts(dataclasses.replace(config, data=alone))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"cells": "rnn,elman"}, "study.cells is 'rnn,elman'; any of rnn, lstm, gru"),
        ({"systems": "keras,keras"}, "study.systems is 'keras,keras'; any of keras"),
        ({"depths": "0"}, "study.depths is '0'; whole numbers from 1 on"),
        ({"widths": ""}, "study.widths is ''"),
        ({"seeds": "1,1"}, "study.seeds is '1,1'"),
        ({"epochs": 0}, "study.epochs is 0; at least 1 will do"),
        ({"learning_rate": 0.0}, "study.learning_rate is 0.0; above 0 will do"),
        ({"latency_words": 21}, "study.latency_words is 21; at most"),
        ({"vocabulary": 3}, "study.vocabulary is 3; at least 4"),
        ({"test_texts": 0}, "study.test_texts is 0"),
        ({"threads": -1}, "study.threads is -1; 0 or more"),
    ],
)
def test_wrong_settings_are_refused(config, changed, words):
    with pytest.raises(ValueError, match="^study") as caught:
        dataclasses.replace(config, **changed)
    assert str(caught.value).startswith(words)


def test_lengths_end_with_the_longest_text():
    assert StudyConfig(lengths="300,50", max_words=200).length_list() == [50, 200]
    assert StudyConfig(lengths="").length_list() == [200]


def test_networks_are_every_cell_depth_and_width_seed_by_seed():
    config = StudyConfig(cells="gru,rnn", depths="1,3", widths="5", seeds="0,4")
    assert [each.key for each in config.networks()] == [
        *("gru-d1-w5-s0", "gru-d3-w5-s0", "rnn-d1-w5-s0", "rnn-d3-w5-s0"),
        *("gru-d1-w5-s4", "gru-d3-w5-s4", "rnn-d1-w5-s4", "rnn-d3-w5-s4"),
    ]
    assert len(StudyConfig().networks()) == 24
