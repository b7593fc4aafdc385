"""A recurrent classifier over words, of any of the published shapes.

Axes: N texts, T words, V words known, E embedding width, H hidden units, F width of
the pooled vector, K outputs, P columns of an input projection.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from compare.twin.gru import GRU
from compare.twin.lstm import LSTM
from compare.twin.mlstm import MultiplicativeLSTM
from compare.twin.pooling import AttentionPooling, MaskedMax, MaskedMean
from compare.twin.simple_rnn import ReLURNN, TanhRNN
from tfsent.config_supervised import ClassifierConfig

CELLS: dict[str, Any] = {
    "lstm": LSTM,
    "gru": GRU,
    "mlstm": MultiplicativeLSTM,
    "tanh": TanhRNN,
    "relu": ReLURNN,
}
GATED = ("lstm", "gru", "mlstm")

UNIFORM_RANGE = 0.05
NORMAL_DEVIATION = 0.05
"""Of start weights before `initialization_gain`, as in Passage."""


class SequenceClassifier(nn.Module):
    """Word ids -> embedding -> recurrent layers -> pooling -> hidden layers -> logits.

    The model of `tfsent.model.sequence_classifier` on PyTorch: the same shapes,
    masks and start distributions; the numbers drawn differ.

    Call arguments: `words_NT` int[N, T]; `mask_NT` bool[N, T], by default every word
    but those of id 0; `return_attention`. Dropout acts in training mode.

    Call returns the logits, float32[N, K]; with `return_attention` (pooling
    "attention" alone) `(logits, weights)`, the weight of each word, float32[N, T].

    Args:
        num_words: V, ids from 0 to V - 1.
        num_outputs: K.
        config: Shape.
        seed: Seed of the start weights.

    Raises:
        ValueError: If a size is below 1, or attention is asked of another pooling.

    Reference:
        As for the Keras model.

    Example:
        >>> model = SequenceClassifier(11, 3, ClassifierConfig(units=7))
        >>> model(torch.tensor([[3, 5, 2], [4, 0, 0]])).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        num_words: int,
        num_outputs: int = 2,
        config: ClassifierConfig | None = None,
        seed: int = 0,
    ):
        super().__init__()
        for name, value in (("num_words", num_words), ("num_outputs", num_outputs)):
            if value < 1:
                raise ValueError(f"{name} is {value}; at least 1 will do.")
        self.num_words = num_words
        self.num_outputs = num_outputs
        self.config = config or ClassifierConfig()
        self._make_layers(torch.Generator().manual_seed(seed))

    def _make_layers(self, generator: torch.Generator) -> None:
        config = self.config
        width = self.num_words if config.one_hot else config.embedding_size
        widths = [] if config.one_hot else [width]
        self.embedding = None
        if not config.one_hot:
            self.embedding = nn.Embedding(self.num_words, width)
            reach = config.embedding_range
            nn.init.uniform_(self.embedding.weight, -reach, reach, generator=generator)
        backwards = {"forward": (False,), "backward": (True,), "both": (False, True)}
        self.directions = backwards[config.direction]
        readers = []
        for _ in range(config.layers):
            readers += [self._reader(width, generator) for _ in self.directions]
            width = config.units * len(self.directions)
            widths.append(width)
        self.readers = nn.ModuleList(readers)
        if config.skip_connections and config.pooling != "last":
            width = sum(widths)
        pooling: dict[str, Any] = {
            "mean": MaskedMean,
            "max": MaskedMax,
            "attention": functools.partial(AttentionPooling, width),
        }
        self.pooling = pooling.get(config.pooling, nn.Identity)()
        self.hidden = nn.ModuleList()
        for hidden in config.hidden:
            self.hidden.append(_dense(width, hidden, generator))
            width = hidden
        self.output = _dense(width, self.num_outputs, generator)

    def _reader(self, width: int, generator: torch.Generator):
        """Return one recurrent layer in one direction, and its start weights."""
        config, init = self.config, nn.init
        gain = config.initialization_gain
        reach, deviation = UNIFORM_RANGE * gain, NORMAL_DEVIATION * gain
        recurrent = {
            "orthogonal": lambda w: init.orthogonal_(w, gain, generator),
            "identity": lambda w: init.eye_(w).mul_(gain),
            "uniform": lambda w: init.uniform_(w, -reach, reach, generator),
            "normal": lambda w: init.normal_(w, 0.0, deviation, generator),
        }

        def glorot(w_HI):
            init.xavier_uniform_(w_HI, 1.0, generator)

        kernel = recurrent | {"identity": glorot, "glorot": glorot}
        kind = config.input_initialization or config.initialization
        settings: dict[str, Any] = {}
        if config.cell in GATED:
            settings["gate_activation"] = config.gate_activation
        reader = CELLS[config.cell](
            width,
            config.units,
            weight_norm=False,
            matrix_initializer=kernel[kind],
            recurrent_initializer=recurrent[config.initialization],
            **settings,
        )
        if config.forget_bias:
            # The second of the four blocks of GATES.
            with torch.no_grad():
                forget = slice(config.units, 2 * config.units)
                reader.b[forget].fill_(config.forget_bias)
        return reader

    def forward(
        self,
        words_NT: Tensor,
        mask_NT: Tensor | None = None,
        return_attention: bool = False,
    ):
        """Return the logits."""
        config = self.config
        words_NT = torch.as_tensor(words_NT).long()
        mask_NT = words_NT != 0 if mask_NT is None else torch.as_tensor(mask_NT).bool()
        x_NTE, outputs = None, []
        if self.embedding is not None:
            x_NTE = self.embedding(words_NT)
            if config.embedding_activation == "tanh":
                x_NTE = torch.tanh(x_NTE)
            # Whole dimensions of a text, as Keras's SpatialDropout1D.
            x_NTE = functional.dropout1d(
                x_NTE.transpose(1, 2), config.spatial_dropout, self.training
            ).transpose(1, 2)
            outputs.append(x_NTE)
        for k in range(config.layers):
            read = [
                self._read(reader, backwards, x_NTE, words_NT, mask_NT)
                for reader, backwards in self._of_layer(k)
            ]
            x_NTE = torch.cat([h_NTH for h_NTH, _ in read], -1)
            outputs.append(x_NTE)
        attention_NT = None
        if config.pooling == "last":
            pooled_NF = torch.cat([h_NH for _, h_NH in read], -1)
        elif return_attention:
            pooled_NF, attention_NT = self._pooled(
                torch.cat(outputs[::-1], -1) if config.skip_connections else x_NTE,
                mask_NT,
                True,
            )
        else:
            pooled_NF = self._pooled(
                torch.cat(outputs[::-1], -1) if config.skip_connections else x_NTE,
                mask_NT,
                False,
            )
        for layer in self.hidden:
            pooled_NF = torch.relu(layer(self._dropped(pooled_NF)))
        with torch.autocast(pooled_NF.device.type, enabled=False):
            logits_NK = self.output(self._dropped(pooled_NF).float())
        return (logits_NK, attention_NT) if return_attention else logits_NK

    def _dropped(self, pooled_NF: Tensor) -> Tensor:
        return functional.dropout(pooled_NF, self.config.dropout, self.training)

    def _of_layer(self, k: int) -> list:
        count = len(self.directions)
        readers = self.readers[count * k : count * (k + 1)]
        return list(zip(readers, self.directions, strict=True))

    def _read(self, reader, backwards: bool, x_NTE, words_NT, mask_NT):
        """Return the outputs of one layer in one direction, and its last one."""
        if backwards:
            mask_NT, words_NT = mask_NT.flip(1), words_NT.flip(1)
            x_NTE = None if x_NTE is None else x_NTE.flip(1)
        if x_NTE is None:
            h_NTH, state = self._read_one_hot(reader, words_NT, mask_NT)
        else:
            h_NTH, state = reader(x_NTE, mask_BT=mask_NT)
        return (h_NTH.flip(1) if backwards else h_NTH), state[0]

    def _read_one_hot(self, reader, words_NT, mask_NT):
        """Return what a layer gives for one-hot words: they name rows of its matrix."""
        tables = []
        biases = [getattr(reader, weight.name) for weight in reader.biases]
        for weight, bias_P in zip(
            reader.inputs, biases + [None] * len(reader.inputs), strict=False
        ):
            table_VP = getattr(reader, weight.name).t()
            tables.append(table_VP if bias_P is None else table_VP + bias_P)
        h_TNH, state = reader.run(
            tables,
            reader.zero_state(len(words_NT)),
            words_NT.t().contiguous(),
            None,
            mask_NT.t(),
        )
        return h_TNH.transpose(0, 1), state

    def _pooled(self, h_NTF, mask_NT, return_attention: bool):
        if not return_attention:
            return self.pooling(h_NTF, mask_NT)
        if self.config.pooling != "attention":
            raise ValueError(
                f"pooling is {self.config.pooling}; attention alone has weights."
            )
        return self.pooling(h_NTF, mask_NT, return_attention=True)


def _dense(width: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    layer = nn.Linear(width, outputs)
    nn.init.xavier_uniform_(layer.weight, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer
