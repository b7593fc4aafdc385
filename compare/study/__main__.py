"""The process of a system: `python -m compare.study MODULE NAME`, asked in lines."""

from __future__ import annotations

import sys

from compare.runners.facts import runners_of
from compare.runners.serving import serve
from compare.study.serving import open_server


def main() -> None:
    """Answer the lines on standard input until it ends."""
    module, name = sys.argv[1:]
    serve(runners_of(module)[name], open_server)


if __name__ == "__main__":
    main()
