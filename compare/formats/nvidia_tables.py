"""NVIDIA's weights from 2018-03 on: the rows, and how each kind of file nests them.

Sources (https://github.com/NVIDIA/sentiment-discovery, versions by commit):

- `apex_utils/apex/RNN/RNNBackend.py`: `rnns.N.w_ih`, `w_hh`, `b_ih`, `b_hh`, [out, in];
  `cells.py` beside it: `w_mih`, `w_mhh`, and the order of the gates: rows i f o g in
  `pytorch_utils/apex/RNN/cells.py` (9069d93, 2018-03), rows i f g o since it calls
  PyTorch's own LSTM cell (2478e6b). LSTM and GRU cells are PyTorch's in every version.
- `apex_utils/apex/reparameterization/weight_norm.py` (bdd9a6c): `NAME_g` (rows, 1) and
  `NAME_v`, norm over the inputs of a row.
- `model/model.py` (232de60; fa52435): the nesting of a language model; a decoder may be
  missing, and lies in `lm_encoder` after fine-tuning with the auxiliary loss.
- `transfer.py` (1848271: `encoder`; d5ec5c1: `lm_encoder`) and README (046d09a: the
  published classifiers hold the decoder too): `classifier` beside them.
- `model/sentiment_classifier.py` (fa52435) and `finetune_classifier.py` (185847b):
  `{'sd': ..., 'args': Namespace}`; heads with `neurons`, `thresholds`, or with hidden
  layers.
- `data_utils/tokenization.py` (64fb402): 257 symbols, byte b is b + 1, 0 is padding.
"""

from __future__ import annotations

from typing import NamedTuple

from compare.formats.table import Row, Table
from tfsent.config import ModelConfig


class Variant(NamedTuple):
    """Where a kind of file keeps what; each a prefix of flat names.

    Attributes:
        encoder: Embedding and recurrent layers.
        decoder: Output weights.
        classifier: Head of a classifier.
        settings: The Namespace of a fine-tuning run; empty where there is none.
    """

    encoder: str
    decoder: str
    classifier: str
    settings: str = ""


MODEL = Variant("encoder.", "decoder.", "classifier.")
TRANSFER = Variant("lm_encoder.encoder.", "lm_encoder.decoder.", "classifier.")
FINETUNED = Variant(
    "sd.lm_encoder.encoder.", "sd.lm_encoder.decoder.", "sd.classifier.", "args."
)

VARIANTS = {
    "nvidia-2018-03": MODEL,
    "nvidia-2018-08": MODEL,
    "nvidia-2018-12": MODEL,
    "nvidia-2018-03-classifier": MODEL,
    "nvidia-2018-08-classifier": MODEL,
    "nvidia-2018-12-transfer": TRANSFER,
    "nvidia-2018-12-finetuned": FINETUNED,
}
"""Name of a format to its nesting."""

MLSTM_GATES = ("ifuo", "ifou")
"""Orders that an mLSTM of NVIDIA can have: since 2018-08, and before."""

GATES = {"lstm": "ifuo", "gru": "rzn", "tanh": "", "relu": ""}
"""Orders of the other cells, in every version: those of PyTorch."""

_SINGLE = (
    Row("embedding/weight", "VE", "encoder.weight", "VE"),
    Row("output/weight", "HV", "weight", "VH"),
    Row("output/bias", "V", "bias", "V"),
)
_MATRICES = (
    Row("layers/{k}/wx", "XG", "rnn.rnns.{k}.w_ih", "GX"),
    Row("layers/{k}/wh", "HG", "rnn.rnns.{k}.w_hh", "GH"),
    Row("layers/{k}/wmx", "XM", "rnn.rnns.{k}.w_mih", "MX"),
    Row("layers/{k}/wmh", "HM", "rnn.rnns.{k}.w_mhh", "MH"),
)
_GAINS = (
    Row("layers/{k}/gx", "G", "rnn.rnns.{k}.w_ih_g", "G1"),
    Row("layers/{k}/gh", "G", "rnn.rnns.{k}.w_hh_g", "G1"),
    Row("layers/{k}/gmx", "M", "rnn.rnns.{k}.w_mih_g", "M1"),
    Row("layers/{k}/gmh", "M", "rnn.rnns.{k}.w_mhh_g", "M1"),
)
_BIASES = ("rnn.rnns.{k}.b_ih", "rnn.rnns.{k}.b_hh")
_ADDED = (Row("layers/{k}/b", "G", _BIASES, "G", "sum"),)
# A GRU's second bias goes through the reset gate: the two are no sum.
_SEPARATE = tuple(
    Row(f"layers/{{k}}/{ours}", "G", theirs, "G")
    for ours, theirs in zip(("b", "bh"), _BIASES, strict=True)
)


def table(model: ModelConfig, variant: Variant, gates: str) -> Table:
    """Return the table of a model in a kind of file."""
    rows = [*_SINGLE, *(_SEPARATE if model.cell == "gru" else _ADDED)]
    for row in _MATRICES:
        theirs = f"{row.theirs}_v" if model.weight_norm else row.theirs
        rows.append(row._replace(theirs=theirs))
    rows += _GAINS
    return Table(tuple(_placed(row, variant) for row in rows), gates)


def _placed(row: Row, variant: Variant) -> Row:
    prefix = variant.decoder if row.ours.startswith("output/") else variant.encoder
    if isinstance(row.theirs, str):
        return row._replace(theirs=prefix + row.theirs)
    return row._replace(theirs=tuple(prefix + name for name in row.theirs))
