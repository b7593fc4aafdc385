"""DeepMoji's networks in Keras's HDF5 files (.h5, .hdf5).

A group a layer, an attribute `layer_names` for their order and in each `weight_names`
for the order of its arrays, which is what Keras goes by:

    embedding    (V, E)
    bi_lstm_0    forward: kernel (E, 4H), recurrent kernel (H, 4H), bias (4H);
                 then the same backward
    bi_lstm_1    the same, of inputs 2H
    attlayer     (4H + E, 1), over [bi_lstm_1, bi_lstm_0, embedding], each of the first
                 two forward units first
    softmax      kernel (4H + E, K), bias (K); one output for two classes; missing in
                 a file of the encoder alone

Gates i f c o. Keras 1 has twelve arrays a direction, W U b of each of i c f o. Names
differ between versions and backends of Keras and count for nothing, but that those
which say "backward" must be where backward is. A file of a whole model has all of it
under `model_weights`; its optimizer stays behind.

What is computed: embedding -> tanh -> spatial dropout -> both LSTMs, gates through
clip(0.2 x + 0.5, 0, 1) -> attention -> dropout -> softmax. `SequenceClassifier` takes
the largest attention logit over the words alone, DeepMoji over the padding too: equal
but for the share of the 1e-7 that is added to the sum.

Sources: https://github.com/bfelbo/DeepMoji: `deepmoji/model_def.py` (layers, names,
order of the weights), `attlayer.py` (attention), `global_variables.py` (special words).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeGuard

from compare.checkpoint import Origin
from compare.containers import Container
from compare.containers.hdf5 import TEXTS
from compare.containers.vocabulary import words_beside
from compare.formats.origins import file_gates
from compare.formats.word_model import (
    OPTIMIZER,
    WordModel,
    made,
    require_model,
    require_settings,
)
from compare.formats.word_rows import WordRow, to_ours, to_theirs
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief
from tfsent.supervised.presets import deepmoji

NAMES = ("deepmoji",)
GATES = "ifuo"
"""Of Keras's LSTM: i f c o."""

SETTINGS = {
    "cell": "lstm",
    "layers": 2,
    "direction": "both",
    "gate_activation": "hard_sigmoid",
    "one_hot": False,
    "embedding_activation": "tanh",
    "pooling": "attention",
    "skip_connections": True,
    "hidden": (),
}
"""Those of every model of DeepMoji and torchMoji."""

_LAYERS = ("embedding", "bi_lstm_0", "bi_lstm_1", "attlayer", "softmax")
_ENCODER = _LAYERS[:-1]
_NAMES_KEY, _ORDER_KEY = "layer_names", "weight_names"
_WHOLE, _OPTIMIZER = "model_weights", "optimizer_weights"
_SIDES = ("forward", "backward")
_KERAS_1 = ("iufo", 12)
"""Order of the gates of Keras 1, and how many arrays it has a direction."""


def recognize(container: Container) -> str | None:
    """Return a line if this is a file of DeepMoji, else None."""
    if container.kind != "hdf5":
        return None
    found = _weight_names(container)
    if not {"bi_lstm_0", "attlayer"} <= found.keys():
        return None
    kind = "Keras 1" if len(found["bi_lstm_0"]) > 6 else "Keras 2"
    what = "network" if "softmax" in found else "encoder, without an output layer"
    return f"DeepMoji's {what} (HDF5 of {kind})"


def candidates(container: Container) -> tuple[str, ...]:
    """Return none: there is one order, and no text of bytes could tell."""
    return ()


def read(container: Container, gates: str | None = None) -> WordModel:
    """Return the classifier, with the vocabulary that lies beside the file.

    Args:
        container: A file of DeepMoji.
        gates: Order of the blocks in the file. Default: Keras's.

    Raises:
        CheckpointError: If a weight is missing, left over or of a wrong shape or
            type, or the vocabulary is of another model.
    """
    path, names = container.path, _weight_names(container)
    prefix = f"{_WHOLE}." if _is_whole(container) else ""
    rows = _rows(names, prefix, file_gates("lstm", gates, (GATES,), path), path)
    arrays = {
        name: array
        for name, array in container.arrays.items()
        if not (prefix and name.startswith(f"{_OPTIMIZER}."))
    }
    weights, dtype = to_ours(rows, arrays, pooled_width, path)
    origin = Origin(
        NAMES[0],
        gates or GATES,
        dtype,
        len(weights["embedding/weight"]),
        {OPTIMIZER: True} if prefix else {TEXTS: container.facts[TEXTS]},
    )
    return moji_model(weights, origin, path)


def write(model: Any, name: str = NAMES[0]) -> Container:
    """Return the HDF5 file that DeepMoji's code loads.

    A model that came from one has its names and its version of Keras again.

    Raises:
        ValueError: If `model` is no network of this shape.
    """
    require_model(model, name)
    require_settings(model, name, SETTINGS)
    texts = _texts_of(model)
    names = _by_layer(texts)
    rows = _rows(names, "", GATES, Path(name))
    # HDF5 has no bfloat16; float32 holds its values.
    dtype = "float32" if model.origin.dtype == "bfloat16" else model.origin.dtype
    arrays = to_theirs(rows, model.weights, dtype)
    return Container("hdf5", arrays, {TEXTS: texts})


def moji_model(weights: dict[str, Any], origin: Origin, path: Path) -> WordModel:
    """Return the model of a file of DeepMoji or torchMoji."""
    units = len(weights["layers/0/forward/wh"])
    embedding_size = weights["embedding/weight"].shape[1]
    settings = deepmoji()
    config = dataclasses.replace(
        settings.classifier, embedding_size=embedding_size, units=units
    )
    words = words_beside(path, origin.symbols)
    return made(weights, config, origin, words, settings)


def pooled_width(E: int, H: int) -> int:
    """Return F: both LSTMs in both directions, and the embedding."""
    return 4 * H + E


def _is_whole(container: Container) -> bool:
    texts = container.facts.get(TEXTS, {})
    return _NAMES_KEY not in texts.get("", {}) and _NAMES_KEY in texts.get(_WHOLE, {})


def _weight_names(container: Container) -> dict[str, list[str]]:
    """Return the layers with weights, and the names of their arrays, in order."""
    texts = container.facts.get(TEXTS, {})
    if _is_whole(container):
        texts = {
            "" if group == _WHOLE else group.removeprefix(f"{_WHOLE}."): values
            for group, values in texts.items()
        }
    return _by_layer(texts)


def _by_layer(texts: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    layers = texts.get("", {}).get(_NAMES_KEY, [])
    found = {}
    for layer in layers if isinstance(layers, list) else [layers]:
        names = texts.get(layer, {}).get(_ORDER_KEY, [])
        names = [names] if isinstance(names, str) else names
        if names:
            found[layer] = [f"{layer}.{name}".replace("/", ".") for name in names]
    return found


def _rows(
    names: Mapping[str, list[str]], prefix: str, gates: str, path: Path
) -> list[WordRow]:
    """Return which arrays of these layers are which weight.

    Raises:
        CheckpointError: If a layer is missing, one too many, or has other weights.
    """
    missing = [layer for layer in _ENCODER if layer not in names]
    if missing:
        raise CheckpointError(path, f"misses the weights of the layer {missing[0]!r}.")
    surplus = sorted(names.keys() - {*_LAYERS})
    if surplus:
        raise CheckpointError(path, f"has layers without a place: {brief(surplus)}.")
    found = {
        layer: [prefix + name for name in arrays] for layer, arrays in names.items()
    }
    _require_count(found, "embedding", (1,), path)
    _require_count(found, "attlayer", (1,), path)
    rows = [WordRow("embedding/weight", "VE", tuple(found["embedding"]), "VE")]
    for k, inputs in enumerate("EB"):
        layer = f"bi_lstm_{k}"
        _require_count(found, layer, (6, 2 * _KERAS_1[1]), path)
        half = len(found[layer]) // 2
        for side, start in zip(_SIDES, (0, half), strict=True):
            arrays = found[layer][start : start + half]
            _require_side(arrays, side, path)
            rows += _lstm(f"layers/{k}/{side}", arrays, inputs, gates)
    rows.append(WordRow("attention/weight", "F1", tuple(found["attlayer"]), "F1"))
    if "softmax" in found:
        _require_count(found, "softmax", (2,), path)
        kernel, bias = found["softmax"]
        rows.append(WordRow("output/weight", "FK", (kernel,), "FK"))
        rows.append(WordRow("output/bias", "K", (bias,), "K"))
    return rows


def _lstm(ours: str, arrays: list[str], inputs: str, gates: str) -> list[WordRow]:
    """Return the rows of one direction of an LSTM."""
    parts = (("wx", f"{inputs}G"), ("wh", "HG"), ("b", "G"))
    order, count = _KERAS_1
    if len(arrays) == count:
        # Of each gate W, U and b, one after the other.
        return [
            WordRow(f"{ours}/{part}", axes, tuple(arrays[k::3]), axes, order, "G")
            for k, (part, axes) in enumerate(parts)
        ]
    return [
        WordRow(f"{ours}/{part}", axes, (name,), axes, gates)
        for (part, axes), name in zip(parts, arrays, strict=True)
    ]


def _require_count(
    found: Mapping[str, list[str]], layer: str, counts: tuple[int, ...], path: Path
) -> None:
    count = len(found[layer])
    if count not in counts:
        wanted = " or ".join(map(str, counts))
        reason = f"the layer {layer!r} has {count} weights; {wanted} will do."
        raise CheckpointError(path, reason)


def _require_side(arrays: list[str], side: str, path: Path) -> None:
    """Refuse names that say the other direction than their place."""
    other = _SIDES[1 - _SIDES.index(side)]
    for name in arrays:
        if other in name.rpartition("bi_lstm")[2] and side not in name:
            reason = f"{name!r} stands where the weights that read {side} do."
            raise CheckpointError(path, reason)


def _texts_of(model: WordModel) -> dict[str, dict[str, Any]]:
    """Return the attributes of the file: those it came with, or Keras 2's."""
    told = model.origin.facts.get(TEXTS)
    if model.origin.format == NAMES[0] and _is_texts(told):
        if ("softmax" in _by_layer(told)) == model.decoder:
            return told
    layers = _LAYERS if model.decoder else _ENCODER
    weights = {
        "embedding": ["embedding/embeddings:0"],
        "attlayer": ["attlayer/attlayer_W:0"],
        "softmax": ["softmax/kernel:0", "softmax/bias:0"],
    }
    for k in range(2):
        weights[f"bi_lstm_{k}"] = [
            f"bi_lstm_{k}/{side}_lstm_{k + 1}/{part}:0"
            for side in _SIDES
            for part in ("kernel", "recurrent_kernel", "bias")
        ]
    return {
        "": {
            _NAMES_KEY: list(layers),
            # Without it Keras takes a file for one of Keras 1.
            "keras_version": "2.0.8",
            "backend": "tensorflow",
        },
        **{layer: {_ORDER_KEY: weights[layer]} for layer in layers},
    }


def _is_texts(value: Any) -> TypeGuard[dict[str, dict[str, Any]]]:
    """Return whether a value, which a run's settings may hold, is such attributes."""
    return isinstance(value, dict) and all(
        isinstance(group, dict)
        and all(
            isinstance(told, str)
            or (isinstance(told, list) and all(isinstance(text, str) for text in told))
            for told in group.values()
        )
        for group in value.values()
    )
