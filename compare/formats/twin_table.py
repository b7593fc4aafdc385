"""Names, axes and gate order of the PyTorch twin; in what layout its runs lie.

`[out, in]` matrices, rows of gates as in `torch.nn.LSTM` and `torch.nn.GRU`. Under
weight normalisation a matrix has the two names that
`torch.nn.utils.parametrizations.weight_norm` gives it: `original0`, the gain, one a
row, and `original1`, the direction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from compare.formats.table import Row, Table
from tfsent.checkpoint import Layout, expected_shapes
from tfsent.checkpoint.layout import Norm
from tfsent.config import ModelConfig

GATES = {"mlstm": "ifuo", "lstm": "ifuo", "gru": "rzn", "tanh": "", "relu": ""}
"""Cell to the order of its blocks in the twin."""

_MATRICES = {
    "wx": ("XG", "GX", "gx"),
    "wh": ("HG", "GH", "gh"),
    "wmx": ("XM", "MX", "gmx"),
    "wmh": ("HM", "MH", "gmh"),
}
"""Matrix to our axes, the twin's, and the name of our gain."""

_NORMED = "layers.{k}.parametrizations."
_GAIN = re.compile(r"(layers\.[0-9]+\.parametrizations\.[a-z]+\.)original0")


def table_of(model: ModelConfig, gates: str | None = None) -> Table:
    """Return the table for models like this one.

    Args:
        model: Its cell and weight normalisation count.
        gates: Order of the blocks in the file. Default: the twin's own.
    """
    rows = [
        Row("embedding/weight", "VE", "embedding.weight", "VE"),
        Row("layers/{k}/b", "G", "layers.{k}.b", "G"),
        Row("layers/{k}/bh", "G", "layers.{k}.bh", "G"),
        Row("output/weight", "HV", "output.weight", "VH"),
        Row("output/bias", "V", "output.bias", "V"),
    ]
    for name, (ours, theirs, gain) in _MATRICES.items():
        matrix = f"layers.{{k}}.{name}"
        if model.weight_norm:
            matrix = f"{_NORMED}{name}.original1"
            columns = ours[1]
            scale = f"{_NORMED}{name}.original0"
            rows.append(Row(f"layers/{{k}}/{gain}", columns, scale, f"{columns}1"))
        rows.append(Row(f"layers/{{k}}/{name}", ours, matrix, theirs))
    return Table(tuple(rows), GATES[model.cell] if gates is None else gates)


def _shapes(model: ModelConfig, decoder: bool = True) -> dict[str, tuple[int, ...]]:
    rows = {row.ours: row for row in table_of(model).rows}
    shapes = {}
    for name, shape in expected_shapes(model, decoder).items():
        head, layer, rest = name.partition("layers/")
        k, _, last = rest.partition("/")
        row = rows[f"layers/{{k}}/{last}" if layer else head]
        sizes = dict(zip(row.axes, shape, strict=True)) | {"1": 1}
        theirs = str(row.theirs).replace("{k}", k)
        shapes[theirs] = tuple(sizes[letter] for letter in row.their_axes)
    return shapes


def _norms(names: Iterable[str]) -> list[Norm]:
    found = [(name, _GAIN.fullmatch(name)) for name in names]
    return [Norm(name, f"{m[1]}original1", 1) for name, m in found if m]


LAYOUT = Layout("tfsent-twin", "model.pt", _shapes, _norms)
"""How weights lie in a run of the twin: a tied output weight is left out."""
