"""A runner in a process of its own, asked in JSON lines.

Each framework has its threads, its allocator and its OpenMP to itself; while one
works the others wait for their next line, asleep.

    parent -> {"do": "set_up", ...}      runner -> {"ok": {...}} or {"error": "..."}
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

_ROOT = Path(__file__).parents[2]


class Runner(Protocol):
    """What a runner's process answers to; values are JSON."""

    def set_up(
        self, config: dict[str, Any], weights: str, batches: str
    ) -> dict[str, Any]:
        """Build the model and its update, train once on every batch.

        Args:
            config: A whole `RunConfig`, as nested dictionaries.
            weights: Folder of the start weights (`tfsent.checkpoint.load_weights`).
            batches: `.npz` with `bytes` uint8[N, B, T+1] and `reset` bool[N, B, T].

        Returns:
            `bpc`, the loss of each of these steps; `first_s`, seconds of the first
            one, compiling included; `parameters`, `threads`, `versions`.
        """

    def turn(self, calls: int) -> float:
        """Return the seconds of one step, as the mean of `calls` successive ones."""

    def gauge(self, fill_s: float) -> float:
        """Return the present float32 rate of a 2048-cubed product, FLOP/s."""


class RunnerError(ValueError):
    """A runner's process failed; the text is what it said last."""


class RunnerProcess:
    """A runner started as `python -m compare.runners.NAME`; close it after use.

    Args:
        name: Module of this folder.
        python: The interpreter; another one for a runner of another environment.
    """

    def __init__(self, name: str, python: str = sys.executable) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [python, "-m", f"compare.runners.{name}"],
            cwd=_ROOT,
            env={**os.environ, "PYTHONPATH": str(_ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do: str, **arguments: Any) -> Any:
        """Return what the runner answers.

        Raises:
            RunnerError: If it fails or its process has ended.
        """
        pipes = self._process
        if pipes.stdin is None or pipes.stdout is None:
            raise RunnerError(f"{self.name}: is closed.")
        try:
            pipes.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            pipes.stdin.flush()
        except BrokenPipeError:
            pass  # It has ended; what it left to read says how.
        line = pipes.stdout.readline()
        if not line:
            raise RunnerError(f"{self.name}: its process left with {pipes.wait()}.")
        answer = json.loads(line)
        if "error" in answer:
            raise RunnerError(f"{self.name}: {answer['error']}")
        return answer["ok"]

    def close(self) -> None:
        """End the process; closing twice does no harm."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def serve(runner: Runner) -> None:
    """Answer the lines on standard input until it ends.

    Standard output is the protocol's alone: whatever a library prints there goes to
    standard error.
    """
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    actions = {"set_up": runner.set_up, "turn": runner.turn, "gauge": runner.gauge}
    for line in sys.stdin:
        request: Mapping[str, Any] = json.loads(line)
        arguments = {name: value for name, value in request.items() if name != "do"}
        try:
            answer = {"ok": actions[request["do"]](**arguments)}  # type: ignore[operator]
        except (ValueError, OSError, MemoryError, RuntimeError) as error:
            words = " ".join(str(error).split())
            answer = {"error": words or type(error).__name__}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
