"""Tell what a classifier says of texts: a label and its probability for each.

    python scripts/classify.py --model runs/first --classifier runs/first-sst \
        --data.source reviews.csv --out labels.csv

A run of finetune.py is a classifier itself: --model names it, and no --classifier.
Rows are in the order of the texts, and every text has one, empty ones too. Without
--out they come as csv on standard output while the texts are read.

    python scripts/classify.py --model runs/first --engine local \
        --data.source "reviews/*.jsonl.gz" --out labels.parquet

With an engine several processes, or a Ray cluster, write a folder of parquet files;
after a kill the same command goes on. --model may then be a SavedModel of export.py.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from functools import partial

from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config_commands import ClassifyConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Classify the texts that the command line names."""
    config = parse_config(argv, ClassifyConfig, description=__doc__)
    quiet()
    # Here, not above: --help and wrong flags need not wait for a framework.
    from compare.resolve import open_judge
    from tfsent.data import open_source

    source = open_source(config.data.source, config.data)
    if config.engine != "none":
        from tfsent.bulk.command import in_words, write_all
        from tfsent.bulk.readers import make_verdicts

        make = partial(
            make_verdicts,
            open_judge,
            config.model,
            config.classifier,
            config.precision,
            config.any_model,
        )
        written = write_all(config, make, source)
        print(json.dumps(written) if config.json else in_words(written))
        return
    from tfsent.transfer.classified import write_verdicts

    judge, verdicts_on, _ = open_judge(
        config.model, config.classifier, config.precision, config.any_model
    )
    verdicts = verdicts_on(sample.text for sample in source.samples())
    started = time.perf_counter()
    counts = write_verdicts(verdicts, judge, config.out, sys.stdout)
    result = {
        "out": config.out,
        "texts": counts.pop("texts"),
        "labels": counts,
        "seconds": round(time.perf_counter() - started, 3),
    }
    if config.json:
        print(json.dumps(result))
    elif config.out is not None:
        tell(f"{result['texts']:,} texts in {result['seconds']:.1f} s: {config.out}")


if __name__ == "__main__":
    run(main)
