"""How much memory this process has needed, and how much it can have."""

from __future__ import annotations

import contextlib
import re
import resource
import sys
from pathlib import Path

import psutil

_LIMIT, _USED = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory.current"),
)
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Let the largest resident memory start anew, where the system allows it.

    Elsewhere it stays that of the process so far: never too small.
    """
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5")


def peak_resident_bytes() -> int:
    """Return the largest resident memory of this process, in bytes.

    So far, or since `forget_peak`.

    On Linux this is its own high-water mark. The `ru_maxrss` used elsewhere starts
    with what its parent held: 890 MB for an empty child of a process of 900 MB.
    """
    if _STATUS.exists():
        found = re.search(r"^VmHWM:\s+(\d+) kB$", _STATUS.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    # Counts KiB, on macOS bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident_bytes() -> int:
    """Return the resident memory of this process, in bytes."""
    return int(psutil.Process().memory_info().rss)


def free_bytes() -> int:
    """Return how much memory this process can have in all, with what it has now.

    The least of what the machine has left and what its control group allows.
    """
    free = int(psutil.virtual_memory().available)
    # There may be no control group, or one without a limit: "max".
    with contextlib.suppress(OSError, ValueError):
        free = min(free, int(_LIMIT.read_text()) - int(_USED.read_text()))
    return max(0, free) + resident_bytes()
