"""A classifier on PyTorch with its optimizer: one update.

Axes: N texts, T words, K outputs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from compare.formats.sequence_classifier import ClassifierLayout
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

    decayed = "output/weight"
    """Name of the matrix that `learner.weight_decay` acts on."""

    def __init__(self, model: Any, task: Task, config: LearnerConfig, seed: int):
        keep_freed_memory()
        self.model = model
        self._task, self._config, self._seed = task, config, seed
        self._layout = self._layout_of(model)
        self.names = self._layout.names
        named = dict(model.named_parameters())
        self._named: dict[str, nn.Parameter] = {
            ours: named[theirs] for ours, theirs in self._layout.twin_names().items()
        }
        self._device = next(model.parameters()).device

    def _layout_of(self, model: Any) -> Any:
        """Return how the model's weights lie."""
        return ClassifierLayout(model.config)

    def _factor(self, name: str) -> float:
        """Return what the learning rate of a weight is multiplied by."""
        return 1.0

    def _bounded(self, name: str) -> bool:
        """Return whether a weight's columns are held within `learner.max_norm`."""
        return self._named[name].ndim == 2 and name not in UNBOUNDED

    def begin(self, trained: Collection[str]) -> None:
        """Make a new optimizer."""
        self._trained = [name for name in self.names if name in set(trained)]
        for name, parameter in self._named.items():
            parameter.requires_grad_(name in set(trained))
        kind = self._config.optimizer
        self._rules = []
        for factor in dict.fromkeys(map(self._factor, self._trained)):
            names = [name for name in self._trained if self._factor(name) == factor]
            weights = [self._named[name] for name in names]
            rule = UpdateRule(kind, weights, NUMBERS[kind])
            self._rules.append((factor, names, rule))

    def update(self, batch: Batch, rate: float, number: int) -> float:
        """Update the weights once and return the batch's loss."""
        self.model.train()
        torch.manual_seed(self._dropout_seed(number))
        loss = self._total_loss(batch)
        if self._config.weight_decay:
            output = self._named[self.decayed]
            loss = loss + 0.5 * self._config.weight_decay * output.square().sum()
        parameters = [self._named[name] for name in self._trained]
        gradients = list(torch.autograd.grad(loss, parameters))
        if self._config.clip_norm:
            bound = torch.tensor(self._config.clip_norm, device=self._device)
            clip_by_global_norm(gradients, bound)
        by_name = dict(zip(self._trained, gradients, strict=True))
        for factor, names, rule in self._rules:
            rule.apply([by_name[name] for name in names], rate * factor)
        if self._config.max_norm:
            self._bound_norms()
        return float(loss.detach())

    def _total_loss(self, batch: Batch) -> Tensor:
        """Return what is made smaller, but for the weight decay."""
        said_NK = self.model(self._given(batch.words_NT), self._given(batch.mask_NT))
        return self.loss(said_NK, batch)

    def _given(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self._device)

    @torch.no_grad()
    def outputs(self, batch: Batch) -> np.ndarray:
        """Return what the model says without dropout."""
        self.model.eval()
        said_NK = self.model(self._given(batch.words_NT), self._given(batch.mask_NT))
        found: np.ndarray = said_NK.cpu().numpy()
        return found

    @torch.no_grad()
    def attention(self, batch: Batch) -> np.ndarray:
        """Return how attention weighs the words of texts, float32[N, T].

        Raises:
            ValueError: If the model pools otherwise.
        """
        self.model.eval()
        given = (self._given(batch.words_NT), self._given(batch.mask_NT))
        _, weight_NT = self.model(*given, return_attention=True)
        found_NT: np.ndarray = weight_NT.float().cpu().numpy()
        return found_NT

    def weights(self) -> dict[str, np.ndarray]:
        """Return copies of all weights, as Keras has them."""
        arrays = {
            name: p.detach().cpu().numpy() for name, p in self.model.named_parameters()
        }
        found = self._layout.to_ours(arrays)
        return {name: array.copy() for name, array in found.items()}

    @torch.no_grad()
    def set_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Put weights in the place of those there."""
        arrays = self._layout.to_twin(weights)
        for name, parameter in self.model.named_parameters():
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))

    def state(self) -> dict[str, np.ndarray]:
        """Return copies of the optimizer's tensors."""
        updates = max((rule.updates for _, _, rule in self._rules), default=0)
        found = {"updates": np.asarray(updates, np.int64)}
        for name, k, tensor in self._slots():
            found[f"{k}/{name}"] = tensor.cpu().numpy().copy()
        return found

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Put the optimizer's tensors in the place of those there."""
        for _, _, rule in self._rules:
            rule.updates = int(state["updates"])
        for name, k, tensor in self._slots():
            tensor.copy_(torch.from_numpy(state[f"{k}/{name}"]))

    def _slots(self) -> Iterator[tuple[str, int, Tensor]]:
        """Yield what the optimizer keeps: weight, slot, tensor."""
        for _, names, rule in self._rules:
            for k, slot in enumerate(rule.slots):
                for name, tensor in zip(names, slot, strict=True):
                    yield name, k, tensor

    def loss(self, said_NK: Tensor, batch: Batch) -> Tensor:
        """Return the weighted mean over the texts."""
        labels = self._given(batch.labels)
        if self._task.kind == "multilabel":
            each_N = functional.binary_cross_entropy_with_logits(
                said_NK, labels.float(), reduction="none"
            ).mean(1)
        elif self._task.kind == "regression":
            each_N = (said_NK[:, 0] - labels).square()
        else:
            each_N = functional.cross_entropy(said_NK, labels.long(), reduction="none")
        weight_N = self._given(batch.weight_N)
        return (each_N * weight_N).sum() / weight_N.sum()

    @torch.no_grad()
    def _bound_norms(self) -> None:
        for name in self._trained:
            parameter = self._named[name]
            if not self._bounded(name):
                continue
            norms = parameter.norm(dim=1, keepdim=True)
            bound = self._config.max_norm
            parameter.mul_((bound / (norms + 1e-7)).clamp(max=1.0))

    def _dropout_seed(self, number: int) -> int:
        digest = hashlib.blake2b(f"{self._seed}/{number}".encode(), digest_size=8)
        return int.from_bytes(digest.digest(), "little", signed=True)
