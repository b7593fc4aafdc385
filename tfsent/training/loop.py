"""Steps in order: when to log, evaluate, and hand over a checkpoint."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable

from tfsent.config import MAX_LOSS_SCALE, MIN_LOSS_SCALE, RunConfig
from tfsent.data.batches import Batch, LaneBatches, prefetch
from tfsent.training.counters import RECENT_STEPS, RunCounters
from tfsent.training.results import Outcome, Score, StepResult
from tfsent.training.run_log import NoLog, RunLog
from tfsent.training.stop import StopRequest

MAX_BAD_STEPS = 10
"""Steps in a row that loss scaling may skip before the run stops."""


class DivergedError(ValueError):
    """The loss or gradient is no longer a number; the message names the step."""


def total_steps(config: RunConfig, batches: LaneBatches) -> int:
    """Return the number of updates that the settings ask for."""
    if config.training.steps is not None:
        return config.training.steps
    epochs = 1.0 if config.training.epochs is None else config.training.epochs
    return max(1, round(epochs * batches.steps_per_epoch))


def train(
    run: RunCounters,
    update: Callable[[Batch], StepResult],
    batches: LaneBatches,
    config: RunConfig,
    log: RunLog | NoLog,
    *,
    steps: int,
    validate: Callable[[], Score] | None,
    on_checkpoint: Callable[[bool], None],
    stop: StopRequest,
) -> Outcome:
    """Train from `run.step` to `steps` and return how it ended.

    Losses are read from the device when they are logged, not at every step. A
    checkpoint is handed over only after all losses before it proved finite.

    Args:
        run: How far it is; changed in place.
        update: Makes the update of step `run.step` with a batch.
        batches: Any step's batch.
        config: Intervals, sizes, precision.
        log: Where figures go.
        steps: Updates in all.
        validate: Scores the model on validation text; None if there is none.
        on_checkpoint: Saves `run`; told whether it is the best model so far.
        stop: Ends the loop after the running step once a signal came.

    Raises:
        DivergedError: If a loss or validation is no number, or ten steps in a row
            overflowed.
    """
    lane_bytes = config.training.batch_size * config.training.window
    meter = _Meter(
        run, log, lane_bytes, loss_scaling=config.precision == "mixed_float16"
    )
    check = _Validation(run, log, validate, stop)
    if run.owes_validation and check.is_best():
        on_checkpoint(True)
    if stop.signal is not None:
        return Outcome(False, meter.compile_s, meter.bytes_per_s())
    stream = prefetch(batches.batch, run.step, steps)
    try:
        for batch in stream:
            result = update(batch)
            run.step += 1
            meter.add(result)
            last = run.step == steps
            validates = validate is not None and _due(
                run.step, config.training.eval_interval, last
            )
            if validates or run.step % config.log.interval == 0:
                meter.flush()
            best = validates and check.is_best()
            # Read once: a signal may come at any moment, and one that is acted on
            # must have been saved.
            stopping = stop.signal is not None
            saves = _due(run.step, config.checkpoint.interval, last or stopping)
            if saves or best:
                meter.flush()
                on_checkpoint(best)
            if validates or saves:
                meter.restart()
            if stopping:
                break
    finally:
        stream.close()
    return Outcome(run.step >= steps, meter.compile_s, meter.bytes_per_s())


def _due(step: int, interval: int, last: bool) -> bool:
    return last or (interval > 0 and step % interval == 0)


class _Validation:
    """Scores the model in training, unless asked to stop, and keeps the best score."""

    def __init__(
        self,
        run: RunCounters,
        log: RunLog | NoLog,
        validate: Callable[[], Score] | None,
        stop: StopRequest,
    ):
        self._run = run
        self._log = log
        self._validate = validate
        self._stop = stop

    def is_best(self) -> bool:
        """Validate; tell whether the model is the best so far.

        A validation that a signal prevents or cuts short is owed: the run makes it
        when it is resumed, and ends with the same best model as an unbroken one.
        """
        run = self._run
        run.owes_validation = False
        if self._validate is None:
            return False
        score = self._validate() if self._stop.signal is None else None
        if score is None or self._stop.signal is not None:
            run.owes_validation = True
            return False
        if score.scored_bytes and not math.isfinite(score.bpc):
            raise DivergedError(
                f"step {run.step}: validation gives {score.bpc:g} bits per character. "
                "The checkpoints before it are kept; a lower optimizer.learning_rate "
                "will do."
            )
        self._log.val(
            run.step, bpc=score.bpc, bytes=score.scored_bytes, seconds=score.seconds
        )
        best = run.best_val_bpc is None or score.bpc < run.best_val_bpc
        best = best and score.scored_bytes > 0
        run.best_val_bpc = score.bpc if best else run.best_val_bpc
        return best


class _Meter:
    """Reads results in portions, checks them, and keeps the clock."""

    def __init__(
        self, run: RunCounters, log: RunLog | NoLog, step_bytes: int, loss_scaling: bool
    ):
        self._run = run
        self._log = log
        self._step_bytes = step_bytes
        self._loss_scaling = loss_scaling
        self._pending: list[StepResult] = []
        self._bad_steps = 0
        self._at_bound = False
        self._timed_steps = 0
        self._timed_s = 0.0
        self._first = True
        self.compile_s = 0.0
        self.restart()

    def restart(self) -> None:
        """Leave what happened since the last flush out of the rate."""
        self._since = time.perf_counter()

    def add(self, result: StepResult) -> None:
        """Take the result of one step."""
        self._pending.append(result)
        if self._first:
            self._first = False
            float(result.bpc)  # waits for the compiled step
            self.compile_s = time.perf_counter() - self._since
            self._run.wall_s += self.compile_s
            self.restart()

    def flush(self) -> None:
        """Read what is pending, refuse what is no number, log the rest."""
        if not self._pending:
            return
        run, pending = self._run, self._pending
        self._pending = []
        first = run.step - len(pending) + 1
        values = []
        for step, result in enumerate(pending, start=first):
            bpc = float(result.bpc)
            self._check(step, bpc, bool(result.finite))
            if math.isfinite(bpc):
                values.append(bpc)
        self._tell_bound(float(pending[-1].loss_scale))
        elapsed_s = time.perf_counter() - self._since
        self.restart()
        run.wall_s += elapsed_s
        run.bytes_seen += len(pending) * self._step_bytes
        run.recent_bpc = (run.recent_bpc + values)[-RECENT_STEPS:]
        self._timed_s += elapsed_s
        self._timed_steps += len(pending)
        self._log.train(
            run.step,
            bpc=sum(values) / len(values) if values else math.nan,
            loss_scale=float(pending[-1].loss_scale),
            learning_rate=float(pending[-1].learning_rate),
            bytes_per_s=len(pending) * self._step_bytes / max(elapsed_s, 1e-9),
            bytes_seen=run.bytes_seen,
            wall_s=run.wall_s,
        )

    def bytes_per_s(self) -> float:
        """Return the rate over all flushed steps, the compiled first one left out."""
        if self._timed_s <= 0:
            return math.nan
        return max(0, self._timed_steps - 1) * self._step_bytes / self._timed_s

    def _tell_bound(self, loss_scale: float) -> None:
        """Say so when the loss scale arrives at one of its bounds."""
        at_bound = self._loss_scaling and loss_scale in (MIN_LOSS_SCALE, MAX_LOSS_SCALE)
        if at_bound and not self._at_bound:
            print(
                f"step {self._run.step}: the loss scale stands at its bound "
                f"{loss_scale:g}",
                file=sys.stderr,
                flush=True,
            )
        self._at_bound = at_bound

    def _check(self, step: int, bpc: float, finite: bool) -> None:
        if finite and math.isfinite(bpc):
            self._bad_steps = 0
            return
        self._bad_steps += 1
        if not self._loss_scaling:
            raise DivergedError(
                f"step {step}: the loss is {bpc:g} bits per character and its gradient "
                f"is {'finite' if finite else 'not finite'}. The checkpoints before it "
                "are kept; a lower optimizer.learning_rate will do."
            )
        if self._bad_steps >= MAX_BAD_STEPS:
            raise DivergedError(
                f"step {step}: {MAX_BAD_STEPS} steps in a row overflowed, whatever the "
                "loss scale. The checkpoints before are kept; a lower "
                "optimizer.learning_rate, or precision mixed_bfloat16, will do."
            )
