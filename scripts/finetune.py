"""Train a classifier of texts on their labels; the same command again resumes it.

    python scripts/finetune.py --preset theano-lstm --data.train imdb --out runs/lstm

Presets are the published systems that a sentiment feature is compared with. The best
weights on validation texts are kept; accuracy is that of the test texts. The last
line printed is one JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config_supervised import FinetuneConfig
from tfsent.supervised.presets import PRESETS


def main(argv: Sequence[str] | None = None) -> None:
    """Train the classifier that the command line asks for and print its result."""
    config = parse_config(argv, FinetuneConfig, PRESETS, description=__doc__)
    quiet()
    say = (lambda line: None) if config.json else tell
    # Here, not above: --help and wrong flags need not wait for a framework.
    if config.system in ("linear", "embeddings"):
        from tfsent.supervised.shallow import fit_shallow

        print(json.dumps(fit_shallow(config, say)))
        return
    from compare.resolve import learner_kit
    from tfsent.supervised.session import finetune

    make_learner, load = learner_kit(config.system, config.framework)
    print(json.dumps(finetune(config, make_learner, say, load)))


if __name__ == "__main__":
    run(main)
