"""Labelled texts -> the batches that every system of the study reads.

Axes: N texts, T words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compare.study.settings import StudyConfig
from tfsent.config_supervised import WordsConfig
from tfsent.data.word_batches import Batch, reading_batches, training_batches
from tfsent.data.word_splitting import split_words
from tfsent.data.words import PAD, Tokenizer
from tfsent.session import Tell
from tfsent.transfer.labelled import (
    LabelledTexts,
    label_names,
    read_labels,
    read_splits,
)


@dataclass(frozen=True)
class StudyTexts:
    """What is trained on and tested on, as ids of words.

    Attributes:
        train: int32[T] for each training text.
        train_labels: int64[N].
        test: int32[T] for each test text.
        test_labels: int64[N].
        num_words: Ids there are.
        facts: Counts and sources, as a report tells them, and a fingerprint of all.
    """

    train: Sequence[np.ndarray]
    train_labels: np.ndarray
    test: Sequence[np.ndarray]
    test_labels: np.ndarray
    num_words: int
    facts: dict[str, Any]


def read_texts(config: StudyConfig, tell: Tell = lambda line: None) -> StudyTexts:
    """Return the texts of a study; the same ones in every call.

    Raises:
        ValueError: If a source is unsound, has no test split or not two classes, or
            if there are fewer short training texts than are asked for.
    """
    splits = read_splits(config.data)
    if splits.test is None:
        raise ValueError(
            f"study.data.test is missing and {config.data.train!r} has no test split; "
            "name one."
        )
    for note in splits.notes:
        tell(f"note: {note}")
    labels = read_labels(
        splits.train, label_names(config.data, splits.train.labels.shape[1])
    )
    if labels.kind != "binary":
        raise ValueError(
            f"study.data ({splits.train.name}) has labels of {labels.kind} kind; two "
            "classes will do."
        )
    rng = np.random.default_rng(config.texts_seed)
    train, short = _short_texts(splits.train, config, rng)
    words = WordsConfig(max_features=config.vocabulary, max_length=config.max_words)
    tokenizer = Tokenizer.fit(train.texts, words)
    test = splits.test
    count = len(test.texts)
    if config.test_texts is not None and config.test_texts < count:
        test = test.take(np.sort(rng.choice(count, config.test_texts, replace=False)))
    train_ids, test_ids = (
        [tokenizer.encode(text) for text in each.texts] for each in (train, test)
    )
    cut = sum(len(tokenizer.split(text)) > config.max_words for text in test.texts)
    found = StudyTexts(
        train_ids,
        labels.encode(train, "data.train"),
        test_ids,
        labels.encode(test, "data.test"),
        tokenizer.num_words,
        {
            "train": splits.train.name,
            "test": test.name,
            "train_texts": len(train_ids),
            "short_texts": short,
            "train_words": int(sum(map(len, train_ids))),
            "test_texts": len(test_ids),
            "test_words": int(sum(map(len, test_ids))),
            "test_texts_cut": int(cut),
            "vocabulary": tokenizer.num_words,
        },
    )
    found.facts["fingerprint"] = _fingerprint(found)
    return found


def _short_texts(
    train: LabelledTexts, config: StudyConfig, rng: np.random.Generator
) -> tuple[LabelledTexts, int]:
    """Return a draw of the training texts that are short enough, and their number."""
    lengths = np.array([len(split_words(text)) for text in train.texts])
    short = np.flatnonzero(lengths <= config.max_words)
    if len(short) < config.train_texts:
        raise ValueError(
            f"study.train_texts is {config.train_texts}, but {train.name} has "
            f"{len(short)} texts of at most {config.max_words} words; so many will do, "
            "or a larger study.max_words."
        )
    chosen = np.sort(rng.choice(short, config.train_texts, replace=False))
    return train.take(chosen), len(short)


def _fingerprint(texts: StudyTexts) -> str:
    digest = hashlib.sha256(str(texts.num_words).encode("ascii"))
    for ids, labels in (
        (texts.train, texts.train_labels),
        (texts.test, texts.test_labels),
    ):
        digest.update(np.array([len(each) for each in ids]).tobytes())
        digest.update(np.concatenate(ids).tobytes())
        digest.update(labels.tobytes())
    return digest.hexdigest()


def epoch_batches(
    texts: StudyTexts, config: StudyConfig, seed: int, epoch: int
) -> list[Batch]:
    """Return the batches of one epoch, of few lengths, the same for every system."""
    batches = training_batches(
        texts.train, texts.train_labels, config.batch_size, seed, epoch, "after"
    )
    return [_filled_up(batch, config.length_list()) for batch in batches]


def test_batches(texts: StudyTexts, config: StudyConfig) -> list[Batch]:
    """Return the batches of the test, the longest texts first."""
    batches = reading_batches(
        texts.test, texts.test_labels, config.test_batch_size, "after"
    )
    return [_filled_up(batch, config.length_list()) for batch in batches]


def single_batch(texts: StudyTexts, config: StudyConfig) -> Batch:
    """Return a batch of one test text of the asked length.

    Of the first that is long enough, and of the longest repeated where none is.
    """
    length = config.latency_words
    longest = max(texts.test, key=len)
    ids = next((each for each in texts.test if len(each) >= length), longest)
    (batch,) = reading_batches([np.resize(ids, length)], None, 1, "after")
    return _filled_up(batch, [length])


def _filled_up(batch: Batch, lengths: Sequence[int]) -> Batch:
    """Return a batch with as much padding as the next of the lengths asks for."""
    longest = int(batch.mask_NT.sum(axis=1).max())
    length = next(n for n in lengths if n >= longest)
    words_NT, mask_NT = batch.words_NT[:, :length], batch.mask_NT[:, :length]
    more = ((0, 0), (0, length - words_NT.shape[1]))
    return batch._replace(
        words_NT=np.pad(words_NT, more, constant_values=PAD),
        mask_NT=np.pad(mask_NT, more),
    )
