"""Train a byte-level language model on text; the same command again resumes it.

    python scripts/train.py --preset tiny --data.source builtin --out runs/first

Prints one JSON object at the end: run folder, steps, bytes seen, bits per
character (BPC) of training, validation and test text, bytes per second, seconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from tfsent.cli import parse_config, quiet, run, tell


def main(argv: Sequence[str] | None = None) -> None:
    """Train the model that the command line asks for and print what came of it."""
    config = parse_config(argv, description=__doc__)
    quiet()
    # Here, not above: --help and wrong flags need not wait for TensorFlow.
    from tfsent.keras_session import KerasFramework
    from tfsent.session import train_run

    print(json.dumps(train_run(config, KerasFramework(), tell)))


if __name__ == "__main__":
    run(main)
