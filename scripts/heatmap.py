r"""Paint the value of one neuron under every character of a text.

    python scripts/heatmap.py --model runs/first --classifier runs/first/transfer \
        --text "Loved every minute." --out loved.html

The text is shown as the model reads it: cleaned by the rule of its training.
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
    from compare.resolve import resolve
    from tfsent.heat_map import heatmap
    from tfsent.transfer.classifier import has_classifier, load_classifier

    classifier, folder = None, config.classifier
    if config.neuron is None:
        folder = config.model if folder is None else folder
        if config.classifier is None and not has_classifier(folder):
            raise ValueError(
                f"{config.model} brings no classifier; --neuron or --classifier will "
                "say what to paint."
            )
        classifier = load_classifier(folder)
    model = resolve(config.model, precision=config.precision)
    text = config.text
    if text == "-":
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
    found = heatmap(
        model,
        text,
        config.neuron,
        classifier=classifier,
        layer=config.layer,
        state=config.state,
        center=config.center,
        limit=config.limit,
        colors=config.colors,
        any_model=config.any_model,
    )
    if config.out is not None:
        found.save(config.out)
        tell(f"{config.out}: {len(found)} characters")
    if config.json:
        print(json.dumps({"model": config.model, "out": config.out} | found.as_dict()))
    elif config.out is None:
        print(found.terminal(shutil.get_terminal_size().columns), end="")


if __name__ == "__main__":
    run(main)
