"""Regressions on a language model's features, fitted on any part of the texts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.config_supervised import FinetuneConfig
from tfsent.supervised.output import METRICS, recorded
from tfsent.supervised.store import check_settings
from tfsent.transfer.candidates import candidates
from tfsent.transfer.experiment import Options
from tfsent.transfer.labelled import (
    Splits,
    label_names,
    read_labels,
    some_to_train_on,
)
from tfsent.transfer.transferring import Featurize, result_of, transfer


class TransferLine:
    """Features of all texts, computed once, and regressions on parts of them.

    Args:
        model: A `tfsent.trained.TrainedModel`.
        featurize: Gives its features; may keep them on disk.
        feature: What to choose among, as for transfer.py.
        splits: All labelled texts.
        tell: Takes a line on how far it is.
    """

    def __init__(
        self,
        model: Any,
        featurize: Featurize,
        feature: str,
        splits: Splits,
        tell: Callable[[str], None],
    ):
        self._model, self._feature, self._tell = model, feature, tell
        self._splits = splits
        read = candidates(feature, model.model.config).feature
        started = time.perf_counter()
        self._rows: dict[str, np.ndarray] = {}
        for texts in (splits.train, splits.val, splits.test):
            if texts is not None:
                tell(f"reading {len(texts.texts):,} texts of {texts.name}")
                rows = np.asarray(featurize(texts.texts, read))
                self._rows |= dict(zip(texts.texts, rows, strict=True))
        self.reading_seconds = time.perf_counter() - started

    def __call__(self, config: FinetuneConfig, folder: str) -> dict[str, Any]:
        """Fit on the texts that settings name, and return what the test says.

        Raises:
            ValueError: As `transfer`, or if the folder holds a fit of other settings.
        """
        settings = {
            "data": recorded(config)["data"],
            "feature": self._feature,
            "model": self._model.fingerprint,
            "seed": config.seed,
        }
        kept = Path(folder) / METRICS
        if kept.exists():
            before = json.loads((Path(folder) / "config.json").read_bytes())
            check_settings(Path(folder), before, settings)
            return _result(json.loads(kept.read_bytes()), folder)
        splits = self._splits
        if (most := config.data.train_texts) is not None:
            splits = some_to_train_on(splits, most, config.data.draw)
        names = label_names(config.data, splits.train.labels.shape[1])
        figures = transfer(
            self._model,
            splits,
            read_labels(splits.train, names),
            self._feature,
            Options(checks=False, seed=config.seed),
            Path(folder),
            settings,
            self._tell,
            self._featurize,
        )
        return _result(figures, folder)

    def _featurize(self, texts: Sequence[str], feature: str) -> np.ndarray:
        return np.stack([self._rows[text] for text in texts])


def _result(figures: dict[str, Any], folder: str) -> dict[str, Any]:
    """Return the figures of one fit; its seconds are without the reading of texts."""
    result = result_of(figures, folder)
    result["seconds"] = figures["seconds"] - figures["reading_seconds"]
    return result
