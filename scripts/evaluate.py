"""Print the bits per character (BPC) of a model on text.

    python scripts/evaluate.py --model runs/first --data.source imdb:test

The state is zero at the start of each sample, its first byte is given, and every
other byte is scored: batch and order do not matter.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from tfsent.cli import parse_config, quiet, run
from tfsent.config_files import EvaluateConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Score the text that the command line names and print a line a split."""
    config = parse_config(argv, EvaluateConfig, description=__doc__)
    quiet()
    # Here, not above: --help and wrong flags need not wait for a framework.
    from compare.resolve import resolve
    from tfsent.data import open_whole

    model = resolve(config.model, precision=config.precision)
    source = dataclasses.replace(config.data, text_rule=model.text_rule)
    result = {"model": config.model, "source": config.data.source, "splits": {}}
    for split, shards in open_whole(source, config.splits).items():
        score = model.score(shards, config.max_bytes)
        if not score.scored_bytes:
            raise ValueError(f"data.source: {split} has no byte to predict.")
        result["splits"][split] = score._asdict()
        if not config.json:
            print(
                f"{split:5}  {score.bpc:.4f} bits per character  "
                f"{score.scored_bytes:>12,} bytes  {score.seconds:.1f} s"
            )
    if config.json:
        print(json.dumps(result))


if __name__ == "__main__":
    run(main)
