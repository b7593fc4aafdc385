"""Which order the gate blocks of a file have: ask the model.

Shapes do not tell one order from another, and a model read in the wrong one still
computes something. But it no longer predicts text: of all orders, the right one
has the lowest bits per character (BPC) on any text like that which it was trained
on. A file without output weights gets a linear readout for the comparison.

Axes: B lanes, T time steps, H hidden units, F = H + 1 readout features, V = 256
byte values, N bytes scored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from compare.checkpoint import Checkpoint
from tfsent.checkpoint import CheckpointError
from tfsent.config import NUM_BYTES
from tfsent.data.corpus import reviews
from tfsent.data.text_rules import clean

PUBLISHED = {"ifou": ("ifou", "ifuo", "iofu", "iufo"), "zrn": ("zrn", "rzn")}
"""Orders that files have been published in, by our own: this project and OpenAI;
PyTorch, Keras and later NVIDIA; ONNX; TensorFlow 1. For a GRU: Keras; PyTorch."""

LANES, WINDOW = 64, 128
"""Of the probe: 8 KB. Half of it gives a readout as many places as H = 4096 has
units; with as few places as units the right order of 512 units stood .47 apart."""

LOGITS_LANES = 16
"""Lanes that a model with output weights reads: distances differ by .14 at most from
those of all lanes, and an order of H = 4096 takes about 15 s of a core."""

PROBE_BYTES = 2**16
"""Of a probe that the user gives, read at most."""

READOUT_RIDGE, READOUT_FLOOR = 0.1, 0.2
"""Ridge of the readout, as a share of the mean square of a unit summed over the
bytes; weight of the bare byte frequencies in its prediction."""


class Margin(NamedTuple):
    """How much better than any other an order must be to be believed."""

    bpc: float
    """Distance to the second best, in bits per character."""
    most: float
    """BPC from which on a model knows nothing of the probe."""


MARGINS = {
    "logits": Margin(bpc=0.3, most=7.5),
    "readout": Margin(bpc=0.12, most=7.5),
}
"""Measured distance of the right order from the next published one, probe as here:
512 units trained on 10 to 20 MB of IMDB, 2.20 to 2.50 by the logits and .54 to .60 by
a readout; 64 units after 300 steps, mLSTM .96 and .36, LSTM 1.21 and .15, GRU 1.29
and .22; float16 changes the third digit. Distance of best and worst order of start
weights, of 16 to 512 units, up to four times as large as either recipe draws them:
at most .26 and .11, and no such model came below 7.84 by its logits."""


class GateOrder(NamedTuple):
    """An order and why it is believed.

    Attributes:
        gates: The order, in our letters; empty for cells of one block.
        decided_by: "format", "flag" or "probe".
        measured: What was scored: the model's own "logits", a "readout" fitted to
            its state, or "" if nothing was.
        bpc: Order to bits per character on the probe, best first.
    """

    gates: str
    decided_by: Literal["format", "flag", "probe"]
    measured: Literal["", "logits", "readout"] = ""
    bpc: dict[str, float] = {}

    def contradicted_by(self) -> str | None:
        """Return the order that the probe prefers clearly, None if it is this one."""
        if not self.bpc:
            return None
        best = next(iter(self.bpc))
        margin = MARGINS[self.measured or "logits"]
        clear = self.bpc[self.gates] - self.bpc[best] > margin.bpc
        return best if clear and self.bpc[best] < margin.most else None

    def lines(self) -> list[str]:
        """Return the order and its reason, for a reader."""
        if not self.gates:
            return []
        by = {
            "format": "the order of its format",
            "flag": "as --gates says",
            "probe": "which predicts the probe best",
        }[self.decided_by]
        lines = [f"gates {self.gates}, {by}"]
        if self.bpc:
            by = " by a linear readout of its state"
            how = by if self.measured == "readout" else ""
            lines.append(f"BPC on the probe{how}: {self.table()}")
        return lines

    def table(self) -> str:
        """Return the scores in one line."""
        return ", ".join(f"{order} {bpc:.3f}" for order, bpc in self.bpc.items())


def find_gates(
    path: str | PathLike[str],
    read: Callable[[str], Checkpoint],
    candidates: Sequence[str],
    given: str | None = None,
    probe: Callable[[Checkpoint], np.ndarray] | None = None,
    trusted: bool = False,
) -> GateOrder:
    """Return the gate order of a file, asking the model where that can be doubted.

    The published orders are scored beside the candidates, so that a file in an
    order that its format does not have is found out too.

    Args:
        path: The file, for messages.
        read: Reads it in a given order.
        candidates: Orders that fit what the format could see.
        given: The order that the user says; obeyed, and scored like the others.
        probe: Gives text of the kind that the model was trained on, uint8[B, T+1].
            Default: `probe_of`, built-in reviews.
        trusted: Whether the file says its order itself: nothing is scored then.

    Raises:
        CheckpointError: If the model cannot tell candidates apart, or predicts the
            probe clearly better in an order that is no candidate; lists the scores.
    """
    if not candidates:  # Such a model reads no bytes, or has one block.
        return GateOrder(given or "", "flag" if given else "format")
    first = given or candidates[0]
    if not first or (trusted and given is None and len(candidates) == 1):
        return GateOrder(first, "format")
    orders = list(dict.fromkeys([first, *candidates, *_published(first)]))
    scores = score_orders(read, orders, (probe or probe_of)(read(first)))
    measured: Literal["logits", "readout"]
    measured = "logits" if read(first).decoder else "readout"
    if given is not None:
        return GateOrder(given, "flag", measured, scores)
    if len(candidates) == 1:
        order = GateOrder(first, "format", measured, scores)
    else:
        order = GateOrder(_decided(path, candidates, scores, measured), "probe")
        order = order._replace(measured=measured, bpc=scores)
    other = order.contradicted_by()
    if other is not None:
        raise CheckpointError(
            path,
            f"its gate order should be {order.gates}, but the model predicts the "
            f"probe better as {other} (BPC: {order.table()}). Name the order: "
            f"--gates {other}.",
        )
    return order


def _published(order: str) -> tuple[str, ...]:
    for ours, orders in PUBLISHED.items():
        if sorted(ours) == sorted(order):
            return orders
    return ()  # One block: the candidates are cells that look alike.


def _decided(
    path: str | PathLike[str],
    candidates: Sequence[str],
    scores: Mapping[str, float],
    measured: Literal["logits", "readout"],
) -> str:
    best, second = sorted(candidates, key=scores.__getitem__)[:2]
    margin = MARGINS[measured]
    table = ", ".join(f"{order} {scores[order]:.3f}" for order in candidates)
    way_out = (
        "Name the order, such as --gates "
        f"{best}, or a text like the model's own: --probe FILE."
    )
    if scores[best] >= margin.most:
        raise CheckpointError(
            path,
            f"fits the gate orders {', '.join(candidates)}, and in none of them does "
            f"it know anything of the probe (BPC: {table}; below {margin.most} is "
            f"wanted). {way_out}",
        )
    if scores[second] - scores[best] < margin.bpc:
        raise CheckpointError(
            path,
            f"fits the gate orders {', '.join(candidates)}, and predicts the probe "
            f"about as well in each (BPC: {table}; {margin.bpc} apart is wanted). "
            f"{way_out}",
        )
    return best


def score_orders(
    read: Callable[[str], Checkpoint],
    orders: Sequence[str],
    probe_BT1: np.ndarray,
) -> dict[str, float]:
    """Return order to BPC on the probe, best first.

    Args:
        read: Reads the file in a given order.
        orders: Orders to score.
        probe_BT1: uint8[B, T+1].
    """
    # Here, not above: a conversion that need not ask the model needs no torch.
    from compare.models import fill_twin, make_twin, twin_arrays

    scores = {}
    model = None
    for order in orders:
        checkpoint = read(order)
        if model is None or model.config.cell != checkpoint.model.cell:
            model = make_twin(checkpoint)
        else:
            fill_twin(model, twin_arrays(checkpoint.weights, checkpoint.model))
        if checkpoint.decoder:
            scores[order] = _model_bpc(model, probe_BT1[:LOGITS_LANES])
        else:
            scores[order] = _readout_bpc(model, probe_BT1)
    return dict(sorted(scores.items(), key=lambda item: item[1]))


def probe_of(
    checkpoint: Checkpoint, path: str | PathLike[str] | None = None
) -> np.ndarray:
    """Return text as the model reads it, uint8[B, T+1], in `LANES` lanes.

    Args:
        checkpoint: Says by which rule its text was cleaned.
        path: A text file, a sample a line. Default: built-in reviews.

    Raises:
        ValueError: If the file holds less than two bytes a lane.
        OSError: If it cannot be read.
    """
    rule = checkpoint.config.get("data", {}).get("text_rule", "openai")
    wanted = LANES * (WINDOW + 1)
    if path is None:
        texts: Iterable[str] = (review.text for review in reviews())
    else:
        with open(Path(path).expanduser(), "rb") as file:
            texts = file.read(PROBE_BYTES).decode("utf-8", "replace").splitlines()
    text = b""
    for sample in texts:
        text += clean(sample, rule)
        if len(text) >= wanted:
            break
    stream = np.frombuffer(text[:wanted], np.uint8)
    if len(stream) < wanted:  # The margins were measured on that much.
        raise ValueError(
            f"probe: {path} holds {len(text)} bytes; at least {wanted} will do."
        )
    return stream.reshape(LANES, WINDOW + 1)


def _model_bpc(model: Any, probe_BT1: np.ndarray) -> float:
    """Return the BPC of the model's own logits."""
    import torch

    from compare.twin.step import mean_nats

    with torch.no_grad():
        logits_BTV, _ = model(torch.from_numpy(probe_BT1[:, :-1].copy()))
        nats = mean_nats(logits_BTV, torch.from_numpy(probe_BT1[:, 1:].copy()))
    return float(nats) / math.log(2)


def _readout_bpc(model: Any, probe_BT1: np.ndarray) -> float:
    """Return the BPC of a linear readout of h, fitted to half the lanes, on the rest.

    Ridge regression of the next byte, one-hot, on h, in float64 and closed form.
    What it predicts is close to probabilities; what is below 0 is cut off, and the
    bare frequencies of the bytes are added.
    """
    import torch

    with torch.no_grad():
        h_BTH, _ = model.hidden(torch.from_numpy(probe_BT1[:, :-1].copy()))
    half = len(probe_BT1) // 2
    fit_NF, test_NF = (_features(h.numpy()) for h in (h_BTH[:half], h_BTH[half:]))
    fit_NV = np.eye(NUM_BYTES)[probe_BT1[:half, 1:].reshape(-1)]
    gram_FF = fit_NF.T @ fit_NF
    # Nearly nothing on top: a state that is zero throughout still has a solution.
    ridge = READOUT_RIDGE * np.mean(np.diag(gram_FF)[:-1]) + 1e-12
    ridge_F = np.full(len(gram_FF), ridge)
    ridge_F[-1] = 0.0  # The constant is free.
    weights_FV = np.linalg.solve(gram_FF + np.diag(ridge_F), fit_NF.T @ fit_NV)
    frequency_V = (fit_NV.sum(0) + 0.01) / (fit_NV.sum() + 0.01 * NUM_BYTES)
    p_NV = np.maximum(test_NF @ weights_FV, 0.0) + READOUT_FLOOR * frequency_V
    p_NV /= p_NV.sum(1, keepdims=True)
    targets_N = probe_BT1[half:, 1:].reshape(-1)
    return float(-np.log2(p_NV[np.arange(len(targets_N)), targets_N]).mean())


def _features(h_BTH: np.ndarray) -> np.ndarray:
    """Return float64[N, F], the states of all steps and a constant."""
    h_NH = h_BTH.reshape(-1, h_BTH.shape[-1]).astype(np.float64)
    return np.concatenate([h_NH, np.ones((len(h_NH), 1))], axis=1)
