"""How close to its floor does a training step come on this machine's GPU?

    python benchmarks/gpu.py
    python -m benchmarks.gpu --help

Runs `compare.gpu`, which knows both frameworks; benchmarks know Keras alone. Where
there is no GPU it says so, leaves with 0 and has measured nothing.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[1]


def main() -> int:
    """Run it with the flags of this process; return its exit code."""
    command = [sys.executable, "-m", "compare.gpu", *sys.argv[1:]]
    return subprocess.run(command, cwd=_ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
