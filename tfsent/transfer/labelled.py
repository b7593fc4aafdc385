"""Sources -> labelled texts, and what their labels mean.

A label is one number a text (two values: two classes; more: several) or, with
several label keys, one 0 or 1 for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tfsent.config_labelled import LabelledDataConfig
from tfsent.data.file_source import Source
from tfsent.data.named_sets import EMOTIONS
from tfsent.data.samples import Sample
from tfsent.data.sources import open_source
from tfsent.transfer.parts import draw, fold

MAX_CLASSES = 20
"""Most values of one label that are taken as classes; more is a number to be cut."""

_SHOWN = 12


class LabelledTexts(NamedTuple):
    """Texts of one split, with the labels as they stand in the source."""

    name: str
    """What the user calls them, such as 'sst:test'."""
    texts: list[str]
    labels: np.ndarray
    """float64[N, L]: L label keys."""

    def take(self, rows: np.ndarray) -> LabelledTexts:
        """Return some of the texts, by their numbers int[n]."""
        return LabelledTexts(
            self.name, [self.texts[k] for k in rows], self.labels[rows]
        )


class Splits(NamedTuple):
    """What to fit on, what to choose on, what to measure on."""

    train: LabelledTexts
    val: LabelledTexts | None
    test: LabelledTexts | None
    notes: tuple[str, ...]
    """What the user should know about where they come from."""


@dataclass(frozen=True)
class Labels:
    """What the labels of the training texts stand for."""

    kind: str
    """"binary", "multiclass" or "multilabel"."""
    classes: tuple[str, ...]
    values: tuple[float, ...]
    """Value of each class in the source; empty for "multilabel"."""
    notes: tuple[str, ...] = ()
    """What the user should know about how they were taken."""

    def encode(self, texts: LabelledTexts, setting: str) -> np.ndarray:
        """Return labels as the regression takes them.

        Returns:
            int64[N], indices of classes; for "multilabel" int64[N, K] of 0 and 1.

        Raises:
            ValueError: If there is a value that the training texts do not have.
        """
        if self.kind == "multilabel":
            _check_zero_one(texts, self.classes, setting)
            return texts.labels.astype(np.int64)
        column = texts.labels[:, 0]
        odd = sorted(set(np.unique(column)) - set(self.values))
        if odd:
            raise ValueError(
                f"{setting} ({texts.name}) has the label {_spell(odd)}, which "
                f"data.train does not have; its labels are {_spell(self.values)}."
            )
        return np.searchsorted(self.values, column)

    def outputs(self, encoded: np.ndarray) -> np.ndarray:
        """Return what each output should say, int64[N, K]; K = 1 for two classes."""
        if self.kind == "multilabel":
            return encoded
        if self.kind == "binary":
            return encoded[:, None]
        return (encoded[:, None] == np.arange(len(self.classes))).astype(np.int64)


def read_splits(config: LabelledDataConfig) -> Splits:
    """Return the labelled texts that a user named, in memory.

    Missing validation and test texts are taken from the set or folder that
    `data.train` names, if it has splits and none was chosen of them.

    Raises:
        ValueError: If a source is unsound or has no labels.
    """
    source = _open(config.train, config, "data.train")
    train_split = "train" if source.splits else None
    train = _read(_name(config.train, train_split), source.samples(train_split))
    notes: list[str] = []
    found: dict[str, LabelledTexts | None] = {}
    for split in ("val", "test"):
        spec = getattr(config, split)
        if spec is not None:
            found[split] = _read_given(spec, split, config)
        else:
            found[split] = _read_own(source, split, config.train, notes.append)
    if found["test"] is None and found["val"] is not None and notes:
        # Texts that settings were chosen on would flatter a result reported on them.
        notes.append(
            f"The figures of the test are those of {found['val'].name}; settings are "
            "chosen within the training texts."
        )
        found = {"val": None, "test": found["val"]}
    splits = Splits(train, found["val"], found["test"], tuple(notes))
    if config.max_texts is not None:
        splits = _at_most(splits, config.max_texts)
    if config.fold is not None:
        splits = _folded(splits, *config.fold, config.draw)
    if config.train_texts is not None:
        splits = some_to_train_on(splits, config.train_texts, config.draw)
    return splits


def _folded(splits: Splits, number: int, folds: int, seed: int) -> Splits:
    """Return a fold of the training texts as test, the other folds as training."""
    train = splits.train
    count = len(train.texts)
    if count < 2 * folds:
        raise ValueError(
            f"data.fold cuts {train.name} in {folds}, but it has {count} texts; fewer "
            "folds will do."
        )
    mask_N = fold(train.labels, number, folds, seed)
    inside, outside = np.flatnonzero(mask_N), np.flatnonzero(~mask_N)
    test = train.take(inside)._replace(name=f"{train.name}, part {number} of {folds}")
    note = (
        f"Tested on part {number} of {folds} of {train.name}: {len(inside):,} of "
        f"{count:,} texts."
    )
    notes = (*splits.notes, note)
    return Splits(train.take(outside), splits.val, test, notes)


def some_to_train_on(splits: Splits, most: int, number: int) -> Splits:
    """Return at most so many training texts, and the other splits whole.

    Args:
        splits: All texts.
        most: Training texts, each label with its share.
        number: Which of the random draws.
    """
    train = splits.train
    if len(train.texts) <= most:
        return splits
    note = f"{most:,} of {len(train.texts):,} texts of {train.name} are trained on."
    rows = draw(train.labels, most, number)
    return splits._replace(train=train.take(rows), notes=(*splits.notes, note))


def _at_most(splits: Splits, most: int) -> Splits:
    """Return at most so many texts of each split, in their order.

    At random, not at even distances: a source may alternate between its classes.
    """
    notes = list(splits.notes)

    def drawn(texts: LabelledTexts) -> LabelledTexts:
        count = len(texts.texts)
        if count <= most:
            return texts
        notes.append(f"{most:,} of {count:,} texts of {texts.name} are read.")
        chosen = np.sort(np.random.default_rng(0).choice(count, most, replace=False))
        return texts.take(chosen)

    train, val, test, _ = splits
    return Splits(drawn(train), val and drawn(val), test and drawn(test), tuple(notes))


def label_names(config: LabelledDataConfig, count: int) -> tuple[str, ...]:
    """Return the names of `count` label keys of the training source."""
    if config.label_key is not None:
        return tuple(key.strip() for key in config.label_key.split(","))
    if count == len(EMOTIONS):
        return EMOTIONS
    return tuple(f"label {number}" for number in range(count))


def read_labels(train: LabelledTexts, names: tuple[str, ...]) -> Labels:
    """Return what the labels of the training texts stand for.

    Args:
        train: The training texts.
        names: Of the label keys; several make each a label of its own.

    Raises:
        ValueError: If they cannot be told apart: one value only, or a number that
            is no class.
    """
    if train.labels.shape[1] > 1:
        _check_zero_one(train, names, "data.train")
        for name, column in zip(names, train.labels.T, strict=True):
            if len(set(column)) < 2:
                raise ValueError(
                    f"label {name!r} is {column[0]:g} in every text of data.train "
                    f"({train.name}); texts with 0 and texts with 1 will do, or "
                    "--data.label-key without it."
                )
        return Labels("multilabel", names, ())
    values = tuple(float(value) for value in np.unique(train.labels))
    if len(values) == 1:
        raise ValueError(
            f"every text of data.train ({train.name}) has the label {values[0]:g}; "
            "at least two labels will do. A numeric label is cut in two by "
            "--data.label-threshold."
        )
    if len(values) == 2:
        zero_one = values == (0.0, 1.0)
        classes = ("negative", "positive") if zero_one else _names(values)
        return Labels("binary", classes, values)
    whole = all(value.is_integer() for value in values)
    if len(values) > MAX_CLASSES or not whole:
        what = "different values" if whole else "values, not all of them whole numbers"
        raise ValueError(
            f"data.train ({train.name}) has labels of {len(values)} {what}: "
            f"{_spell(values)}. Numbers such as stars are cut in two classes by "
            f"--data.label-threshold X; at most {MAX_CLASSES} whole numbers are taken "
            "as classes."
        )
    note = (
        f"labels have {len(values)} values ({_spell(values)}), taken as as many "
        "classes; --data.label-threshold X makes two of numbers such as stars."
    )
    return Labels("multiclass", _names(values), values, (note,))


def _open(spec: str, config: LabelledDataConfig, setting: str) -> Source:
    return open_source(spec, config.as_source(spec), want_labels=True, setting=setting)


def _read_given(spec: str, split: str, config: LabelledDataConfig) -> LabelledTexts:
    """Return the texts of a source given for a split, as train.py takes one."""
    setting = f"data.{split}"
    source = _open(spec, config, setting)
    if source.splits and split not in source.splits:
        raise ValueError(
            f"{setting} is {spec!r}, which has splits but no {split}; choose one of "
            f"them, such as {spec}:{source.splits[0]}."
        )
    own = split if source.splits else None
    return _read(_name(spec, own), source.samples(own))


def _read_own(
    source: Source, split: str, spec: str, note: Callable[[str], None]
) -> LabelledTexts | None:
    if split not in source.splits:
        return None
    try:
        return _read(_name(spec, split), source.samples(split))
    except ValueError as error:
        # semeval2018 publishes its test texts without labels.
        if split != "test" or not str(error).startswith("data.label_key"):
            raise
        note(f"{spec}:test has no labels ({error})")
        return None


def _name(spec: str, split: str | None) -> str:
    return f"{spec}:{split}" if split else spec


def _read(name: str, samples: Iterable[Sample]) -> LabelledTexts:
    texts, labels = [], []
    for sample in samples:
        texts.append(sample.text)
        labels.append(sample.label)
    return LabelledTexts(name, texts, np.asarray(labels, float).reshape(len(texts), -1))


def _check_zero_one(texts: LabelledTexts, names: tuple[str, ...], setting: str) -> None:
    for name, column in zip(names, texts.labels.T, strict=True):
        odd = sorted(set(np.unique(column)) - {0.0, 1.0})
        if odd:
            raise ValueError(
                f"{setting} ({texts.name}): label {name!r} is {_spell(odd)}; of "
                "several labels each is 0 or 1, which --data.label-threshold X makes "
                "of numbers."
            )


def _names(values: Iterable[float]) -> tuple[str, ...]:
    return tuple(
        str(int(value)) if value.is_integer() else repr(value) for value in values
    )


def _spell(values: Iterable[float]) -> str:
    names = [f"{value:g}" for value in values]
    if len(names) > _SHOWN:
        names = [*names[:_SHOWN], "..."]
    return ", ".join(names)
