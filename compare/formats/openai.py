"""OpenAI's release: 15 arrays, weight-normalised mLSTM, gates i f o u, [in, out].

Source: `encoder.py` of https://github.com/openai/generating-reviews-discovering-sentiment
(0dad74c): parameters are taken in the order embedding, wx, wh, wmx, wmh, b, the gains
gx, gh, gmx, gmh, output w and b; 2 to 5 are joined along the columns first.
"""

from __future__ import annotations

from compare.checkpoint import Checkpoint, Origin, require_language_model
from compare.containers import Container
from compare.formats.origins import config_of, file_gates, model_of
from compare.formats.table import Row, Table, to_ours, to_theirs
from tfsent.checkpoint import CheckpointError

NAMES = ("openai",)

TABLE = Table(
    (
        Row("embedding/weight", "VE", "0", "VE"),
        Row("layers/{k}/wx", "XG", "1", "XG"),
        Row("layers/{k}/wh", "HG", ("2", "3", "4", "5"), "HG", "G"),
        Row("layers/{k}/wmx", "XM", "6", "XM"),
        Row("layers/{k}/wmh", "HM", "7", "HM"),
        Row("layers/{k}/b", "G", "8", "G"),
        Row("layers/{k}/gx", "G", "9", "G"),
        Row("layers/{k}/gh", "G", "10", "G"),
        Row("layers/{k}/gmx", "M", "11", "M"),
        Row("layers/{k}/gmh", "M", "12", "M"),
        Row("output/weight", "HV", "13", "HV"),
        Row("output/bias", "V", "14", "V"),
    ),
    gates="ifou",
)

_ARRAYS = tuple(str(n) for n in range(15))


def recognize(container: Container) -> str | None:
    """Return a line if these are numbered arrays, else None."""
    if container.arrays and all(name.isdecimal() for name in container.arrays):
        return f"OpenAI's {len(container.arrays)} numbered arrays"
    return None


def candidates(container: Container) -> tuple[str, ...]:
    """Return the one gate order that fits."""
    return (TABLE.gates,)


def read(container: Container, gates: str | None = None) -> Checkpoint:
    """Return the model; its sizes are those of the arrays.

    Raises:
        CheckpointError: If an array is missing, left over or of a wrong shape.
    """
    path, arrays = container.path, container.arrays
    for name in ("0", "7"):
        if name not in arrays:
            raise CheckpointError(path, f"misses the weight {name!r}.")
        if arrays[name].ndim != 2:
            reason = f"{name!r} has shape {arrays[name].shape}, no matrix."
            raise CheckpointError(path, reason)
    model = model_of(
        path,
        cell="mlstm",
        hidden_size=arrays["7"].shape[0],
        embedding_size=arrays["0"].shape[1],
    )
    gates = file_gates("mlstm", gates, (TABLE.gates,), path)
    mapped = to_ours(TABLE._replace(gates=gates), arrays, model, path)
    origin = Origin("openai", gates, mapped.dtype, facts=dict(container.facts))
    config = config_of(model, "openai")
    return Checkpoint(model, mapped.weights, True, origin, {}, config)


def write(checkpoint: Checkpoint, name: str) -> Container:
    """Return the 15 arrays.

    Raises:
        ValueError: If the model is anything but an untied, weight-normalised mlstm of
            one layer with a decoder.
    """
    require_language_model(checkpoint, name)
    model, origin = checkpoint.model, checkpoint.origin
    lacks = [
        what
        for what, there in (
            ("an mlstm", model.cell == "mlstm"),
            ("one layer", model.layers == 1),
            ("weight normalisation", model.weight_norm),
            ("an output matrix of its own", not model.tied_embedding),
            ("a decoder", checkpoint.decoder),
        )
        if not there
    ]
    if lacks:
        raise ValueError(f"openai holds only models with {', '.join(lacks)}.")
    same = origin.format == name
    dtype = origin.dtype if same else "float32"
    arrays = to_theirs(TABLE, checkpoint.weights, model, dtype)
    facts = dict(origin.facts) if same else {}
    return Container("npy-folder", {n: arrays[n] for n in _ARRAYS}, facts)
