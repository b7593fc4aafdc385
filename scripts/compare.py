"""Compare TensorFlow and PyTorch on this machine: speed, parity, quality, one report.

    python scripts/compare.py --preset cpu-quick --out reports/mine
    python scripts/compare.py --diff reports/mine reports/other

Nothing is timed that was not proved to be the same work. A comparison that is stopped
goes on where it was: give the same command again.
"""

from __future__ import annotations

import importlib
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

if __name__ == "compare":
    # Python looks beside a script first, so that every script here finds this file
    # where it means the package of the same name. Make way for it.
    sys.path[:] = [
        p for p in sys.path if Path(p or ".").resolve() != Path(__file__).parent
    ]
    del sys.modules[__name__]
    importlib.import_module(__name__)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare, write the report, say where it is."""
    from compare.presets import PRESETS
    from compare.settings import CompareConfig
    from tfsent.cli import parse_config, quiet, tell

    config = parse_config(argv, CompareConfig, PRESETS, description=__doc__)
    words = list(sys.argv[1:] if argv is None else argv)
    quiet()
    # Here, not above: --help and wrong flags need not wait for matplotlib.
    from compare.comparison import chosen_runners, claim_folder, compare
    from compare.report import difference, read_results, short_table, write_report
    from tfsent.checkpoint import move_aside

    if config.diff is not None:
        print(difference(*(read_results(_file(path)) for path in config.diff)))
        return
    if config.out is None:
        tell("error: --out is missing; name a folder for the report.")
        raise SystemExit(2)
    folder = Path(config.out).expanduser()
    chosen_runners(config)
    if config.fresh:
        move_aside(folder)
    claim_folder(config, folder)
    command = shlex.join(["python", "scripts/compare.py", *words])
    results = compare(config, folder, command, tell)
    write_report(folder, results)
    if config.json:
        print(json.dumps(results))
        return
    print(short_table(results))
    print(f"{folder / 'report.html'} and report.md have the rest.")


def _file(path: str) -> Path:
    """Return the results of a report, which is a folder or its results.json."""
    from compare.report.files import RESULTS

    found = Path(path).expanduser()
    return found / RESULTS if found.is_dir() else found


if __name__ == "__main__":
    from tfsent.cli import run

    run(main)
