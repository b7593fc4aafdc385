"""The byte-level language model: bytes -> embedding -> recurrent layers -> logits.

Axes: B lanes, T time steps, V = 256 byte values, E embedding width, H hidden units.

Reference:
    Radford et al. 2017, arXiv:1704.01444, section 3.
"""

from __future__ import annotations

import functools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from compare.twin.gru import GRU
from compare.twin.lstm import LSTM
from compare.twin.mlstm import MultiplicativeLSTM
from compare.twin.recompute import recomputed
from compare.twin.recurrent_layer import RecurrentLayer
from compare.twin.simple_rnn import ReLURNN, TanhRNN
from tfsent.config import NO_DECODER, NUM_BYTES, ModelConfig

CELLS: dict[str, type[RecurrentLayer]] = {
    "mlstm": MultiplicativeLSTM,
    "lstm": LSTM,
    "gru": GRU,
    "tanh": TanhRNN,
    "relu": ReLURNN,
}


class ByteLanguageModel(nn.Module):
    """A language model over bytes with an explicit recurrent state.

    The first layer reads no embeddings: their 256 projections are one table,
    computed once a call, of which every time step gathers a row. Under
    `torch.autocast` the recurrent products take its type; tables, states, logits
    stay float32. Dropout acts on the output of every recurrent layer, in training
    mode, and draws from torch's own generator.

    Call arguments: `bytes_BT` uint8 or int[B, T]; `state`, what `zero_state` or an
    earlier call gave (default zeros); `reset_BT` bool[B, T], True sets the state of
    the lane to zero before that byte.

    Call returns `(logits_BTV, state)`: float32[B, T, 256], the logits of the byte
    that follows each input byte, and the state after the last byte: for each layer
    a tuple of float32[B, H], h first (then c).

    Args:
        config: Shape of the model.
        seed: Seed of the start weights.
        text_rule: Cleaning of the text that the model reads, kept with it.
        decoder: Whether there are output weights. Published files made for
            classification have none: their model gives `hidden`, and no logits.

    Attributes:
        recompute_layers: Whether, with gradients, a layer keeps only what it reads and
            computes the rest anew on the way back. Saves memory where there are
            several layers.

    Example:
        >>> model = ByteLanguageModel(ModelConfig(hidden_size=8, embedding_size=4))
        >>> logits, state = model(torch.zeros(2, 5, dtype=torch.uint8))
        >>> logits.shape
        torch.Size([2, 5, 256])
    """

    def __init__(
        self,
        config: ModelConfig,
        seed: int = 0,
        text_rule: str = "openai",
        decoder: bool = True,
    ):
        super().__init__()
        self.config = config
        self.seed = seed
        self.text_rule = text_rule
        self.decoder = decoder
        self.recompute_layers = False
        generator = torch.Generator().manual_seed(seed)
        matrix, bias, uniform = _initializers(config, generator)
        self.embedding = nn.Embedding(NUM_BYTES, config.embedding_size)
        # Standard deviation 1 in both recipes, as in `tfsent.model.language_model`.
        nn.init.normal_(self.embedding.weight, generator=generator)
        widths = [config.embedding_size] + [config.hidden_size] * (config.layers - 1)
        self.layers = nn.ModuleList(
            CELLS[config.cell](
                width,
                config.hidden_size,
                weight_norm=config.weight_norm,
                matrix_initializer=matrix,
                bias_initializer=bias,
            )
            for width in widths
        )
        if decoder:
            self.output = nn.Linear(config.hidden_size, NUM_BYTES)
            nn.init.zeros_(self.output.bias)
            if config.tied_embedding:
                self.output.weight = self.embedding.weight
            else:
                uniform(self.output.weight)

    def zero_state(self, batch_size: int) -> list[tuple[Tensor, ...]]:
        """Return the state before any byte: zeros, a tuple a layer."""
        return [layer.zero_state(batch_size) for layer in self.layers]

    def hidden(self, bytes_BT, state=None, reset_BT=None):
        """Return the last layer's output, float32[B, T, H], and the state after it."""
        h_TBH, state = self._hidden(bytes_BT, state, reset_BT)
        return h_TBH.transpose(0, 1), state

    def _hidden(self, bytes_BT, state, reset_BT):
        """Return what `hidden` returns, with time first."""
        if state is None:
            state = self.zero_state(len(bytes_BT))
        index_TB, reset_TB = self._lanes(bytes_BT, reset_BT)
        new_state = []
        below_TBH = None
        for layer, layer_state in zip(self.layers, state, strict=True):
            source, rows_TB = self._source(index_TB, below_TBH)

            def read(source, *state, layer=layer, rows_TB=rows_TB):
                inputs = self._projected(layer, source, rows_TB)
                h_TBH, state = layer.run(inputs, state, rows_TB, reset_TB)
                return h_TBH, *state

            if self.recompute_layers and torch.is_grad_enabled():
                parameters = list(layer.parameters())
                h_TBH, *after = recomputed(read, (source, *layer_state), parameters)
            else:
                h_TBH, *after = read(source, *layer_state)
            below_TBH = functional.dropout(h_TBH, self.config.dropout, self.training)
            new_state.append(tuple(after))
        return below_TBH, new_state

    def features(self, bytes_BT, mask_BT, parts):
        """Return states pooled over each text, with a gradient, and the last output.

        The states before dropout, which acts on what the next layer and the logits
        read.

        Args:
            bytes_BT: uint8 or int[B, T].
            mask_BT: bool[B, T]. False: no byte of the text; each has one at least.
            parts: Triples of a layer, a state tensor's number (0 is h, 1 is c) and
                "last", "mean", "max" or "min".

        Returns:
            `(pooled, h_TBH)`: for each part float32[B, H]; what the logits are
            made of.
        """
        index_TB, mask_TB = self._lanes(bytes_BT, mask_BT)
        found = {}
        below_TBH = None
        for k, layer in enumerate(self.layers):
            source, rows_TB = self._source(index_TB, below_TBH)
            inputs = self._projected(layer, source, rows_TB)
            start = layer.zero_state(len(bytes_BT))
            sequences, state = layer.run_states(inputs, start, rows_TB, mask_TB)
            for part in parts:
                if part[0] == k and part[2] == "last":
                    found[part] = state[part[1]]
                elif part[0] == k:
                    pool = _pooled_over(sequences[part[1]], mask_TB, part[2])
                    found[part] = pool
            below_TBH = functional.dropout(
                sequences[0], self.config.dropout, self.training
            )
        return [found[part] for part in parts], below_TBH

    @torch.no_grad()
    def states(self, bytes_BT, state, reset_BT):
        """Return all states after every byte; without dropout and gradient.

        Returns:
            For each layer its state tensors, float32[T, B, H], h first (then c).
        """
        index_TB, reset_TB = self._lanes(bytes_BT, reset_BT)
        found = []
        below_TBH = None
        for layer, layer_state in zip(self.layers, state, strict=True):
            source, rows_TB = self._source(index_TB, below_TBH)
            inputs = self._projected(layer, source, rows_TB)
            found.append(layer.states(inputs, layer_state, rows_TB, reset_TB))
            below_TBH = found[-1][0]
        return found

    def _lanes(self, bytes_BT, reset_BT):
        """Return bytes as indices and the resets, both with time first."""
        device = self.embedding.weight.device
        index_TB = torch.as_tensor(bytes_BT).to(device).t().long().contiguous()
        if reset_BT is None:
            return index_TB, None
        return index_TB, torch.as_tensor(reset_BT).to(device).t()

    def _source(self, index_TB, below_TBH):
        """Return what a layer reads: the layer below, or the embedding and its rows."""
        if below_TBH is None:
            return self.embedding.weight, index_TB
        return below_TBH, None

    def _projected(self, layer, source, rows_TB):
        """Return a layer's input projections, of steps or of the rows of a table."""
        if rows_TB is None:
            return layer.project(source)
        # The table is float32, its rows are cast: the gradient of a row is a
        # sum over all places of that byte.
        with torch.autocast(source.device.type, enabled=False):
            return layer.project(source)

    def forward(self, bytes_BT, state=None, reset_BT=None):
        """Return the logits and the state."""
        if not self.decoder:
            raise ValueError(NO_DECODER)
        h_TBH, state = self._hidden(bytes_BT, state, reset_BT)
        return self.logits(h_TBH).transpose(0, 1), state

    def logits(self, h_TBH):
        """Return the logits, float32[T, B, 256], of the last layer's output."""
        with torch.autocast(h_TBH.device.type, enabled=False):
            return self.output(h_TBH)


def _pooled_over(s_TBH, mask_TB, pooling: str):
    """Return the mean, the largest or the smallest over the steps of a mask, [B, H]."""
    mask_TB1 = mask_TB[:, :, None]
    if pooling == "mean":
        kept_TBH = s_TBH.masked_fill(~mask_TB1, 0.0)
        return kept_TBH.sum(0) / mask_TB.sum(0)[:, None]
    least = {"max": -math.inf, "min": math.inf}[pooling]
    kept_TBH = s_TBH.masked_fill(~mask_TB1, least)
    return {"max": torch.amax, "min": torch.amin}[pooling](kept_TBH, 0)


def _initializers(config: ModelConfig, generator: torch.Generator):
    """Return the makers of start weights of a recipe: matrices, biases, uniform."""
    bound = 1 / math.sqrt(config.hidden_size)
    uniform = functools.partial(
        nn.init.uniform_, a=-bound, b=bound, generator=generator
    )
    if config.initialization == "nvidia":
        return uniform, uniform, uniform
    orthogonal = functools.partial(nn.init.orthogonal_, generator=generator)
    return orthogonal, nn.init.zeros_, uniform
