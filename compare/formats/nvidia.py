"""NVIDIA's sentiment-discovery: language models, classifiers, fine-tuned models.

Files of 2017-12 made of Linear modules are in `linear.py`. The names differ in the
order of the gates and the nesting, not in names and shapes of weights:

- nvidia-2018-03, -classifier: an mLSTM's rows i f o g;
- nvidia-2018-08, -classifier: rows i f g o;
- nvidia-2018-12: the same, usually with 257 symbols;
- nvidia-2018-12-transfer, -finetuned: other nesting.

The padding row (257 symbols), the classifier's arrays and a fine-tuned file's
settings are kept beside the model and come back when it is written as what it was.
A model of 256 symbols stays one: no padding row is made up.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from compare.checkpoint import Checkpoint, Origin, require_language_model
from compare.containers import Container
from compare.formats import linear
from compare.formats.blocks import ONE_BLOCK
from compare.formats.nvidia_tables import (
    GATES,
    MLSTM_GATES,
    MODEL,
    VARIANTS,
    Variant,
    table,
)
from compare.formats.origins import (
    NAMESPACES,
    NESTING,
    cell_of,
    config_of,
    facts_of,
    file_gates,
    model_of,
    refuse_unknown,
    symbols_of,
    under,
)
from compare.formats.table import to_ours, to_theirs
from tfsent.checkpoint import CheckpointError
from tfsent.config import NUM_BYTES, ModelConfig

NAMES = (linear.NVIDIA, *VARIANTS)

_CLASSIFIER = "classifier/"
_CELLS = {"relu": "relu", "rnnrelu": "relu", "tanh": "tanh", "rnntanh": "tanh"}
_LM_FORMATS = ("nvidia-2018-03", "nvidia-2018-08", "nvidia-2018-12")


def recognize(container: Container) -> str | None:
    """Return what kind of NVIDIA's files this is, or None."""
    if linear.recognize(container, linear.NVIDIA):
        return "NVIDIA's language model of 2017-12 (Linear modules)"
    variant = _variant(container.arrays)
    if variant is None:
        return None
    kind = {
        "encoder.": "language model",
        "lm_encoder.encoder.": "transfer file of 2018-12",
        "sd.lm_encoder.encoder.": "fine-tuned model of 2018-12",
    }[variant.encoder]
    if variant is MODEL and under(variant.classifier, container.arrays):
        kind = "classifier"
    return f"NVIDIA's {kind} (recurrent layers rnns.N)"


def candidates(container: Container) -> tuple[str, ...]:
    """Return the gate orders that fit; tanh and relu for a cell of one block."""
    if linear.recognize(container, linear.NVIDIA):
        return linear.candidates(container, linear.NVIDIA)
    variant = _variant(container.arrays)
    if variant is None:
        return ()
    weights = _Sizes(container, variant)
    if weights.multiplicative:
        return weights.mlstm_gates
    if weights.blocks == 1:
        told = _cell_in_settings(container, variant)
        return (told,) if told else ONE_BLOCK
    return (GATES[cell_of(weights.blocks, False, None, container.path)],)


def read(container: Container, gates: str | None = None) -> Checkpoint:
    """Return the model of a file of NVIDIA.

    Args:
        container: What the file holds.
        gates: Order of an mLSTM's gates, which shapes do not tell where a file may
            be older than 2018-08; "tanh" or "relu" for a cell of one block.

    Raises:
        CheckpointError: If a weight is missing, left over or of a wrong shape, the
            file holds anything without a place, or `gates` must be told.
    """
    if linear.recognize(container, linear.NVIDIA):
        return linear.read(container, linear.NVIDIA, gates)
    path, variant = container.path, _variant(container.arrays)
    if variant is None:
        raise CheckpointError(path, "is no file of NVIDIA.")
    beside = [variant.classifier, *filter(None, [variant.settings]), "left_out"]
    refuse_unknown(container.facts, beside, path)
    refuse_unknown(container.arrays, variant[:3], path)
    sizes = _Sizes(container, variant)
    if gates is None:
        gates = _cell_in_settings(container, variant)
    cell = cell_of(sizes.blocks, sizes.multiplicative, gates, path)
    fitting = sizes.mlstm_gates if cell == "mlstm" else (GATES[cell],)
    gates = file_gates(cell, gates, fitting, path)
    arrays = {
        name: array
        for name, array in container.arrays.items()
        if name.startswith((variant.encoder, variant.decoder))
    }
    tied = _tied(arrays, variant)
    if tied:
        del arrays[f"{variant.decoder}weight"]
    model = model_of(
        path,
        cell=cell,
        hidden_size=sizes.hidden,
        embedding_size=sizes.embedding.shape[1],
        layers=sizes.layers,
        weight_norm=sizes.weight_norm,
        tied_embedding=tied,
    )
    symbols = symbols_of(sizes.embedding, f"{variant.encoder}encoder.weight", path)
    decoder = any(name.startswith(variant.decoder) for name in arrays)
    rows = table(model, variant, gates)
    mapped = to_ours(rows, arrays, model, path, decoder, symbols)
    head = under(variant.classifier, container.arrays)
    extras = mapped.extras | {_CLASSIFIER + name: a for name, a in head.items()}
    name = _format_name(variant, gates, symbols, bool(head))
    origin = Origin(name, gates, mapped.dtype, symbols, facts_of(container))
    config = config_of(model, "nvidia")
    return Checkpoint(model, mapped.weights, decoder, origin, extras, config)


def write(checkpoint: Checkpoint, name: str) -> Container:
    """Return a model as the file that NVIDIA's code of that time reads.

    A classifier is written to the formats of classifiers only, the settings of a
    fine-tuned file to that format only.

    Raises:
        ValueError: If the format cannot hold the model, or needs a classifier or
            settings that there are none of.
    """
    if name == linear.NVIDIA:
        return linear.write(checkpoint, name)
    require_language_model(checkpoint, name)
    variant, origin, model = VARIANTS[name], checkpoint.origin, checkpoint.model
    before = VARIANTS.get(origin.format)
    if variant.settings and origin.format != name:
        raise ValueError(
            f"{name} holds the settings of its fine-tuning run, which only a model "
            "read from such a file has; nvidia-2018-12-transfer needs none."
        )
    head = under(_CLASSIFIER, checkpoint.extras)
    if name not in _LM_FORMATS and not head:
        raise ValueError(
            f"{name} is a format of classifiers, and the model has none; "
            "nvidia-2018-12 holds a language model."
        )
    padding = None
    if origin.symbols > NUM_BYTES and (
        name.startswith("nvidia-2018-12") or name == origin.format
    ):
        padding = checkpoint.extras
    gates = _gates_of(model, name)
    arrays = to_theirs(
        table(model, variant, gates), checkpoint.weights, model, origin.dtype, padding
    )
    if model.tied_embedding and checkpoint.decoder:
        arrays[f"{variant.decoder}weight"] = arrays[f"{variant.encoder}encoder.weight"]
    facts: dict[str, Any] = {}
    nesting = _default_nesting(variant, checkpoint.decoder)
    spaces: tuple[str, ...] = ()
    if name not in _LM_FORMATS:
        arrays |= {variant.classifier + key: array for key, array in head.items()}
        nesting.append(variant.classifier[:-1])
        if before is not None:
            facts, inner = _moved(origin.facts, before, variant)
            nesting += inner
            spaces = tuple(origin.facts.get(NAMESPACES, ())) if variant.settings else ()
    return Container(
        "torch", arrays, facts, nesting=tuple(dict.fromkeys(nesting)), namespaces=spaces
    )


class _Sizes:
    """What names and shapes of the first layer say about a model."""

    def __init__(self, container: Container, variant: Variant) -> None:
        arrays, path = container.arrays, container.path
        layer = f"{variant.encoder}rnn.rnns.0."
        self.weight_norm = f"{layer}w_hh_v" in arrays
        suffix = "_v" if self.weight_norm else ""
        self.multiplicative = any(name.startswith(f"{layer}w_m") for name in arrays)
        self.embedding = _matrix(arrays, f"{variant.encoder}encoder.weight", container)
        recurrent = _matrix(arrays, f"{layer}w_hh{suffix}", container)
        rows, self.hidden = recurrent.shape
        if not self.hidden or rows % self.hidden or not self.embedding.shape[1]:
            reason = f"'{layer}w_hh{suffix}' has shape {recurrent.shape}."
            raise CheckpointError(path, reason)
        self.blocks = rows // self.hidden
        rest = under(f"{variant.encoder}rnn.rnns.", arrays)
        self.layers = len({name.partition(".")[0] for name in rest})
        # The other nesting and the padding symbol are younger than the newer order.
        late = variant is not MODEL or len(self.embedding) > NUM_BYTES
        self.mlstm_gates = MLSTM_GATES[:1] if late else MLSTM_GATES


def _matrix(
    arrays: Mapping[str, np.ndarray], name: str, container: Container
) -> np.ndarray:
    if name not in arrays:
        raise CheckpointError(container.path, f"misses the weight {name!r}.")
    if arrays[name].ndim != 2:
        found = arrays[name].shape
        raise CheckpointError(container.path, f"{name!r} has shape {found}, no matrix.")
    return arrays[name]


def _variant(names: Collection[str]) -> Variant | None:
    for variant in dict.fromkeys(VARIANTS.values()):
        start = f"{variant.encoder}rnn.rnns."
        if any(name.startswith(start) for name in names):
            return variant
    return None


def _cell_in_settings(container: Container, variant: Variant) -> str | None:
    told = container.facts.get(f"{variant.settings}model") if variant.settings else None
    return _CELLS.get(told.lower()) if isinstance(told, str) else None


def _tied(arrays: Mapping[str, np.ndarray], variant: Variant) -> bool:
    """Return whether the output matrix is the embedding: NVIDIA's files hold both."""
    output = arrays.get(f"{variant.decoder}weight")
    return output is not None and np.array_equal(
        output, arrays[f"{variant.encoder}encoder.weight"]
    )


def _format_name(variant: Variant, gates: str, symbols: int, head: bool) -> str:
    if variant is not MODEL:
        return next(name for name, other in VARIANTS.items() if other is variant)
    era = "nvidia-2018-03" if gates == MLSTM_GATES[1] else "nvidia-2018-08"
    if head:
        return f"{era}-classifier"
    return "nvidia-2018-12" if symbols > NUM_BYTES else era


def _gates_of(model: ModelConfig, name: str) -> str:
    if model.cell != "mlstm":
        return GATES[model.cell]
    return MLSTM_GATES[1 if name.startswith("nvidia-2018-03") else 0]


def _default_nesting(variant: Variant, decoder: bool) -> list[str]:
    names = [f"{variant.encoder}encoder", f"{variant.encoder}rnn"]
    if decoder:
        names.append(variant.decoder[:-1])
    parents = {n[:end] for n in names for end in range(len(n)) if n[end] == "."}
    return [*sorted(parents), *names]


def _moved(
    facts: Mapping[str, Any], before: Variant, variant: Variant
) -> tuple[dict[str, Any], list[str]]:
    """Return facts and nesting of head and settings under the names of `variant`."""
    moved: dict[str, Any] = {}
    nesting: list[str] = []
    pairs = [(before.classifier, variant.classifier)]
    if variant.settings:
        pairs.append((before.settings, variant.settings))
    for old, new in pairs:
        moved |= {new + name: value for name, value in under(old, facts).items()}
        inner = under(old, {f"{name}.": None for name in facts.get(NESTING, ())})
        nesting += [(new + name)[:-1] for name in inner]
    return moved, nesting
