"""Measure one thing over many trainings: figures, a table, a picture, what they say.

    python scripts/study.py --preset crossover --data.train imdb --model runs/first \
        --out reports/crossover

The same command again goes on where it was stopped. Presets: optimizers, tricks,
crossover, depth, words.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config_studies import StudyConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Make the trainings that the command line asks for, and write the report."""
    from tfsent.studies.presets import PRESETS

    config = parse_config(argv, StudyConfig, PRESETS, description=__doc__)
    words = list(sys.argv[1:] if argv is None else argv)
    quiet()
    say = (lambda line: None) if config.json else tell
    # Here, not above: --help and wrong flags need not wait for a framework.
    from benchmarks.provenance import provenance
    from compare.finetuning import run_one
    from compare.transfer_line import transfer_line
    from tfsent.checkpoint import move_aside
    from tfsent.studies.report import short_table, write_report
    from tfsent.studies.study import study

    folder = Path(config.out or f"reports/{config.study}").expanduser()
    if config.fresh:
        move_aside(folder)
    results = study(
        config, partial(run_one, tell=say), partial(transfer_line, config, say), say
    )
    command = shlex.join(["python", "scripts/study.py", *words])
    results["provenance"] = provenance(command)
    write_report(folder, results)
    if config.json:
        print(json.dumps(results))
        return
    print(short_table(results))
    print(f"{folder / 'report.md'} and {config.study}.png have the rest.")


if __name__ == "__main__":
    run(main)
