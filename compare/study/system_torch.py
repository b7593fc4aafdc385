"""This project's classifier on PyTorch, as `finetune.py` trains its twin."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.runners.facts import RunnerFacts
from compare.study.networks import CELLS, Network

RUNNERS = (
    RunnerFacts(
        name="torch",
        what="this project's layers on PyTorch: eager, gradient by hand",
        models=CELLS,
        tasks=(),
        precisions=("float32",),
        packages=("torch", "numpy"),
        modules=("torch",),
    ),
)


def open_side(name: str) -> OurTorch:
    """Open PyTorch."""
    return OurTorch()


class TorchThreads:
    """PyTorch with as many threads as OMP_NUM_THREADS says."""

    def __init__(self) -> None:
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        self.threads = torch.get_num_threads()


class OurTorch(TorchThreads):
    """This project on PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        from compare.twin import learner  # noqa: F401

    def learner(
        self, network: Network, num_words: int, weights: Mapping[str, np.ndarray]
    ) -> Any:
        """Return a network with start weights."""
        from compare.study.task import LEARNER, TASK
        from compare.twin.learner import TorchLearner
        from compare.twin.sequence_classifier import SequenceClassifier

        model = SequenceClassifier(
            num_words, TASK.num_outputs, network.classifier(), network.seed
        )
        learner = TorchLearner(model, TASK, LEARNER, network.seed)
        learner.begin(learner.names)
        learner.set_weights(weights)
        return learner
