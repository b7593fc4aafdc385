"""A classifier on PyTorch with its optimizer: one update.

Axes: N texts, T words, K outputs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from compare.formats import sequence_classifier as layout
from compare.twin.memory import keep_freed_memory
from compare.twin.optimizer import clip_by_global_norm
from compare.twin.update_rules import Numbers, UpdateRule
from tfsent.config_supervised import LearnerConfig
from tfsent.data.word_batches import Batch
from tfsent.supervised.fit import UNBOUNDED
from tfsent.supervised.task import Task

NUMBERS = {
    "adam": Numbers(epsilon=1e-7),
    "adadelta": Numbers(epsilon=1e-6, rho=0.95),
    "rmsprop": Numbers(epsilon=1e-6, rho=0.9),
    "sgd": Numbers(),
    "momentum": Numbers(momentum=0.9),
}
"""As in `tfsent.supervised.keras_learner`."""


class TorchLearner:
    """See `tfsent.supervised.fit.Learner`.

    Args:
        model: A `SequenceClassifier`.
        task: Decides the loss.
        config: Optimizer, clipping, norms.
        seed: Of dropout.
    """

    def __init__(self, model: Any, task: Task, config: LearnerConfig, seed: int):
        keep_freed_memory()
        self.model = model
        self._task, self._config, self._seed = task, config, seed
        self.names = layout.weight_names(model.config)
        places = layout.to_twin_names(self.names, model.config)
        named = dict(model.named_parameters())
        self._named: dict[str, nn.Parameter] = {
            ours: named[theirs] for ours, theirs in places.items()
        }

    def begin(self, trained: Collection[str]) -> None:
        """Make a new optimizer."""
        self._trained = [name for name in self.names if name in set(trained)]
        for name, parameter in self._named.items():
            parameter.requires_grad_(name in set(trained))
        weights = [self._named[name] for name in self._trained]
        kind = self._config.optimizer
        self._rule = UpdateRule(kind, weights, NUMBERS[kind])

    def update(self, batch: Batch, rate: float, number: int) -> float:
        """Update the weights once and return the batch's loss."""
        self.model.train()
        torch.manual_seed(self._dropout_seed(number))
        said_NK = self.model(
            torch.from_numpy(batch.words_NT), torch.from_numpy(batch.mask_NT)
        )
        loss = self._loss(said_NK, batch)
        if self._config.weight_decay:
            output = self._named["output/weight"]
            loss = loss + 0.5 * self._config.weight_decay * output.square().sum()
        parameters = [self._named[name] for name in self._trained]
        gradients = list(torch.autograd.grad(loss, parameters))
        if self._config.clip_norm:
            clip_by_global_norm(gradients, torch.tensor(self._config.clip_norm))
        self._rule.apply(gradients, rate)
        if self._config.max_norm:
            self._bound_norms()
        return float(loss.detach())

    @torch.no_grad()
    def outputs(self, batch: Batch) -> np.ndarray:
        """Return what the model says without dropout."""
        self.model.eval()
        said_NK: np.ndarray = self.model(
            torch.from_numpy(batch.words_NT), torch.from_numpy(batch.mask_NT)
        ).numpy()
        return said_NK

    def weights(self) -> dict[str, np.ndarray]:
        """Return copies of all weights, as Keras has them."""
        arrays = {n: t.detach().numpy() for n, t in self.model.state_dict().items()}
        found = layout.to_ours(arrays, list(self.names), self.model.config)
        return {name: array.copy() for name, array in found.items()}

    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Put weights in the place of those there."""
        arrays = layout.to_twin(weights, self.model.config)
        self.model.load_state_dict(
            {name: torch.from_numpy(array.copy()) for name, array in arrays.items()}
        )

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of the optimizer's tensors."""
        found = {"updates": np.asarray(self._rule.updates, np.int64)}
        for k, slot in enumerate(self._rule.slots):
            for name, tensor in zip(self._trained, slot, strict=True):
                found[f"{k}/{name}"] = tensor.numpy().copy()
        return found

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Put the optimizer's tensors in the place of those there."""
        self._rule.updates = int(state["updates"])
        for k, slot in enumerate(self._rule.slots):
            for name, tensor in zip(self._trained, slot, strict=True):
                tensor.copy_(torch.from_numpy(state[f"{k}/{name}"]))

    def _loss(self, said_NK: Tensor, batch: Batch) -> Tensor:
        """Return the weighted mean over the texts."""
        labels = torch.from_numpy(batch.labels)
        if self._task.kind == "multilabel":
            each_N = functional.binary_cross_entropy_with_logits(
                said_NK, labels.float(), reduction="none"
            ).mean(1)
        elif self._task.kind == "regression":
            each_N = (said_NK[:, 0] - labels).square()
        else:
            each_N = functional.cross_entropy(said_NK, labels.long(), reduction="none")
        weight_N = torch.from_numpy(batch.weight_N)
        return (each_N * weight_N).sum() / weight_N.sum()

    @torch.no_grad()
    def _bound_norms(self) -> None:
        for name in self._trained:
            parameter = self._named[name]
            if parameter.ndim != 2 or name in UNBOUNDED:
                continue
            norms = parameter.norm(dim=1, keepdim=True)
            bound = self._config.max_norm
            parameter.mul_((bound / (norms + 1e-7)).clamp(max=1.0))

    def _dropout_seed(self, number: int) -> int:
        digest = hashlib.blake2b(f"{self._seed}/{number}".encode(), digest_size=8)
        return int.from_bytes(digest.digest(), "little", signed=True)
