"""Which process wrote this, and is it still there?

A process number alone does not tell: numbers are used again, and containers
start at 1. So a mark holds the start of the host and of the process as well.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def host_start() -> str:
    """Return 8 hex digits that are new whenever this host starts."""
    # Elsewhere than on Linux there is no such file: then a host never seems to
    # start anew, and the process number and start decide.
    seed = _BOOT_ID.read_bytes() if _BOOT_ID.exists() else os.uname().nodename.encode()
    return f"{zlib.crc32(seed):08x}"


def process_start(pid: int) -> int | None:
    """Return when process `pid` started, in clock ticks since the host did.

    None says that there is no such process, or only its unburied remains (a
    killed process whose parent has not yet asked for its exit status).
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return _without_proc(pid)
    # The name in parentheses may itself hold spaces and parentheses.
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in "ZX" else int(rest[18])


def _without_proc(pid: int) -> int | None:
    if Path("/proc/self/stat").exists():
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return 0
