"""The runner of PyTorch's own layers: `torch.nn.LSTM` and `GRU`, in the twin's update.

Axes: B lanes, T bytes in a window, V = 256 byte values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from compare.formats.blocks import OUR_GATES, reorder
from compare.runners.facts import RunnerFacts
from compare.runners.inputs import read_weights
from compare.runners.serving import Work
from compare.runners.torch_twin import TorchSide
from compare.runners.training import training_work
from compare.runners.twin_training import TwinTraining

TORCH_GATES = {"lstm": "ifuo", "gru": "rzn", "tanh": ""}
"""Cell to the order of the blocks of PyTorch's own layer, in our letters."""

RUNNERS = (
    RunnerFacts(
        name="torch-layers",
        what="torch.nn.LSTM or GRU",
        models=("lstm", "gru"),
        tasks=("train",),
        precisions=("float32",),
        packages=("torch", "numpy"),
        modules=("torch",),
    ),
)


def open_side(name: str) -> TorchLayers:
    """Open PyTorch."""
    return TorchLayers()


class TorchLayers(TorchSide):
    """PyTorch without this project's layers."""

    def work(
        self, task: str, config: dict[str, Any], weights: str, inputs: str
    ) -> Work:
        """Return a training step as work."""
        import torch

        from compare.twin.distribution import Processes
        from compare.twin.memory import keep_freed_memory
        from compare.twin.optimizer import make_optimizer
        from compare.twin.precision import make_scaler
        from compare.twin.step import TrainStep
        from tfsent.config import RunConfig
        from tfsent.settings_json import from_dict

        settings, named = from_dict(RunConfig, config), read_weights(weights)
        if self.device == "cpu":
            keep_freed_memory()
        model = _model(settings.model).to(self.device)
        optimizer = make_optimizer(
            settings.optimizer,
            settings.training.batch_size,
            settings.training.steps or 1,
            [(n, p) for n, p in model.named_parameters() if p.requires_grad],
        )
        scaler = make_scaler(settings.optimizer, settings.precision, self.device)
        step = TrainStep(
            model,
            optimizer,
            scaler,
            Processes(),
            clip_norm=settings.optimizer.clip_norm,
            seed=0,
        )
        arrays = to_torch(named, settings.model.cell)

        @torch.no_grad()
        def fill() -> None:
            for name, parameter in model.named_parameters():
                parameter.copy_(torch.from_numpy(arrays[name]))

        training = TwinTraining(
            model,
            step,
            [],
            inputs,
            fill,
            lambda found: to_ours(found, settings.model.cell),
        )
        return training_work(training, training.num_batches, named)


def _model(config: Any) -> Any:
    """Return embedding, the layer of PyTorch, output: as the twin is called."""
    from torch import nn

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.config = config
            kind = {"lstm": nn.LSTM, "gru": nn.GRU}[config.cell]
            self.embedding = nn.Embedding(256, config.embedding_size)
            self.rnn = kind(
                config.embedding_size,
                config.hidden_size,
                config.layers,
                batch_first=True,
            )
            self.output = nn.Linear(config.hidden_size, 256)
            if config.cell == "lstm":
                # PyTorch adds up two biases, others have one: the second stays zero.
                for k in range(config.layers):
                    getattr(self.rnn, f"bias_hh_l{k}").requires_grad_(False)

        def forward(
            self, bytes_BT: Any, state: Any = None, reset_BT: Any = None
        ) -> Any:
            # Every batch begins anew: the state that is carried is not read.
            h_BTH, _ = self.rnn(self.embedding(bytes_BT.int()))
            return self.output(h_BTH), []

        def zero_state(self, batch_size: int) -> list[Any]:
            return []

    return Model()


def to_torch(named: Mapping[str, np.ndarray], cell: str) -> dict[str, np.ndarray]:
    """Return our weights by the names, axes and gate order of PyTorch."""
    arrays = {
        "embedding.weight": named["embedding/weight"],
        "output.weight": np.ascontiguousarray(named["output/weight"].T),
        "output.bias": named["output/bias"],
    }
    layers = {name.split("/")[1] for name in named if name.startswith("layers/")}
    for k in sorted(layers):
        ours = {
            name: reorder(
                named[f"layers/{k}/{name}"],
                named[f"layers/{k}/{name}"].ndim - 1,
                OUR_GATES[cell],
                TORCH_GATES[cell],
            )
            for name in (("wx", "wh", "b") + (("bh",) if cell == "gru" else ()))
        }
        arrays |= {
            f"rnn.weight_ih_l{k}": np.ascontiguousarray(ours["wx"].T),
            f"rnn.weight_hh_l{k}": np.ascontiguousarray(ours["wh"].T),
            f"rnn.bias_ih_l{k}": ours["b"],
            f"rnn.bias_hh_l{k}": ours.get("bh", np.zeros_like(ours["b"])),
        }
    return arrays


def to_ours(found: Mapping[str, np.ndarray], cell: str) -> dict[str, np.ndarray]:
    """Return gradients by our names, axes and gate order."""
    named = {
        "embedding/weight": found["embedding.weight"],
        "output/weight": found["output.weight"].T,
        "output/bias": found["output.bias"],
    }
    layers = [name.removeprefix("rnn.weight_ih_l") for name in found if "ih_l" in name]
    for k in sorted({name for name in layers if name.isdigit()}):
        theirs = {
            "wx": found[f"rnn.weight_ih_l{k}"].T,
            "wh": found[f"rnn.weight_hh_l{k}"].T,
            "b": found[f"rnn.bias_ih_l{k}"],
        }
        if cell == "gru":
            theirs["bh"] = found[f"rnn.bias_hh_l{k}"]
        for name, value in theirs.items():
            named[f"layers/{k}/{name}"] = reorder(
                value, value.ndim - 1, TORCH_GATES[cell], OUR_GATES[cell]
            )
    return named
