r"""Paint the value of one neuron, or attention, under a text.

    python scripts/heatmap.py --model runs/first --classifier runs/first/transfer \
        --text "Loved every minute." --out loved.html

The text is shown as the model reads it: cleaned by the rule of its training. Of a run
of finetune.py with attention the weight of every word is painted.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence

from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config_commands import HeatmapConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Print or write the heat map of the text that the command line gives."""
    config = parse_config(argv, HeatmapConfig, description=__doc__)
    quiet()
    # Here, not above: --help and wrong flags need not wait for a framework.
    from compare.painting import paint

    text = config.text
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
    found = paint(config, text)
    if config.out is not None:
        found.save(config.out)
        tell(f"{config.out}: {found.size}")
    if config.json:
        print(json.dumps({"model": config.model, "out": config.out} | found.as_dict()))
    elif config.out is None:
        print(found.terminal(shutil.get_terminal_size().columns), end="")


if __name__ == "__main__":
    run(main)
