"""Where and with what a figure was measured. Needs no framework."""

from __future__ import annotations

import datetime
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

_PACKAGES = ("tensorflow", "keras", "torch", "numpy")


def provenance(command: str) -> dict[str, Any]:
    """Return date, command, versions and machine as JSON values.

    Args:
        command: The command line, as typed.
    """
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _PACKAGES},
        },
        "cpu": cpu_model(),
        "threads": available_cores(),
        "load_average": list(os.getloadavg()),
        "system": platform.platform(),
    }


def cpu_model() -> str:
    """Return the name of the processor as the system tells it."""
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def available_cores() -> int:
    """Return the cores this process may use; TensorFlow starts a thread for each."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
