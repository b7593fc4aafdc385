"""What the PyTorch twin answers about a classifier over words; as `keras_words`.

Axes: N texts, T words, K outputs.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from compare.formats import sequence_classifier as layout
from compare.twin.learner import TorchLearner
from compare.twin.sequence_classifier import SequenceClassifier
from compare.word_questions import LEARNER, WordAnswers, WordQuestions
from tfsent.data.word_batches import Batch
from tfsent.supervised.task import Task


def twin_answers(
    arrays: Mapping[str, np.ndarray], num_words: int, asked: WordQuestions
) -> WordAnswers:
    """Return what the twin computes.

    Args:
        arrays: Its state dict.
        num_words: V.
        asked: The questions.
    """
    model = SequenceClassifier(num_words, asked.outputs, asked.config)
    task = Task(asked.kind, tuple(map(str, range(asked.outputs))))
    learner = TorchLearner(model, task, LEARNER, 0)
    tensors = {n: torch.from_numpy(np.array(a, np.float32)) for n, a in arrays.items()}
    model.load_state_dict(tensors)
    traces = {name: _trace(learner, batch) for name, batch in asked.texts.items()}
    gradients = _gradients(learner, asked.batches[0])
    losses: list[float] = []
    moves: dict[str, np.ndarray] = {}
    before = learner.weights()
    learner.begin(learner.names)
    for number, batch in enumerate(asked.batches):
        losses.append(learner.update(batch, LEARNER.learning_rate, number))
        if not moves:
            after = learner.weights()
            moves = {n: after[n] - w for n, w in before.items()}
    return WordAnswers(traces, gradients, losses, moves)


def _trace(learner: TorchLearner, batch: Batch) -> dict[str, np.ndarray]:
    found = {"logits": learner.outputs(batch)}
    if learner.model.config.pooling == "attention":
        found["attention weights"] = learner.attention(batch)
    return found


def _gradients(learner: TorchLearner, batch: Batch) -> dict[str, np.ndarray]:
    model = learner.model
    said_NK = model(torch.from_numpy(batch.words_NT), torch.from_numpy(batch.mask_NT))
    named = dict(model.named_parameters())
    found = torch.autograd.grad(learner.loss(said_NK, batch), list(named.values()))
    arrays = {name: g.numpy() for name, g in zip(named, found, strict=True)}
    names = layout.weight_names(model.config)
    return layout.to_ours(arrays, names, model.config)
