"""A runner in a process of its own, asked in JSON lines; see `serving`.

Each framework has its threads, its allocator and its OpenMP to itself; while one
works the others wait for their next line, asleep.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compare.runners.facts import Found

_ROOT = Path(__file__).parents[2]
_LAST_LINES = 20


class RunnerError(ValueError):
    """A runner's process failed.

    Attributes:
        stderr: The last lines that it wrote to standard error.
        gone: Whether the process has ended.
    """

    def __init__(self, text: str, stderr: str = "", gone: bool = False):
        super().__init__(text)
        self.stderr, self.gone = stderr, gone


class RunnerProcess:
    """A runner's process; close it after use.

    Args:
        found: The runner.
        limit_s: Seconds after which a question counts as never answered.
        serving: Package whose `__main__` answers.
        environment: Variables that the process has besides those of this one.

    Attributes:
        name: The runner's name.
        start_s: Seconds from the start of the process to its first answer.
        facts: What it said of itself: device, threads, versions.

    Raises:
        RunnerError: If it does not start.
    """

    def __init__(
        self,
        found: Found,
        limit_s: float,
        serving: str = "compare.runners",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = found.facts.name
        self._limit_s = limit_s
        self._stderr = tempfile.TemporaryFile()
        started_s = time.perf_counter()
        try:
            self._process = subprocess.Popen(
                [
                    *(str(found.facts.python()), "-m", serving),
                    *(found.module, self.name),
                ],
                cwd=_ROOT,
                env={**os.environ, "PYTHONPATH": str(_ROOT), **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                text=True,
            )
        except OSError as error:
            self._stderr.close()
            raise RunnerError(f"{self.name}: {error}", gone=True) from error
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        # A thread, since a pipe cannot be read with a time limit everywhere.
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.facts: dict[str, Any] = self.ask("hello")
        except RunnerError:
            self.close()
            raise
        self.start_s = time.perf_counter() - started_s

    def ask(self, do: str, **arguments: Any) -> Any:
        """Return what the runner answers.

        Raises:
            RunnerError: If it fails, its process has ended, or it takes too long:
                then it is killed.
        """
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # It has ended; what it left to read says how.
        try:
            line = self._lines.get(timeout=self._limit_s)
        except queue.Empty:
            self._process.kill()
            raise self._error(
                f"no answer to {do} within {self._limit_s:g} s; killed", gone=True
            ) from None
        if not line:
            code = self._process.wait()
            how = f"killed by signal {-code}" if code < 0 else f"left with code {code}"
            raise self._error(f"its process was {how}", gone=True)
        answer = json.loads(line)
        if "error" in answer:
            raise self._error(answer["error"])
        return answer["ok"]

    def hang_up(self) -> None:
        """Let the process end by itself, and do not wait for it."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass

    def close(self) -> None:
        """End the process; closing twice does no harm."""
        self.hang_up()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                self._lines.put(line)
        self._lines.put("")

    def _error(self, text: str, gone: bool = False) -> RunnerError:
        return RunnerError(f"{self.name}: {text}.", self._said(), gone)

    def _said(self) -> str:
        """Return the last lines that the process wrote to standard error."""
        if self._stderr.closed:
            return ""
        # Its own place in the file is not moved: the process writes with it.
        size = os.fstat(self._stderr.fileno()).st_size
        tail = os.pread(self._stderr.fileno(), 16384, max(0, size - 16384))
        lines = tail.decode("utf-8", "replace").splitlines()
        return "\n".join(lines[-_LAST_LINES:])
