"""The runner of the exported model: a SavedModel, loaded by TensorFlow alone.

It reads strings, cleans and featurizes them in its graph, as a server would.
"""

from __future__ import annotations

import tempfile
from typing import Any

from compare.runners.facts import RunnerFacts
from compare.runners.inputs import read_texts
from compare.runners.keras_tensorflow import language_model
from compare.runners.serving import Work
from compare.runners.tensorflow_side import TensorFlowSide
from compare.runners.trained_work import FEATURE, featurizing
from tfsent.quiet import quiet

RUNNERS = (
    RunnerFacts(
        name="savedmodel",
        what="this project's SavedModel: strings to features in one graph",
        models=("mlstm+norm", "mlstm", "lstm+norm", "lstm", "gru+norm", "gru"),
        tasks=("featurize",),
        precisions=("float32",),
        packages=("tensorflow", "numpy"),
        modules=("tensorflow", "keras"),
    ),
)


def open_side(name: str) -> ExportedModel:
    """Open TensorFlow."""
    quiet()
    return ExportedModel()


class ExportedModel(TensorFlowSide):
    """A model that is saved, and loaded again before it is timed.

    Not by `export_saved_model`, which proves what it wrote: here its answers are held
    against those of the other runners anyway.
    """

    def work(
        self, task: str, config: dict[str, Any], weights: str, inputs: str
    ) -> Work:
        """Return a piece of work, done once."""
        import tensorflow as tf

        from tfsent.export.signatures import Served
        from tfsent.transfer.feature import parse_feature

        model = language_model(config, weights).model
        served = Served(model, parse_feature(FEATURE, model.config))
        with tempfile.TemporaryDirectory() as folder:
            signatures = {"features": served.signatures()["features"]}
            tf.saved_model.save(served, folder, signatures=signatures)
            signature = tf.saved_model.load(folder).signatures["features"]
        texts = tf.constant(read_texts(inputs))
        return featurizing(lambda: signature(text=texts)["features"].numpy())
