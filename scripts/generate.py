r"""Let a model write; with --overwrite, hold its sentiment neuron while it does.

    python scripts/generate.py --model runs/first --classifier runs/first-sst \
        --prompt "The film" --overwrite 1 --heatmap

The same seed gives the same text on both frameworks, alone or among other samples,
as far as rounding lets it.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence

from tfsent.cli import parse_config, quiet, run
from tfsent.config_commands import GenerateConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Print what the model writes, and how its neuron reads it."""
    config = parse_config(argv, GenerateConfig, description=__doc__)
    quiet()
    # Here, not above: --help and wrong flags need not wait for a framework.
    from compare.resolve import resolve
    from tfsent.generate import held, plain_neuron, printable
    from tfsent.heat_map import heatmap, neuron_of
    from tfsent.transfer.classifier import has_classifier, load_classifier
    from tfsent.transfer.feature import default_feature

    classifier = None
    if config.uses_neuron and config.neuron is None:
        folder = config.classifier or config.model
        if config.classifier is None and not has_classifier(folder):
            raise ValueError(
                f"{config.model} brings no classifier; --neuron or --classifier will "
                "say what to overwrite or paint."
            )
        classifier = load_classifier(folder)
    model = resolve(config.model, precision=config.precision)
    state = config.state or default_feature(model.model.config)
    pin = {}
    if config.overwrite is not None:
        neuron = plain_neuron(config.neuron, config.layer, state)
        if classifier is not None:
            neuron = neuron_of(classifier, model, config.any_model)
        pin = held(neuron, -config.overwrite if config.negate else config.overwrite)
    texts = model.generate(
        config.prompt,
        config.length,
        config.temperature,
        config.top_k,
        config.seed,
        samples=config.samples,
        **pin,
    )
    where = {"layer": config.layer, "state": state, "any_model": config.any_model}
    sys.stdout.reconfigure(errors="replace")  # A character that LANG has no bytes for.
    found = []
    for seed, text in enumerate(texts, config.seed):
        found.append({"seed": seed, "text": text})
        shown = printable(text) + "\n"
        if config.heatmap:
            painted = heatmap(
                model, text, config.neuron, classifier=classifier, **where
            )
            found[-1]["heatmap"] = painted.as_dict()
            shown = painted.terminal(shutil.get_terminal_size().columns)
        if config.samples > 1:
            shown = f"[seed {seed}]\n{shown}"
        if not config.json:
            print(shown, end="")
    if config.json:
        facts = ("model", "prompt", "length", "temperature", "top_k")
        facts = {name: getattr(config, name) for name in facts}
        print(json.dumps(facts | pin | {"samples": found}))


if __name__ == "__main__":
    run(main)
