"""A disk that fails, or stands still, at the n-th call that would change it."""

import errno
import os
from typing import Any

import pytest

CHANGING = ("write", "fsync", "rename", "replace", "mkdir", "link", "unlink", "rmdir")


class FaultyDisk:
    """Counts the calls that change the disk, and lets one of them fail.

    `once`: that call fails with `number`, the others work: a full or broken disk.
    Otherwise nothing gets through from that call on: what a kill leaves.
    """

    def __init__(self, fail_at: int, number: int = errno.EIO, once: bool = True):
        self.calls: list[str] = []
        self.synced: list[str] = []
        self.fail_at = fail_at
        self.number = number
        self.once = once

    def __enter__(self) -> "FaultyDisk":
        self._patch = pytest.MonkeyPatch()
        for name in CHANGING:
            self._patch.setattr(os, name, self._guard(name, getattr(os, name)))
        self._patch.setattr(os, "open", self._guard_open(os.open))
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()

    @property
    def failed(self) -> str | None:
        """The call that failed."""
        return self.calls[self.fail_at] if self.fail_at < len(self.calls) else None

    def before_fault(self) -> list[str]:
        """The calls that went through before one failed."""
        return self.calls[: self.fail_at]

    def _count(self, name: str, *args: Any) -> None:
        self.calls.append(name)
        number = len(self.calls) - 1
        if number == self.fail_at or (number > self.fail_at and not self.once):
            raise OSError(self.number, os.strerror(self.number))
        if name == "fsync":
            self.synced.append(os.readlink(f"/proc/self/fd/{args[0]}"))

    def _guard(self, name: str, call: Any) -> Any:
        def guarded(*args: Any, **kwargs: Any) -> Any:
            self._count(name, *args)
            return call(*args, **kwargs)

        return guarded

    def _guard_open(self, call: Any) -> Any:
        def guarded(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
            if flags & os.O_CREAT:
                self._count("open")
            return call(path, flags, *args, **kwargs)

        return guarded
