"""A path -> a trained language model on PyTorch, ready to use; as `tfsent.loading`.

Axes: B lanes, T time steps, P pieces of texts, H hidden units.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from compare.checkpoint import Checkpoint
from compare.formats.twin_table import LAYOUT
from compare.models import fill_twin, make_twin, our_arrays
from compare.reading import read_model
from compare.twin.evaluate import Evaluator
from compare.twin.generation import Generation
from compare.twin.language_model import ByteLanguageModel
from compare.twin.precision import autocast, dtype_of, set_precision
from tfsent.checkpoint import CheckpointError, load_weights, weights_format
from tfsent.checkpoint.shapes import model_settings
from tfsent.checkpoint.weights import has_decoder, text_rule_of
from tfsent.config import Precision
from tfsent.generate import Draw, Pin
from tfsent.trained import TrainedModel
from tfsent.transfer.feature import STATES, Part
from tfsent.transfer.features import State
from tfsent.transfer.reading import Piece

_WINDOW = 256


class LanguageModel(TrainedModel):
    """A trained byte-level language model on PyTorch; see `TrainedModel`."""

    def __init__(self, model: ByteLanguageModel, precision: Precision = "float32"):
        super().__init__(model.eval(), Evaluator(model, precision))
        self._precision = precision
        self._device = model.embedding.weight.device

    @property
    def arithmetic(self) -> str:
        """Framework and precision."""
        return f"torch-{self._precision}"

    def _named_weights(self) -> Mapping[str, np.ndarray]:
        weights = {n: p.detach().cpu() for n, p in self.model.named_parameters()}
        arrays = {name: p.float().numpy() for name, p in weights.items()}
        return our_arrays(arrays, self.model.config)

    @torch.no_grad()
    def _read(
        self,
        bytes_BT: np.ndarray,
        reset_BT: np.ndarray,
        state: State,
        parts: Sequence[Part],
        pieces: Sequence[Piece],
    ) -> tuple[list[np.ndarray], State]:
        before = [
            tuple(torch.from_numpy(s_BH).to(self._device) for s_BH in layer)
            for layer in state
        ]
        with autocast(self._precision, self._device.type):
            found = self.model.states(bytes_BT, before, reset_BT)
        values = [
            pooled(found[part.layer][STATES.index(part.state)], part.pooling, pieces)
            for part in parts
        ]
        after = [tuple(s_TBH[-1].cpu().numpy() for s_TBH in layer) for layer in found]
        return [v_PH.cpu().numpy() for v_PH in values], after

    @torch.no_grad()
    def _logits(self, bytes_BT: np.ndarray) -> np.ndarray:
        state = self.model.zero_state(len(bytes_BT))
        parts = []
        for start in range(0, bytes_BT.shape[1], _WINDOW):
            part = torch.tensor(bytes_BT[:, start : start + _WINDOW])
            with autocast(self._precision, self._device.type):
                logits, state = self.model(part.to(self._device), state)
            parts.append(logits.cpu().numpy())
        return np.concatenate(parts, axis=1)

    def _generation(
        self, first_byte: int, samples: int, draw: Draw, pin: Pin | None
    ) -> Generation:
        dtype = dtype_of(self._precision)
        return Generation(self.model, first_byte, samples, *draw, pin, dtype)


def pooled(s_TBH: torch.Tensor, pooling: str, pieces: Sequence[Piece]) -> torch.Tensor:
    """Return a state pooled over each piece, float32[P, H], sums in place of means."""
    if pooling == "last":
        return s_TBH[[p.stop - 1 for p in pieces], [p.lane for p in pieces]]
    reduce = {"mean": torch.sum, "max": torch.amax, "min": torch.amin}[pooling]
    return torch.stack([reduce(s_TBH[p.start : p.stop, p.lane], 0) for p in pieces])


def load(
    path: str | Path,
    precision: Precision = "float32",
    device: str | torch.device | None = None,
) -> LanguageModel:
    """Return a model on PyTorch, whatever framework wrote it.

    Runs no code from the file.

    Args:
        path: Run or checkpoint folder of the twin; of anything else, what
            `scripts/convert.py` reads.
        precision: Type of the arithmetic; weights stay float32.
        device: Where to. Default: the first GPU, else the CPU.

    Raises:
        CheckpointError: If there is no sound model; names the path.
    """
    path = Path(path).expanduser()
    if weights_format(path) == LAYOUT.name:
        model = _of_twin(path)
    else:
        found = read_model(path).checkpoint
        if not isinstance(found, Checkpoint):
            reason = "is a classifier over words; a language model will do."
            raise CheckpointError(path, reason)
        model = make_twin(found)
    set_precision(precision)
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return LanguageModel(model.to(device), precision)


def _of_twin(path: Path) -> ByteLanguageModel:
    weights, config = load_weights(path, LAYOUT)
    settings = model_settings(config, path)
    model = ByteLanguageModel(
        # Weights are drawn only to be replaced, and orthogonal ones take long.
        dataclasses.replace(settings, initialization="nvidia"),
        text_rule=text_rule_of(config, path),
        decoder=has_decoder(config, path),
    )
    model.config = settings
    fill_twin(model, weights)
    return model
