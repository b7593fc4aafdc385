"""Train a byte-level language model on text; the same command again resumes it.

    python scripts/train.py --preset tiny --data.source builtin --out runs/first
    python scripts/train.py ... --distribution.strategy multiworker
    python scripts/train.py ... --launcher ray --workers 4

On many machines every one runs the second command, under TF_CONFIG or srun.

Prints one JSON object at the end: run folder, steps, bytes seen, bits per
character (BPC) of training, validation and test text, bytes per second, seconds.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from tfsent.cli import parse_config, quiet, run, tell


def main(argv: Sequence[str] | None = None) -> None:
    """Train the model that the command line asks for and print what came of it."""
    config = parse_config(argv, description=__doc__)
    quiet()
    # Here, not above: --help and wrong flags need not wait for TensorFlow.
    from tfsent.keras_session import plan_run, train_keras

    if config.plan:
        from tfsent.memory_plan import shown

        print(shown(plan_run(config), config.json))
        return
    from compare.resolve import resolve

    train = partial(train_keras, tell=tell, load_model=resolve)
    if config.launcher == "ray":
        from tfsent.ray_cluster import require_ray
        from tfsent.ray_launcher import launch

        require_ray("launcher")
        from ray.train.tensorflow import TensorflowTrainer

        result = launch(config, train, TensorflowTrainer, "", tell)
    else:
        result = train(config)
    if result is not None:
        print(json.dumps(result))


if __name__ == "__main__":
    run(main)
