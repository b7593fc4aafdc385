"""Cells made of Linear modules: NVIDIA's first version (2017-12) and guillitte's port.

Both call an mLSTM's matrices `wx`, `wh`, `wmx` and `wmh`, with one bias in `wh`, rows
in the order i f o u; an LSTM is `torch.nn.LSTMCell`, rows i f g o, two biases; the
output is `h2o`. Layers above the first add their input to their output, which no model
of this project does: files of more than one layer are refused.

Sources:

- https://github.com/NVIDIA/sentiment-discovery (382d9f1): `sentiment_discovery/modules/
  mlstm.py`, `stacked_recurrent.py`, `model/sequence_model.py` (names), `model/
  model_wrapper.py` (weight norm is taken off before saving), `model/serialize.py` (the
  state dict alone or under `state_dict`; weights of an unmerged file end in _g and _v).
- https://github.com/guillitte/pytorch-sentiment-neuron (7ec3b45): `models.py`, `lm.py`
  and `load_from_numpy.py`, which save `{'rnn', 'embed', 'opt', 'epoch'}`.
"""

from __future__ import annotations

from typing import NamedTuple

from compare.checkpoint import Checkpoint, Origin, require_language_model
from compare.containers import Container
from compare.formats.origins import (
    cell_of,
    config_of,
    facts_of,
    file_gates,
    model_of,
    refuse_unknown,
    symbols_of,
)
from compare.formats.table import Row, Table, to_ours, to_theirs
from tfsent.checkpoint import CheckpointError
from tfsent.config import NUM_BYTES, ModelConfig

NVIDIA = "nvidia-2017-12"
GUILLITTE = "guillitte"


class _Names(NamedTuple):
    """What the modules are called.

    Attributes:
        embedding: Its weight.
        rnn: Prefix of everything else.
        layer: Name of a layer.
        nesting: Dictionaries in a file.
        facts: Prefixes of known values beside the weights.
        text_rule: How the text of its models was cleaned.
    """

    embedding: str
    rnn: str
    layer: str
    nesting: tuple[str, ...]
    facts: tuple[str, ...]
    text_rule: str


_NAMES = {
    NVIDIA: _Names("embedder.weight", "rnn.", "layers.{k}", (), (), "nvidia"),
    # Its one published model is OpenAI's, read from .npy files.
    GUILLITTE: _Names(
        "embed.weight",
        "rnn.",
        "layer_{k}",
        ("rnn", "embed"),
        ("opt.", "epoch", "left_out"),
        "openai",
    ),
}
_GATES = {"mlstm": "ifou", "lstm": "ifuo"}
_MATRICES = {
    "mlstm": (
        ("wx", "gx", "X", "G", "wx.weight"),
        ("wh", "gh", "H", "G", "wh.weight"),
        ("wmx", "gmx", "X", "M", "wmx.weight"),
        ("wmh", "gmh", "H", "M", "wmh.weight"),
    ),
    "lstm": (
        ("wx", "gx", "X", "G", "weight_ih"),
        ("wh", "gh", "H", "G", "weight_hh"),
    ),
}
"""Cell to our matrix, our gain, axes of inputs and outputs, their matrix."""

_WRAPPER = "state_dict."


def recognize(container: Container, name: str) -> str | None:
    """Return `name` if the container has its names, else None."""
    names = _NAMES[name]
    arrays = _unwrapped(container, name).arrays
    layer = f"{names.rnn}{names.layer.replace('{k}', '0')}."
    if names.embedding in arrays and any(n.startswith(layer) for n in arrays):
        return name
    return None


def candidates(container: Container, name: str) -> tuple[str, ...]:
    """Return the one gate order that fits."""
    return (_GATES[_cell(_unwrapped(container, name), _NAMES[name])],)


def read(container: Container, name: str, gates: str | None) -> Checkpoint:
    """Return the model of a file.

    Raises:
        CheckpointError: If a weight is missing, left over or of a wrong shape, or
            the file holds anything else, or more than one layer.
    """
    container = _unwrapped(container, name)
    names, path = _NAMES[name], container.path
    refuse_unknown(container.facts, names.facts, path)
    second = f"{names.rnn}{names.layer.replace('{k}', '1')}."
    if any(n.startswith(second) for n in container.arrays):
        raise CheckpointError(
            path,
            "has more than one layer, each adding its input to its output; no model "
            "here does that.",
        )
    cell = _cell(container, names)
    gates = file_gates(cell, gates, (_GATES[cell],), path)
    embedding = container.arrays[names.embedding]
    if symbols_of(embedding, names.embedding, path) > NUM_BYTES:
        raise CheckpointError(path, f"{names.embedding!r} has 257 rows, not 256.")
    recurrent = _recurrent(container, names)
    model = model_of(
        path,
        cell=cell,
        hidden_size=container.arrays[recurrent].shape[1],
        embedding_size=embedding.shape[1],
        weight_norm=recurrent.endswith("_v"),
    )
    decoder = f"{names.rnn}h2o.weight" in container.arrays
    table = _table(model, names, gates)
    mapped = to_ours(table, container.arrays, model, path, decoder)
    origin = Origin(name, gates, mapped.dtype, NUM_BYTES, facts_of(container))
    config = config_of(model, names.text_rule)
    return Checkpoint(model, mapped.weights, decoder, origin, {}, config)


def write(checkpoint: Checkpoint, name: str) -> Container:
    """Return a model in the state-dict form of the format.

    Raises:
        ValueError: If the format cannot hold it.
    """
    require_language_model(checkpoint, name)
    names, model, origin = _NAMES[name], checkpoint.model, checkpoint.origin
    if model.cell not in _GATES or model.layers > 1 or model.tied_embedding:
        raise ValueError(
            f"{name} holds an untied mlstm or lstm of one layer, not "
            f"{'a tied' if model.tied_embedding else 'an untied'} {model.cell} of "
            f"{model.layers}."
        )
    table = _table(model, names, _GATES[model.cell])
    arrays = to_theirs(table, checkpoint.weights, model, origin.dtype)
    facts, spaces = {}, ()
    if origin.format == name:
        facts = {
            key: value
            for key, value in origin.facts.items()
            if key.startswith(names.facts)
        }
        spaces = tuple(origin.facts.get("namespaces", ()))
    return Container(
        "torch", arrays, facts, nesting=(*names.nesting, *spaces), namespaces=spaces
    )


def _table(model: ModelConfig, names: _Names, gates: str) -> Table:
    layer = f"{names.rnn}{names.layer}."
    rows = [
        Row("embedding/weight", "VE", names.embedding, "VE"),
        Row("output/weight", "HV", f"{names.rnn}h2o.weight", "VH"),
        Row("output/bias", "V", f"{names.rnn}h2o.bias", "V"),
    ]
    if model.cell == "lstm":
        biases = (f"{layer}bias_ih", f"{layer}bias_hh")
        rows.append(Row("layers/{k}/b", "G", biases, "G", "sum"))
    else:
        rows.append(Row("layers/{k}/b", "G", f"{layer}wh.bias", "G"))
    for matrix, gain, inputs, outputs, theirs in _MATRICES[model.cell]:
        # Weight normalisation splits a matrix into gains (_g) and directions (_v).
        name = f"{layer}{theirs}"
        split = f"{name}_v" if model.weight_norm else name
        ours, axes = f"layers/{{k}}/{matrix}", inputs + outputs
        rows.append(Row(ours, axes, split, outputs + inputs))
        gains = f"layers/{{k}}/{gain}"
        rows.append(Row(gains, outputs, f"{name}_g", f"{outputs}1"))
    return Table(tuple(rows), gates)


def _recurrent(container: Container, names: _Names) -> str:
    layer = f"{names.rnn}{names.layer.replace('{k}', '0')}."
    for name in ("wh.weight", "wh.weight_v", "weight_hh", "weight_hh_v"):
        found = container.arrays.get(layer + name)
        if found is not None:
            if found.ndim != 2 or not found.shape[1]:
                reason = f"{layer + name!r} has shape {found.shape}, no matrix."
                raise CheckpointError(container.path, reason)
            return layer + name
    raise CheckpointError(container.path, f"misses the weight {layer + 'wh.weight'!r}.")


def _cell(container: Container, names: _Names) -> str:
    recurrent = _recurrent(container, names)
    rows, hidden = container.arrays[recurrent].shape
    blocks = rows // hidden if rows % hidden == 0 else 0
    cell = cell_of(blocks, ".wh." in recurrent, "tanh", container.path)
    if cell not in _GATES:
        raise CheckpointError(
            container.path, f"has a {cell} cell; mlstm and lstm will do."
        )
    return cell


def _unwrapped(container: Container, name: str) -> Container:
    """Return the container without `state_dict` around it, as NVIDIA also saved it."""
    if name != NVIDIA or not all(n.startswith(_WRAPPER) for n in container.arrays):
        return container
    arrays = {n.removeprefix(_WRAPPER): a for n, a in container.arrays.items()}
    facts = {n.removeprefix(_WRAPPER): v for n, v in container.facts.items()}
    return Container(container.kind, arrays, facts, container.path)
