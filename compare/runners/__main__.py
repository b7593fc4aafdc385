"""The process of a runner: `python -m compare.runners MODULE NAME`, asked in lines.

Imports that module alone, which needs nothing but NumPy until it opens its framework:
an old environment need not have what other runners import.
"""

from __future__ import annotations

import sys

from compare.runners.facts import runners_of
from compare.runners.serving import serve


def main() -> None:
    """Answer the lines on standard input until it ends."""
    module, name = sys.argv[1:]
    serve(runners_of(module)[name])


if __name__ == "__main__":
    main()
