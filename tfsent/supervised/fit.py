"""Encoded texts -> a trained classifier: epochs, validations, patience, stages.

The loop knows no framework: a `Learner` holds the model and its optimizer. What it
draws, it draws from the seed and the number of the update, so that a training that
was cut off goes on to the weights that it would have reached.

Axes: N texts, K outputs of the model.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from tfsent.config_supervised import LearnerConfig
from tfsent.data.word_batches import Batch, reading_batches, training_batches
from tfsent.supervised.reader import Padding
from tfsent.supervised.stages import Stage, learning_rate, stages
from tfsent.supervised.task import Task
from tfsent.training.stop import StopRequest

UNBOUNDED = ("embedding/weight", "attention/weight")
"""Matrices that `learner.max_norm` leaves as they are: their columns are no units."""

Weights = dict[str, np.ndarray]
Tell = Callable[[str], None]


class Learner(Protocol):
    """A model with its optimizer, on either framework."""

    @property
    def names(self) -> Sequence[str]:
        """Names of all weights, in files and here: the layers near the text first."""

    def begin(self, trained: Collection[str]) -> None:
        """Make a new optimizer, of these weights; the others stay as they are."""

    def update(self, batch: Batch, rate: float, number: int) -> float:
        """Update the weights once and return the batch's loss.

        Args:
            batch: Its labels as `Task.targets` gives them.
            rate: Learning rate.
            number: What dropout is drawn from, besides the seed.
        """

    def outputs(self, batch: Batch) -> np.ndarray:
        """Return what the model says without dropout, float32[N, K]."""

    def weights(self) -> Weights:
        """Return copies of all weights, float32, axes [in, out], gates as in GATES."""

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Put weights in the place of those there."""

    def state(self) -> Weights:
        """Return copies of the optimizer's tensors, by name."""

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Put the optimizer's tensors in the place of those there."""


class Encoded(NamedTuple):
    """Texts as numbers, and what they should be told as."""

    ids: Sequence[np.ndarray]
    """int32 or uint8[T] each, at least one number."""
    labels: np.ndarray
    """int64[N], indices of classes; int64[N, K] of several labels; float64[N]."""


@dataclass
class Progress:
    """How far a training is; JSON values."""

    stage: int = 0
    epoch: int = 0
    batch: int = 0
    """Batches of this epoch that were read."""
    update: int = 0
    """Updates of this stage."""
    updates: int = 0
    """Updates of all stages."""
    waited: int = 0
    """Validations of this stage since the best."""
    best: float | None = None
    best_loss: float | None = None
    """Of equal scores the one with the smaller loss on validation texts is better."""
    best_update: int = 0
    seconds: float = 0.0
    """Spent in updates."""
    validation_seconds: float = 0.0
    loss_sum: float = 0.0
    """Over the updates since the last validation."""
    loss_count: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


Save = Callable[[Progress, Weights, Weights, Weights], None]
"""Takes how far it is, the weights, the best ones, and the optimizer's tensors."""


class Saved(NamedTuple):
    """What a training goes on from."""

    progress: Progress
    weights: Weights
    best: Weights
    optimizer: Weights


@dataclass(frozen=True)
class Fitting:
    """One training, from its texts to the best weights.

    Args:
        learner: Model and optimizer.
        task: What is to be told.
        train: Texts to learn from.
        val: Texts on which the best weights are chosen.
        config: How.
        padding: Where a batch's shorter texts are filled up, and to what at most.
        seed: Of the order of texts and of dropout.
        save: Called after every validation and when asked to stop.
        tell: Takes a line on how far it is.
        stop: Asks to leave after the next update.
        texts_at_once: Texts of a batch that is only read.
    """

    learner: Learner
    task: Task
    train: Encoded
    val: Encoded
    config: LearnerConfig
    padding: Padding
    seed: int
    save: Save = lambda *_: None
    tell: Tell = lambda line: None
    stop: StopRequest = field(default_factory=StopRequest)
    texts_at_once: int = 64

    def run(self, saved: Saved | None = None) -> Progress:
        """Train, from where `saved` says, and leave the best weights in the learner.

        Raises:
            ValueError: If the loss is not finite.
            SystemExit: With 128 + its number after a signal, the training being
                saved.
        """
        progress = Progress() if saved is None else saved.progress
        every = stages(self.config, self.learner.names)
        best = self.learner.weights() if saved is None else saved.best
        for number in range(progress.stage, len(every)):
            stage = every[number]
            self.learner.begin(stage.trained)
            if saved is not None:
                self.learner.set_weights(saved.weights)
                self.learner.set_state(saved.optimizer)
                saved = None
            else:
                progress.stage, progress.update, progress.waited = number, 0, 0
            best = self._run_stage(stage, progress, best)
            self.learner.set_weights(best)
        return progress

    def _run_stage(self, stage: Stage, progress: Progress, best: Weights) -> Weights:
        """Return the best weights, of this stage or before."""
        config, batches = self.config, self._batches(progress.epoch)
        total = max(1, math.ceil(config.epochs * len(batches)))
        interval = config.eval_interval or len(batches)
        while progress.update < total and progress.waited < config.patience:
            if progress.batch >= len(batches):
                progress.epoch, progress.batch = progress.epoch + 1, 0
                batches = self._batches(progress.epoch)
            rate = learning_rate(
                config.schedule, stage.learning_rate, progress.update, total
            )
            self._update(batches[progress.batch], rate, progress)
            last = progress.update == total
            if last or progress.update % interval == 0:
                best = self._validate(stage, progress, best)
            if self.stop.signal is not None:
                self._save(progress, best)
                self.tell(f"saved at update {progress.updates}; run it again to go on")
                raise SystemExit(self.stop.exit_code)
        return best

    def _batches(self, epoch: int) -> list[Batch]:
        config = self.config
        weights = None
        if config.class_weights == "balanced":
            counts = np.bincount(self.train.labels, minlength=len(self.task.classes))
            weights = len(self.train.labels) / (len(counts) * np.maximum(counts, 1))
        return training_batches(
            self.train.ids,
            self.task.targets(self.train.labels),
            config.batch_size,
            self.seed,
            epoch,
            self.padding.pad_side,
            balanced=config.balanced,
            class_weight_C=weights,
            max_length=self.padding.max_length,
            sort_by_length=config.sort_by_length,
        )

    def _update(self, batch: Batch, rate: float, progress: Progress) -> None:
        started = time.perf_counter()
        loss = self.learner.update(batch, rate, progress.updates)
        progress.seconds += time.perf_counter() - started
        progress.batch += 1
        progress.update += 1
        progress.updates += 1
        progress.loss_sum += loss
        progress.loss_count += 1
        if not math.isfinite(loss):
            raise ValueError(
                f"the loss is {loss} at update {progress.updates}; a smaller "
                "learner.learning_rate or a learner.clip_norm above 0 will do."
            )

    def _validate(self, stage: Stage, progress: Progress, best: Weights) -> Weights:
        started = time.perf_counter()
        predicted = self.task.predictions(self.outputs(self.val))
        score = self.task.score(predicted, self.val.labels)
        val_loss = self.task.loss(predicted, self.val.labels)
        progress.validation_seconds += time.perf_counter() - started
        loss = progress.loss_sum / max(1, progress.loss_count)
        progress.loss_sum, progress.loss_count = 0.0, 0
        progress.history.append(
            {
                "stage": stage.name,
                "epoch": progress.epoch,
                "update": progress.updates,
                "loss": loss,
                "val_loss": val_loss,
                f"val_{self.task.measure}": score,
                "seconds": progress.seconds,
            }
        )
        progress.waited += 1
        better = progress.best is None or score > progress.best
        if better:
            progress.waited = 0
        elif score == progress.best and progress.best_loss is not None:
            better = val_loss < progress.best_loss
        if better:
            progress.best, progress.best_loss = score, val_loss
            progress.best_update = progress.updates
            best = self.learner.weights()
        self.tell(
            f"{stage.name}, update {progress.updates:,}: loss {loss:.4f}, validation "
            f"{self.task.measure} {score:.4f}, best {progress.best:.4f}, "
            f"{progress.seconds:.0f} s"
        )
        self._save(progress, best)
        return best

    def outputs(self, texts: Encoded) -> np.ndarray:
        """Return what the model says of texts, float32[N, K], in their order."""
        size, most = self.texts_at_once, self.padding.max_length
        return outputs(self.learner, texts.ids, size, most)

    def _save(self, progress: Progress, best: Weights) -> None:
        self.save(progress, self.learner.weights(), best, self.learner.state())


def outputs(
    learner: Learner,
    ids: Sequence[np.ndarray],
    batch_size: int = 64,
    max_length: int | None = None,
) -> np.ndarray:
    """Return what the model says of texts, float32[N, K], in their order.

    Args:
        learner: Holds the model.
        ids: Of the texts.
        batch_size: Texts read at a time; of some lengths, so few are compiled.
        max_length: Numbers at which texts were cut, if they were.
    """
    found: np.ndarray | None = None
    for batch in reading_batches(ids, None, batch_size, "after", max_length=max_length):
        said_NK = learner.outputs(batch)
        if found is None:
            found = np.zeros((len(ids), said_NK.shape[1]), np.float32)
        real = batch.rows >= 0
        found[batch.rows[real]] = said_NK[real]
    assert found is not None
    return found
