"""Ask a run to stop: SIGTERM and Ctrl-C are noted, the loop saves and leaves."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType


class StopRequest:
    """Notes the first SIGTERM or SIGINT while it is entered.

    After the first, SIGINT gets its default action: a second Ctrl-C ends the process
    at once, also in the middle of a compiled step. More SIGTERMs change nothing:
    batch schedulers and `timeout` send several. In another thread than the main one
    no signal arrives: there an engine, such as Ray, says when to stop.

    Attributes:
        signal: Number of the signal that came, or None.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        """Take over both signals."""
        if threading.current_thread() is not threading.main_thread():
            return self
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give both signals back."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    @property
    def exit_code(self) -> int:
        """128 and the number of the signal: 143 for SIGTERM, 130 for Ctrl-C; or 0."""
        return 0 if self.signal is None else 128 + self.signal

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            return
        self.signal = number
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        name = signal.Signals(number).name
        print(
            f"{name}: stopping after this step and saving; Ctrl-C ends at once.",
            file=sys.stderr,
            flush=True,
        )


class AgreedStop(StopRequest):
    """A signal that came to any process of a run, as seen by all of them.

    Args:
        own: That of this process.
        largest: Returns the largest of a number over all processes, in each of them.
    """

    def __init__(self, own: StopRequest, largest: Callable[[int], int]):
        self._own = own
        self._largest = largest
        self._agreed: int | None = None

    @property
    def signal(self) -> int | None:  # type: ignore[override]
        """Number of the signal, or None."""
        if self._agreed is None:
            self._agreed = self._largest(self._own.signal or 0) or None
        return self._agreed
