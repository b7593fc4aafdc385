"""A script in a process group of its own, which leaves nothing running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


class Child:
    """A script that runs, with the workers it starts.

    Args:
        script: Its file.
        process: Its process, the leader of a group.
        output: What its standard output is written to.
        errors: As `output`, of its standard error.
    """

    def __init__(
        self,
        script: Path,
        process: subprocess.Popen[bytes],
        output: IO[bytes],
        errors: IO[bytes],
    ):
        self.pid = process.pid
        self._name = script.name
        self._process = process
        self._output = output
        self._errors = errors

    def runs(self) -> bool:
        """Return whether it has not ended.

        Raises:
            ChildProcessError: If it failed; told with its last line of errors.
        """
        code = self._process.poll()
        if code:
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").split("\n")
            last = next((line for line in reversed(lines) if line.strip()), "no words")
            raise ChildProcessError(f"{self._name} failed with code {code}: {last}")
        return code is None

    def kill(self) -> None:
        """Kill it while it runs, with all its workers.

        Raises:
            ChildProcessError: If it failed, or had ended, before.
        """
        if self.runs():
            self.end()
        if self._process.returncode != -signal.SIGKILL:
            self.runs()
            raise ChildProcessError(
                f"{self._name} ended before it was killed; more text will do."
            )

    def end(self) -> None:
        """Kill what is left of its group, if anything, and wait for the script."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def result(self) -> dict[str, Any]:
        """Wait for its end and return the JSON object that it printed.

        Raises:
            ChildProcessError: If it failed.
        """
        self._process.wait()
        self.runs()
        self._output.seek(0)
        found: dict[str, Any] = json.loads(self._output.read())
        return found


@contextmanager
def started(script: Path, flags: Sequence[str]) -> Iterator[Child]:
    """Start a script; at the end of the block nothing of its group is left.

    Not so of processes that make a group of their own, as those of a Ray cluster that
    ran before do.

    Args:
        script: Its file.
        flags: Its arguments; --json is among them where its result is asked for.
    """
    # Files, not pipes: nobody need read them for the script to go on.
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            [sys.executable, str(script), *flags],
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
        child = Child(script, process, output, errors)
        try:
            yield child
        finally:
            child.end()
