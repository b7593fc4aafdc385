"""One writer a run folder.

The lock is the kernel's (`flock` on RUN/.lock): it ends with its process, however
that ends, so a lock left on disk never blocks. The text in the file only names
the holder.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from tfsent.checkpoint import atomic
from tfsent.checkpoint.liveness import host_start, process_start
from tfsent.path_errors import naming

LOCK = ".lock"
_MAX_TEXT_BYTES = 4096
_WAIT_S = 3.0
_PAUSE_S = 0.01


class RunLockedError(ValueError):
    """Another process writes to this run folder; the message names it."""


class RunLock:
    """Exclusive right to write to a run folder, as a context manager.

    The folder is created if missing. On leaving, the lock file is removed. A
    forked child does not share the lock.

    Args:
        run_dir: The run folder.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, RunLock(folder):
        ...     print(sorted(p.name for p in Path(folder).iterdir()))
        ['.lock']
    """

    def __init__(self, run_dir: str | os.PathLike[str]) -> None:
        self.run_dir = Path(run_dir)
        self._file: int | None = None

    def __enter__(self) -> RunLock:
        """Take the lock; see `acquire`."""
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the lock back."""
        self.release()

    def acquire(self) -> None:
        """Take the lock, or leave at once.

        Raises:
            RunLockedError: If a living process holds it; names the process.
            OSError: If the disk refuses; names the path.
        """
        path = self.run_dir / LOCK
        deadline = time.monotonic() + _WAIT_S
        while self._file is None:
            atomic.make_folder(self.run_dir)
            with naming(path, always=True):
                try:
                    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
                except FileNotFoundError:
                    continue  # The folder was moved aside this very moment.
            self._file = self._lock(file, path, deadline)
        _open_locks.add(self._file)
        try:
            with naming(path, always=True):
                os.ftruncate(self._file, 0)
                os.pwrite(self._file, _own_name(), 0)
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Remove the lock file and give the lock back; twice does no harm."""
        if self._file is None:
            return
        file, self._file = self._file, None
        path = self.run_dir / LOCK
        try:
            # Removed while locked: whoever opened it meanwhile finds, once it has
            # the lock, that the name no longer leads to its file, and tries anew.
            if _leads_to(path, file):
                with suppress(OSError):
                    os.unlink(path)
        finally:
            _open_locks.discard(file)
            os.close(file)

    def _lock(self, file: int, path: Path, deadline: float) -> int | None:
        """Return the file once locked; None, closed, if it is worth another try."""
        locked = False
        try:
            with naming(path, always=True):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = _leads_to(path, file)
        except BlockingIOError:
            self._refuse(_living_holder(file), deadline)
        finally:
            if not locked:
                os.close(file)
        return file if locked else None

    def _refuse(self, holder: str | None, deadline: float) -> None:
        """Leave, naming the holder; return to try again while none can be named.

        A holder takes the lock a moment before it writes its name, and a killed
        one keeps it a moment longer than its life.
        """
        if holder is None and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)
            return
        raise RunLockedError(
            f"{self.run_dir}: {holder or 'another process'} writes to this run; wait "
            "for it to end, or choose another --out."
        )


def move_aside(run_dir: str | os.PathLike[str]) -> Path | None:
    """Rename a run folder to RUN.old-1, or the first such name that is free.

    Nothing is deleted.

    Returns:
        The new name; None if there is no folder, or an empty one.

    Raises:
        RunLockedError: If a living process writes to it; names the process.
        OSError: If the disk refuses; names the path.
    """
    run_dir = Path(run_dir)
    if not run_dir.is_dir() or not any(run_dir.iterdir()):
        return None
    lock = RunLock(run_dir)
    lock.acquire()
    try:
        number = 1
        while os.path.lexists(_aside(run_dir, number)):
            number += 1
        aside = _aside(run_dir, number)
        atomic.rename_folder(run_dir, aside)
        lock.run_dir = aside  # The lock file moved along.
    finally:
        lock.release()
    return aside


def _aside(run_dir: Path, number: int) -> Path:
    return run_dir.with_name(f"{run_dir.name}.old-{number}")


def _leads_to(path: Path, file: int) -> bool:
    try:
        named = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(named, os.fstat(file))


def _own_name() -> bytes:
    pid = os.getpid()
    holder = {
        "pid": pid,
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "host_start": host_start(),
        "process_start": process_start(pid),
    }
    return (json.dumps(holder) + "\n").encode("ascii")


def _living_holder(file: int) -> str | None:
    """Return in words who holds the lock, as far as the file names a living one."""
    text = os.pread(file, _MAX_TEXT_BYTES, 0)
    with suppress(ValueError, KeyError, TypeError):
        holder: dict[str, Any] = json.loads(text)
        pid, host, since = holder["pid"], holder["host"], holder["since"]
        if _may_live(holder):
            return f"process {pid} on host {host} (since {since})"
    return None


def _may_live(holder: dict[str, Any]) -> bool:
    # On another host nobody can look: believe the file.
    elsewhere = holder["host_start"] != host_start()
    return elsewhere or process_start(holder["pid"]) == holder["process_start"]


_open_locks: set[int] = set()


def _forget_locks() -> None:
    """Close a child's copies: it would else hold the lock after its parent's death."""
    for file in _open_locks:
        os.close(file)
    _open_locks.clear()


os.register_at_fork(after_in_child=_forget_locks)
