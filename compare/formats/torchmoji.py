"""torchMoji's networks, DeepMoji's in PyTorch (pytorch_model.bin).

A bare state dict; k is 0 or 1, and what reads backward ends in `_reverse`:

    embed.weight                    (V, E)
    lstm_k.weight_ih_l0[_reverse]   (4H, E or 2H), rows i f g o
    lstm_k.weight_hh_l0[_reverse]   (4H, H)
    lstm_k.bias_ih_l0, .bias_hh_l0  (4H), which add up
    attention_layer.attention_vector (4H + E)
    output_layer.0.weight, .bias    (K, 4H + E), (K); one output for two classes;
                                    missing in a file of the encoder alone

The network is that of `deepmoji.py`, with two departures of its own: its attention
subtracts the largest logit of the whole batch, not of the text, and adds nothing to
the sum. The first is the same but for rounding, unless a text's logits lie so far
below another's that all of its weights become 0 and their mean NaN.

Sources: https://github.com/huggingface/torchMoji: `torchmoji/model_def.py`, `lstm.py`
(order of the gates), `attlayer.py`.
"""

from __future__ import annotations

from typing import Any

from compare.checkpoint import Origin
from compare.containers import Container
from compare.formats.deepmoji import SETTINGS, moji_model, pooled_width
from compare.formats.origins import facts_of, file_gates, refuse_unknown
from compare.formats.word_model import (
    WordModel,
    require_model,
    require_settings,
)
from compare.formats.word_rows import WordRow, to_ours, to_theirs

NAMES = ("torchmoji",)
GATES = "ifuo"

_OUTPUT = "output_layer.0."


def recognize(container: Container) -> str | None:
    """Return a line if this is a state dict of torchMoji, else None."""
    wanted = {"embed.weight", "lstm_0.weight_ih_l0", "attention_layer.attention_vector"}
    if container.kind not in ("torch", "safetensors"):
        return None
    if len(wanted & container.arrays.keys()) < 2:
        return None
    ends = any(name.startswith(_OUTPUT) for name in container.arrays)
    what = "network" if ends else "encoder, without an output layer"
    return f"torchMoji's {what} (state dict)"


def candidates(container: Container) -> tuple[str, ...]:
    """Return none: there is one order, and no text of bytes could tell."""
    return ()


def read(container: Container, gates: str | None = None) -> WordModel:
    """Return the classifier, with the vocabulary that lies beside the file.

    Args:
        container: A state dict of torchMoji.
        gates: Order of the blocks in the file. Default: PyTorch's.

    Raises:
        CheckpointError: If a weight is missing, left over or of a wrong shape or
            type, or the vocabulary is of another model.
    """
    path = container.path
    refuse_unknown(container.facts, (), path)
    order = file_gates("lstm", gates, (GATES,), path)
    ends = any(name.startswith(_OUTPUT) for name in container.arrays)
    rows = _rows(order, ends)
    weights, dtype = to_ours(rows, container.arrays, pooled_width, path)
    symbols = len(weights["embedding/weight"])
    origin = Origin(NAMES[0], order, dtype, symbols, facts_of(container))
    return moji_model(weights, origin, path)


def write(model: Any, name: str = NAMES[0]) -> Container:
    """Return the state dict that torchMoji's code loads.

    Raises:
        ValueError: If `model` is no network of this shape.
    """
    require_model(model, name)
    require_settings(model, name, SETTINGS)
    rows = _rows(GATES, model.decoder)
    return Container("torch", to_theirs(rows, model.weights, model.origin.dtype))


def _rows(order: str, output: bool) -> list[WordRow]:
    rows = [WordRow("embedding/weight", "VE", ("embed.weight",), "VE")]
    for k, inputs in enumerate("EB"):
        for side, end in (("forward", "l0"), ("backward", "l0_reverse")):
            ours, theirs = f"layers/{k}/{side}/", f"lstm_{k}."
            biases = (f"{theirs}bias_ih_{end}", f"{theirs}bias_hh_{end}")
            rows += [
                WordRow(
                    f"{ours}wx",
                    f"{inputs}G",
                    (f"{theirs}weight_ih_{end}",),
                    f"G{inputs}",
                    order,
                ),
                WordRow(f"{ours}wh", "HG", (f"{theirs}weight_hh_{end}",), "GH", order),
                WordRow(f"{ours}b", "G", biases, "G", order, "sum"),
            ]
    vector = ("attention_layer.attention_vector",)
    rows.append(WordRow("attention/weight", "F1", vector, "F"))
    if output:
        rows.append(WordRow("output/weight", "FK", (f"{_OUTPUT}weight",), "KF"))
        rows.append(WordRow("output/bias", "K", (f"{_OUTPUT}bias",), "K"))
    return rows
