"""Write the network of a run as it was before training, to stand beside it.

    python -m benchmarks.untrained --model runs/first --out runs/first-untrained

Start weights of the same shape, recipe and seed, as a model that every command takes:
how much of an accuracy is the network's form alone?
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tfsent.checkpoint import save_weights
from tfsent.checkpoint.shapes import model_settings
from tfsent.checkpoint.weights import CONFIG, text_rule_of
from tfsent.cli import parse_config, quiet, run, tell


@dataclass(frozen=True, kw_only=True)
class UntrainedConfig:
    """Which run, and where to."""

    model: str
    """Run or checkpoint folder, of Keras or the twin."""
    out: str
    """New folder for the start weights, in the layout of Keras."""
    seed: int = 0
    """Seed of the start weights."""


def main(argv: Sequence[str] | None = None) -> None:
    """Write the start weights."""
    config = parse_config(argv, UntrainedConfig, description=__doc__)
    quiet()
    from tfsent.model import ByteLanguageModel

    path, out = Path(config.model), Path(config.out)
    if out.exists():
        raise ValueError(f"out is {config.out}, which exists; a new name will do.")
    settings = json.loads((path / CONFIG).read_text())
    shape = model_settings(settings, path)
    model = ByteLanguageModel(
        shape, seed=config.seed, text_rule=text_rule_of(settings, path)
    )
    model.build(None)
    weights = {name: v.numpy() for name, v in model.named_weights().items()}
    save_weights(out, weights, settings)
    tell(f"{out}: {shape.hidden_size} units, untrained")


if __name__ == "__main__":
    run(main)
