"""Settings of labelled texts, for every command that learns from labels.

As in `tfsent.config`: needs no framework, and flags are made from this class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tfsent.config import DataConfig, _require


@dataclass(frozen=True, kw_only=True)
class LabelledDataConfig:
    """Labelled texts for training, validation and test."""

    train: str
    """Labelled texts: a file, folder, glob, archive or a name (builtin, imdb, sst, semeval2018), with an optional ':SPLIT'. A bare name means its training split and fills in `val` and `test`."""
    val: str | None = None
    """Labelled texts on which settings are chosen, a source as above. Default: the set's own split, else cross-validation."""
    test: str | None = None
    """Labelled texts that are only measured on. Default: the set's own split, else none."""
    text_key: str | None = None
    """Column or key that holds the text. Default: the named set's own, else 'text'."""
    label_key: str | None = None
    """Column or key that holds the label; a comma list for several labels, each 0 or 1; of imdb also stars. Default: the named set's own, else 'label'."""
    label_threshold: float | None = None
    """A numeric label (such as stars) above this becomes 1, any other 0. Default: labels as they stand."""
    max_texts: int | None = None
    """Most texts of each split, drawn at random, the same ones every time. Default: all."""
    train_texts: int | None = None
    """Most labelled texts to train on, drawn at random, each label with its share; validation and test texts stay whole. Default: all."""
    draw: int = 0
    """Which of the random draws `train_texts` takes; also which way `fold` cuts."""
    fold: tuple[int, int] | None = None
    """Test on one of so many equal parts of the training texts and train on the others, such as 1 5 for the first of five. Default: the set's own test texts."""
    root: str | None = None
    """Folder that holds the named sets on disk. Default: the environment variable TFSENT_DATA, else download."""
    invalid_utf8: Literal["error", "replace"] = "error"
    """Bytes that are not UTF-8: stop and say where, or replace each by U+FFFD."""
    cache_dir: str | None = None
    """Folder for downloads and features. Default: TFSENT_CACHE, else ~/.cache/tfsent."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("train", "val", "test"):
            _require(getattr(self, name) != "", f"data.{name} is empty; name a source.")
        threshold = self.label_threshold
        _require(
            threshold is None or math.isfinite(threshold),
            f"data.label_threshold is {threshold}; a finite number will do.",
        )
        _require(
            self.max_texts is None or self.max_texts >= 2,
            f"data.max_texts is {self.max_texts}; at least 2 will do.",
        )
        _require(
            self.train_texts is None or self.train_texts >= 2,
            f"data.train_texts is {self.train_texts}; at least 2 will do.",
        )
        _require(self.draw >= 0, f"data.draw is {self.draw}; 0 or more will do.")
        if self.fold is not None:
            number, folds = self.fold
            _require(
                1 <= number <= folds >= 2,
                f"data.fold is {number} {folds}; a number from 1 and how many folds "
                "there are, 2 or more, will do.",
            )
            _require(
                self.test is None,
                "data.fold makes test texts of the training texts; data.test gives "
                "others. Give one.",
            )

    def as_source(self, spec: str) -> DataConfig:
        """Return the settings with which the source `spec` is opened."""
        return DataConfig(
            source=spec,
            text_key=self.text_key,
            label_key=self.label_key,
            label_threshold=self.label_threshold,
            root=self.root,
            invalid_utf8=self.invalid_utf8,
            cache_dir=self.cache_dir,
        )
