"""PyTorch without this project's layers: `torch.nn.RNN`, `LSTM` and `GRU`.

Padded, not packed: padding stands after the words, so that no layer that reads
forward needs to know of it, and the mean leaves it out. On one core of Zen 3 an update
of an LSTM (32 texts of 170 to 200 words, 64 units) took 134 ms so and 999 ms packed,
whose gradient goes through copies of the whole batch.

Axes: N texts, T words, H units, 1 an axis of size one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.runners.facts import RunnerFacts
from compare.runners.torch_layers import to_torch
from compare.study.networks import CLASSES, Network, without_side
from compare.study.system_torch import TorchThreads
from tfsent.data.word_batches import Batch

RUNNERS = (
    RunnerFacts(
        name="torch-layers",
        what="torch.nn.RNN, LSTM or GRU, on padded batches",
        models=("rnn", "lstm", "gru"),
        tasks=(),
        precisions=("float32",),
        packages=("torch", "numpy"),
        modules=("torch",),
    ),
)


def open_side(name: str) -> TorchLayers:
    """Open PyTorch."""
    return TorchLayers()


class TorchLayers(TorchThreads):
    """PyTorch without this project's layers."""

    def learner(
        self, network: Network, num_words: int, weights: Mapping[str, np.ndarray]
    ) -> _Learner:
        """Return a network with start weights."""
        return _Learner(network, num_words, weights)


class _Learner:
    """The update that a user of PyTorch would write, with Keras's form of Adam."""

    def __init__(
        self, network: Network, num_words: int, weights: Mapping[str, np.ndarray]
    ):
        import torch
        from torch import nn

        from compare.twin.learner import NUMBERS
        from compare.twin.memory import keep_freed_memory
        from compare.twin.update_rules import UpdateRule

        # As this project's own layers do: a policy of the process, not of a layer.
        keep_freed_memory()
        self._torch = torch
        width = network.width
        kind = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}[network.cell]
        self._model = nn.ModuleDict(
            {
                "embedding": nn.Embedding(num_words, width),
                "rnn": kind(width, width, network.depth, batch_first=True),
                "output": nn.Linear(width, CLASSES),
            }
        )
        arrays = to_torch(without_side(weights), network.classifier().cell)
        self._model.load_state_dict(
            {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        )
        if network.cell != "gru":
            # PyTorch adds up two biases, others have one: the second stays zero.
            for name, parameter in self._model.named_parameters():
                parameter.requires_grad_("bias_hh" not in name)
        self._trained = [p for p in self._model.parameters() if p.requires_grad]
        self._rule = UpdateRule("adam", self._trained, NUMBERS["adam"])

    def update(self, batch: Batch, rate: float, number: int) -> float:
        """Update the weights once and return the batch's loss."""
        torch = self._torch
        each_N = torch.nn.functional.cross_entropy(
            self._logits(batch), torch.from_numpy(batch.labels), reduction="none"
        )
        weight_N = torch.from_numpy(batch.weight_N)
        loss = (each_N * weight_N).sum() / weight_N.sum()
        self._rule.apply(torch.autograd.grad(loss, self._trained), rate)
        return float(loss.detach())

    def outputs(self, batch: Batch) -> np.ndarray:
        """Return the logits, float32[N, K]."""
        with self._torch.inference_mode():
            logits_NK: np.ndarray = self._logits(batch).numpy()
        return logits_NK

    def _logits(self, batch: Batch) -> Any:
        torch, model = self._torch, self._model
        mask_NT1 = torch.from_numpy(batch.mask_NT)[:, :, None]
        h_NTH, _ = model["rnn"](model["embedding"](torch.from_numpy(batch.words_NT)))
        steps_N1 = mask_NT1.sum(1).clamp(min=1)
        return model["output"]((h_NTH * mask_NT1).sum(1) / steps_N1)
