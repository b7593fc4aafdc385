"""How fast does the twin featurize, beside a loop over bytes and padded batches?

    python -m compare.featurize_speed --json > featurize_twin.json

As `benchmarks.featurize`, in PyTorch.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from benchmarks.featurize import measure
from benchmarks.timing import seconds_per_call
from compare.formats.twin import to_twin
from compare.loading import LanguageModel
from compare.models import fill_twin
from compare.twin.language_model import ByteLanguageModel
from tfsent.cli import run
from tfsent.config import ModelConfig
from tfsent.trained import TrainedModel

_SIDE = 2048


def main(argv: Sequence[str] | None = None) -> None:
    """Measure the twin."""
    measure(argv, "compare.featurize_speed", __doc__, make, product)


def make(config: ModelConfig, weights: dict[str, np.ndarray]) -> TrainedModel:
    """Return the twin's model of a shape and weights."""
    model = ByteLanguageModel(config)
    fill_twin(model, to_twin(weights, config))
    return LanguageModel(model)


def product() -> float:
    """Return the FLOP/s of a float32 product of 2048-cubed matrices."""
    a = torch.rand(_SIDE, _SIDE)
    return 2 * _SIDE**3 / seconds_per_call(lambda: a @ a, 2)


if __name__ == "__main__":
    run(main)
