"""What a run tells while it goes on: JSON lines, TensorBoard, progress.

    RUN/metrics.jsonl    {"type": "config", "first_step", "config", "versions"}
                         {"type": "train", "step", "bpc", ..., "wall_s"}
                         {"type": "val", "step", "bpc", ...}

The configuration stands at the head and again after every restart. A resumed
run first cuts away what was logged past the step it resumes from, so that each
step stands there once. Imports no framework: TensorBoard's own record writer
needs none.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from tqdm import tqdm

from tfsent.path_errors import naming

METRICS = "metrics.jsonl"
TENSORBOARD = "tensorboard"

_QUIET_S = 30.0
"""Seconds between two plain progress lines, where there is no terminal for a bar."""

_serial = itertools.count()


class RunLog:
    """The log of one run, as a context manager; opening it starts or resumes the file.

    Args:
        run_dir: The run folder; created if missing.
        config: The resolved settings, as JSON values.
        versions: Name to version of what computes (python, numpy, keras, tensorflow).
        tensorboard: Write TensorBoard scalars too, under RUN/tensorboard.
        progress_bar: Tell the progress on `stream`: a bar on a terminal, else a line
            every 30 seconds and at every validation.
        total_steps: Steps at which the run ends.
        first_step: Steps made before: 0, or the step that was restored.
        stream: Where progress goes. Default: standard error.

    Raises:
        OSError: If the disk refuses; names the file.
    """

    def __init__(
        self,
        run_dir: str | os.PathLike[str],
        config: Mapping[str, Any],
        *,
        versions: Mapping[str, str],
        tensorboard: bool,
        progress_bar: bool,
        total_steps: int,
        first_step: int,
        stream: TextIO | None = None,
    ) -> None:
        self.run_dir = Path(run_dir)
        self.run_dir.mkdir(parents=True, exist_ok=True)
        truncate_after(self.run_dir, first_step)
        path = self.run_dir / METRICS
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        facts = {"config": dict(config), "versions": dict(versions)}
        self._write({"type": "config", "first_step": first_step, **facts})
        folder = self.run_dir / TENSORBOARD
        self._scalars = _ScalarFile(folder, first_step) if tensorboard else None
        self._progress = (
            _Progress(stream or sys.stderr, total_steps, first_step)
            if progress_bar
            else None
        )

    def __enter__(self) -> RunLog:
        """Return the log itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the log."""
        self.close()

    def train(
        self,
        step: int,
        *,
        bpc: float,
        loss_scale: float,
        learning_rate: float,
        bytes_per_s: float,
        bytes_seen: int,
        wall_s: float,
    ) -> None:
        """Log the training figures of the steps up to `step`.

        Args:
            step: Updates made.
            bpc: Bits per character since the line before.
            loss_scale: Loss scale in use; 1 where there is none.
            learning_rate: Learning rate in use.
            bytes_per_s: Bytes read a second since the line before, all replicas.
            bytes_seen: Bytes read since the run began.
            wall_s: Seconds of training since the run began, restarts included.
        """
        values = {
            "bpc": bpc,
            "loss_scale": loss_scale,
            "learning_rate": learning_rate,
            "bytes_per_s": bytes_per_s,
            "bytes_seen": bytes_seen,
            "wall_s": wall_s,
        }
        self._point("train", step, values)
        if self._progress is not None:
            self._progress.train(step, values)

    def val(self, step: int, *, bpc: float, **more: float) -> None:
        """Log a validation after `step` updates: bits per character and what else.

        Args:
            step: Updates made.
            bpc: Bits per character of the validation text.
            more: Further figures, such as `bytes` scored and `wall_s`.
        """
        self._point("val", step, {"bpc": bpc, **more})
        if self._progress is not None:
            self._progress.val(step, bpc)

    def close(self) -> None:
        """Close files and bar; closing twice does no harm."""
        if self._file < 0:
            return
        file, self._file = self._file, -1
        os.close(file)
        if self._scalars is not None:
            self._scalars.close()
        if self._progress is not None:
            self._progress.close()

    def _point(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        plain = {name: _number(value) for name, value in values.items()}
        self._write({"type": kind, "step": int(step), **plain})
        if self._scalars is not None:
            tags = {f"{kind}/{name}": value for name, value in plain.items()}
            self._scalars.write(int(step), tags)

    def _write(self, line: Mapping[str, Any]) -> None:
        """Append one line in one write: a kill leaves it whole, or torn as the last."""
        data = memoryview(json.dumps(line, allow_nan=False).encode("ascii") + b"\n")
        with naming(self.run_dir / METRICS):
            while len(data) > 0:
                data = data[os.write(self._file, data) :]


class NoLog:
    """Tells nothing: the log of a process that is not the first of its run."""

    def __enter__(self) -> NoLog:
        """Return the log itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Do nothing."""

    def train(self, step: int, **values: float) -> None:
        """Do nothing."""

    def val(self, step: int, **values: float) -> None:
        """Do nothing."""


def truncate_after(run_dir: str | os.PathLike[str], step: int) -> None:
    """Cut the log of a run behind its last line of `step`, and a torn last line.

    Everything from the first line with a later step on goes, the file before it
    stays byte for byte. Does nothing where there is no log.
    """
    path = Path(run_dir) / METRICS
    if not path.exists():
        return
    keep = 0
    with open(path, "rb") as file:
        for line in file:
            if not line.endswith(b"\n") or _step(line) > step:
                break
            keep += len(line)
    if keep < path.stat().st_size:
        os.truncate(path, keep)


def _step(line: bytes) -> int:
    """Return the step of a log line; 0 for one that has none or cannot be read."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return 0
    step = value.get("step") if isinstance(value, dict) else None
    return step if type(step) is int else 0


def _number(value: Any) -> int | float | None:
    """Return a plain number; None for NaN and infinity, which JSON does not know."""
    plain = value.item() if hasattr(value, "item") else value
    if not isinstance(plain, (bool, int)):
        plain = float(plain)
    return plain if math.isfinite(plain) else None


class _ScalarFile:
    """TensorBoard scalars, one event file a (re)start."""

    def __init__(self, folder: Path, first_step: int) -> None:
        # Here, not above: 0.2 s that only runs with TensorBoard files pay for.
        from tensorboard.compat.proto import event_pb2, summary_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._event, self._summary = event_pb2, summary_pb2
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads files in the order of their names, which begin like this.
        writer = f"{socket.gethostname()}.{os.getpid()}.{next(_serial)}"
        name = f"events.out.tfevents.{int(time.time()):010d}.{writer}"
        self._path = folder / name
        self._records = RecordWriter(open(self._path, "xb", buffering=0))
        self._add(event_pb2.Event(file_version="brain.Event:2"))
        # Makes TensorBoard forget what an earlier start wrote past `first_step`.
        start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._add(event_pb2.Event(step=first_step + 1, session_log=start))

    def write(self, step: int, values: Mapping[str, float | None]) -> None:
        """Write the scalars of one step; one that is no number is shown as NaN."""
        summary = self._summary.Summary()
        for tag, value in values.items():
            number = math.nan if value is None else value
            summary.value.add(tag=tag, simple_value=number)
        self._add(self._event.Event(step=step, summary=summary))

    def close(self) -> None:
        self._records.close()

    def _add(self, event: Any) -> None:
        event.wall_time = time.time()
        with naming(self._path):
            self._records.write(event.SerializeToString())


class _Progress:
    """Progress on a stream: a bar on a terminal, plain lines elsewhere."""

    def __init__(self, stream: TextIO, total_steps: int, first_step: int) -> None:
        self._stream = stream
        self._total = total_steps
        self._first = first_step
        self._began = self._told = time.monotonic()
        self._bar: tqdm | None = None
        if stream.isatty():
            self._bar = tqdm(
                total=total_steps,
                initial=first_step,
                file=stream,
                unit="step",
                dynamic_ncols=True,
                bar_format="{n}/{total} [{elapsed}<{remaining}] {bar} {postfix}",
            )

    def train(self, step: int, values: Mapping[str, Any]) -> None:
        """Show the figures of a log point."""
        text = (
            f"bpc {values['bpc']:.4f}, {values['bytes_per_s']:,.0f} bytes/s, "
            f"learning rate {values['learning_rate']:.3g}, "
            f"loss scale {values['loss_scale']:g}"
        )
        if self._bar is not None:
            self._bar.set_postfix_str(text, refresh=False)
            self._bar.update(step - self._bar.n)
        elif time.monotonic() - self._told >= _QUIET_S or step == self._total:
            self._told = time.monotonic()
            self._line(f"step {step}/{self._total}, {text}, {self._left(step)} left")

    def val(self, step: int, bpc: float) -> None:
        """Tell a validation in a line of its own, above the bar if there is one."""
        text = f"step {step}/{self._total}, validation bpc {bpc:.4f}"
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            self._line(f"{text}, {self._left(step)} left")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def _left(self, step: int) -> str:
        made = step - self._first
        if made <= 0:
            return "?"
        pace_s = (time.monotonic() - self._began) / made
        return str(tqdm.format_interval(pace_s * (self._total - step)))
