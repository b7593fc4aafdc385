"""A run of `scripts/finetune.py` -> what it says of new texts, as they come.

Axes: N texts, K outputs.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.manifest import MANIFEST
from tfsent.checkpoint.strict_json import parse_object
from tfsent.config import Precision
from tfsent.config_supervised import FinetuneConfig
from tfsent.data.word_batches import reading_batches
from tfsent.settings_json import from_dict
from tfsent.supervised.fit import outputs
from tfsent.supervised.output import CONFIG, METRICS, NEUTRAL
from tfsent.supervised.reader import WordReader
from tfsent.supervised.shallow import CLASSIFIER, SHALLOW
from tfsent.supervised.store import read_model
from tfsent.supervised.task import Task
from tfsent.transfer.classified import Verdict

_TEXTS_AT_ONCE = 1024
_LEAST = 1e-16

Predict = Callable[[Sequence[str]], np.ndarray]
Attend = Callable[[str], tuple[list[str], np.ndarray]]
"""A text to its words as they were read, and what each weighs, float32[words]."""


class Judge:
    """Says what a trained classifier says, for `tfsent.transfer.classified`.

    Args:
        task: What is told.
        predict: Texts to what `Task.predictions` gives.
        attend: Weighs the words of a text; None where nothing does.

    Attributes:
        kind: That of the task.
        classes: Names of its classes.
        attend: As given.
    """

    def __init__(self, task: Task, predict: Predict, attend: Attend | None = None):
        self.kind, self.classes = task.kind, task.classes
        self._task, self._predict, self.attend = task, predict, attend

    def verdicts(self, texts: Iterable[str]) -> Iterator[Verdict]:
        """Yield a verdict for every text, in their order; reads some at a time."""
        remaining = iter(texts)
        while some := list(itertools.islice(remaining, _TEXTS_AT_ONCE)):
            predicted = self._predict(some)
            decided = self._task.decisions(predicted)
            undecided_N = self._task.undecided(predicted)
            rows = predicted.reshape(len(some), -1)
            for row, decision, neither in zip(rows, decided, undecided_N, strict=True):
                label = NEUTRAL if neither else self._label(decision)
                yield Verdict(label, tuple(map(float, row)), self._scores(row))

    def _label(self, decision: Any) -> Any:
        if self.kind == "regression":
            return float(decision)
        if self.kind == "multilabel":
            pairs = zip(self.classes, decision, strict=True)
            return [name for name, yes in pairs if yes]
        return self.classes[int(decision)]

    def _scores(self, row_K: np.ndarray) -> tuple[float, ...]:
        """Return the logarithm of each probability's odds."""
        if self.kind == "regression":
            return ()
        held_K = np.clip(row_K, _LEAST, 1.0 - _LEAST)
        return tuple(map(float, np.log(held_K) - np.log1p(-held_K)))


def settings_of(run: str | Path) -> FinetuneConfig | None:
    """Return the settings of a supervised run; None if a folder is none.

    Raises:
        CheckpointError: If it is one that has not ended, or is damaged.
    """
    run = Path(run).expanduser()
    path = run / CONFIG
    if not path.is_file():
        return None
    settings = parse_object(path.read_bytes(), path)
    if "system" not in settings:
        return None
    # A classifier that was converted has no figures, but a model.
    if not ((run / METRICS).exists() or (run / MANIFEST).exists()):
        raise CheckpointError(run, "has not ended; the command that began it goes on.")
    try:
        return from_dict(FinetuneConfig, settings)
    except ValueError as error:
        raise CheckpointError(path, str(error)) from None


def read_judge(
    run: str | Path,
    config: FinetuneConfig,
    make: Callable[..., Any] | None,
    precision: Precision,
) -> Judge:
    """Return what a run of any system says of texts.

    Args:
        run: Its folder.
        config: Its settings.
        make: Makes a learner; of a linear model none is needed.
        precision: Type of a network's arithmetic.

    Raises:
        CheckpointError: If the run is not sound; names the file.
    """
    run = Path(run).expanduser()
    if config.system in SHALLOW:
        fitted = SHALLOW[config.system].load(run / CLASSIFIER)
        thresholds = tuple(map(float, fitted.thresholds))
        task = Task(fitted.kind, fitted.classes, config.metric, thresholds)
        return Judge(task, fitted.probabilities)
    model = read_model(run)
    reader = model.reader
    if reader is None:
        raise CheckpointError(
            run,
            "was converted without the words of its numbers; convert it again with "
            "vocabulary.json, word to number, beside the file.",
        )
    if not model.task.classes:
        raise CheckpointError(run, "was converted without an output layer.")
    assert make is not None
    learner = make(reader, model.task, replace(config, precision=precision))
    _check_shapes(run, learner.weights(), model.weights)
    learner.set_weights(model.weights)

    def predict(texts: Sequence[str]) -> np.ndarray:
        ids = [reader.encode(text) for text in texts]
        size, most = reader.texts_at_once, reader.padding.max_length
        return model.task.predictions(outputs(learner, ids, size, most))

    attends = config.system == "words" and config.classifier.pooling == "attention"
    if not attends or not isinstance(reader, WordReader):
        return Judge(model.task, predict)

    def attend(text: str) -> tuple[list[str], np.ndarray]:
        words = reader.tokenizer.kept(text)
        batch = reading_batches([reader.encode(text)], None, 1, "after")[0]
        return words, learner.attention(batch)[0, : len(words)]

    return Judge(model.task, predict, attend)


def _check_shapes(run: Path, wanted: dict[str, Any], found: dict[str, Any]) -> None:
    shapes = [{n: w.shape for n, w in each.items()} for each in (wanted, found)]
    if shapes[0] != shapes[1]:
        odd = sorted(dict(shapes[0].items() ^ shapes[1].items()))
        raise CheckpointError(
            run, f"its settings do not go with its weights {', '.join(odd[:4])}."
        )
