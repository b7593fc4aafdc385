"""This project's classifier on Keras and TensorFlow, as `finetune.py` trains it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.runners.facts import RunnerFacts
from compare.study.networks import CELLS, Network
from tfsent.quiet import quiet

RUNNERS = (
    RunnerFacts(
        name="keras",
        what="this project's layers on Keras and TensorFlow: loops compiled by XLA",
        models=CELLS,
        tasks=(),
        precisions=("float32",),
        packages=("tensorflow", "keras", "numpy"),
        modules=("tensorflow", "keras"),
    ),
)


def open_side(name: str) -> OurKeras:
    """Open TensorFlow."""
    return OurKeras()


class TensorFlowThreads:
    """TensorFlow with as many threads as OMP_NUM_THREADS says."""

    def __init__(self) -> None:
        quiet()
        import tensorflow as tf

        count = int(os.environ["OMP_NUM_THREADS"])
        tf.config.set_visible_devices([], "GPU")
        tf.config.threading.set_intra_op_parallelism_threads(count)
        tf.config.threading.set_inter_op_parallelism_threads(count)
        self.threads = tf.config.threading.get_intra_op_parallelism_threads()
        # A part of the import, which loads on first use.
        import keras  # noqa: F401


class OurKeras(TensorFlowThreads):
    """This project on Keras."""

    def __init__(self) -> None:
        super().__init__()
        from tfsent.supervised import keras_learner  # noqa: F401

    def learner(
        self, network: Network, num_words: int, weights: Mapping[str, np.ndarray]
    ) -> Any:
        """Return a network with start weights."""
        from compare.study.task import LEARNER, TASK
        from tfsent.model.sequence_classifier import SequenceClassifier
        from tfsent.supervised.keras_learner import KerasLearner

        model = SequenceClassifier(
            num_words, TASK.num_outputs, network.classifier(), network.seed
        )
        model.build(None)
        learner = KerasLearner(model, TASK, LEARNER, network.seed)
        learner.lengths = ()  # Batches have few already.
        learner.begin(learner.names)
        learner.set_weights(weights)
        return learner
