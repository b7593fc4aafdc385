"""What PyTorch gives to a supervised run."""

from __future__ import annotations

from compare.twin.learner import TorchLearner
from compare.twin.precision import set_precision
from compare.twin.sequence_classifier import SequenceClassifier
from tfsent.config_supervised import FinetuneConfig
from tfsent.supervised.reader import WordReader
from tfsent.supervised.task import Task


def make_learner(
    reader: WordReader, task: Task, config: FinetuneConfig
) -> TorchLearner:
    """Return the network that settings ask for, with start weights."""
    set_precision(config.precision)
    model = SequenceClassifier(
        reader.num_symbols, task.num_outputs, config.classifier, config.seed
    )
    return TorchLearner(model, task, config.learner, config.seed)
