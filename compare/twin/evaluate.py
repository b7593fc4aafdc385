"""Bits per character of a model on whole samples; see `tfsent.training.evaluate`.

Axes: B lanes, T time steps, V = 256 byte values.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any

import torch
from torch.nn import functional
from tqdm import tqdm

from compare.twin.distribution import Processes
from compare.twin.precision import autocast
from tfsent.config import Precision
from tfsent.data.batches import ScoreBatch
from tfsent.training.results import Score


class Evaluator:
    """Scores text with a model of the twin.

    Every process scores its own lanes; all get the sum.

    Args:
        model: A `ByteLanguageModel` of the twin, on its device.
        precision: Type of the arithmetic.
        processes: Who shares the work. Default: this process alone.
    """

    def __init__(
        self,
        model: Any,
        precision: Precision = "float32",
        processes: Processes | None = None,
    ):
        self._model = model
        self._precision = precision
        self._processes = processes or Processes()
        self._device = next(model.parameters()).device

    @torch.no_grad()
    def score(self, batches: Iterable[ScoreBatch]) -> Score:
        """Return the score of all windows together, in every process."""
        start_s = time.perf_counter()
        self._model.eval()
        # Windows are added up in float64, and read once: reading waits.
        sums = torch.zeros(2, dtype=torch.float64, device=self._device)
        state = None
        # A bar on a terminal alone: a test of 32 MB takes a CPU a quarter of an hour.
        for batch in tqdm(batches, unit="window", leave=False, disable=None):
            lanes = self._processes.lanes(len(batch.bytes_BT1))
            if lanes.start == lanes.stop:
                continue
            bytes_BT1, reset_BT, score_BT = (
                torch.from_numpy(array[lanes]).to(self._device) for array in batch
            )
            if state is None:
                state = self._model.zero_state(len(bytes_BT1))
            bits, state = self._window_bits(bytes_BT1, reset_BT, score_BT, state)
            sums += torch.stack([bits.double(), score_BT.sum().double()])
        bits, scored = self._processes.sum(sums).tolist()
        bpc = bits / scored if scored else math.nan
        return Score(bpc, int(scored), time.perf_counter() - start_s)

    def _window_bits(self, bytes_BT1, reset_BT, score_BT, state):
        """Return the bits of the scored bytes of a window, float32[], and the state."""
        with autocast(self._precision, self._device.type):
            logits_BTV, state = self._model(bytes_BT1[:, :-1], state, reset_BT)
        nats_N = functional.cross_entropy(
            logits_BTV.flatten(0, 1),
            bytes_BT1[:, 1:].flatten().long(),
            reduction="none",
        )
        nats_N = torch.where(score_BT.flatten(), nats_N, 0.0)
        return nats_N.sum() / math.log(2), state
