"""The byte-level language model: bytes -> embedding -> recurrent layers -> logits.

Axes: B lanes, T time steps, V = 256 byte values, E embedding width, H hidden
units, P columns of an input projection.

Reference:
    Radford et al. 2017, arXiv:1704.01444, section 3.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import keras
import numpy as np
from keras import ops

from tfsent.config import NO_DECODER, NUM_BYTES, ModelConfig
from tfsent.model.forms import fused
from tfsent.model.gru import GRU
from tfsent.model.lstm import LSTM
from tfsent.model.mlstm import MultiplicativeLSTM
from tfsent.model.recompute import recomputed
from tfsent.model.recurrent_layer import RecurrentLayer
from tfsent.model.simple_rnn import ReLURNN, TanhRNN

CELLS: dict[str, type[RecurrentLayer]] = {
    "mlstm": MultiplicativeLSTM,
    "lstm": LSTM,
    "gru": GRU,
    "tanh": TanhRNN,
    "relu": ReLURNN,
}


@keras.saving.register_keras_serializable(package="tfsent")
class ByteLanguageModel(keras.Model):
    """A language model over bytes with an explicit recurrent state.

    The first layer reads no embeddings: their 256 projections are one table,
    computed once a call, of which every time step gathers a row. Logits are
    float32 whatever the precision. Dropout acts on the output of every recurrent
    layer.

    Call arguments: `bytes_BT` uint8 or int[B, T]; `state`, what `zero_state` or
    an earlier call with `return_state` gave (default zeros); `reset_BT`
    bool[B, T], True sets the state of the lane to zero before that byte;
    `return_state`.

    Call returns float32[B, T, 256], the logits of the byte that follows each
    input byte; with `return_state` a pair of them and the state after the last
    byte: for each layer a tuple of float32[B, H], h first (then c).

    Args:
        config: Shape of the model: a `ModelConfig`, or its fields as a dict.
        seed: Seed of the start weights and of dropout. None leaves the weights at
            zero, for a model that is loaded next: orthogonal blocks of 4096 units
            take 25 s on two CPU cores.
        text_rule: Cleaning of the text that the model reads, kept with it.
        decoder: Whether there are output weights. Published files made for
            classification have none: their model gives `hidden`, and no logits.
        **kwargs: As for every Keras model.

    Attributes:
        recompute_layers: Whether, in training, a layer keeps only what it reads and
            computes the rest anew on the way back. Saves memory where there are
            several layers; not saved with the model.
        unrolled: Whether, in training, the steps of a window stand in TensorFlow's
            graph one after another (`tfsent.model.unrolled`); then the caller must
            not compile the call. Not saved with the model.

    Example:
        >>> model = ByteLanguageModel(ModelConfig(hidden_size=8, embedding_size=4))
        >>> model(np.zeros((2, 5), "uint8")).shape
        TensorShape([2, 5, 256])
    """

    def __init__(
        self,
        config: ModelConfig | dict,
        seed: int | None = 0,
        text_rule: str = "openai",
        decoder: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.decoder = decoder
        self.config = ModelConfig(**config) if isinstance(config, dict) else config
        self.seed = seed
        self.text_rule = text_rule
        self.recompute_layers = False
        self.unrolled = False
        matrices, biases = self._initializers()
        self.recurrent_layers = [
            CELLS[self.config.cell](
                self.config.hidden_size,
                weight_norm=self.config.weight_norm,
                kernel_initializer=matrices(100 * k),
                recurrent_initializer=matrices(100 * k + 20),
                bias_initializer=biases(100 * k + 40),
                return_sequences=True,
                return_state=True,
                dtype=self.dtype_policy,
                name=f"layer_{k}",
            )
            for k in range(self.config.layers)
        ]
        # float32 like the state: it must not round the way to the logits.
        self.dropout = keras.layers.Dropout(
            self.config.dropout, seed=seed, dtype=self.variable_dtype
        )

    def _initializers(self):
        """Return makers of initializers, for matrices and biases, from an offset."""
        if self.seed is None:
            return (lambda offset: "zeros",) * 2
        bound = 1 / math.sqrt(self.config.hidden_size)

        def uniform(offset):
            return keras.initializers.RandomUniform(
                -bound, bound, seed=1000 * self.seed + offset
            )

        def orthogonal(offset):
            return keras.initializers.Orthogonal(seed=1000 * self.seed + offset)

        if self.config.initialization == "nvidia":
            return uniform, uniform
        return orthogonal, lambda offset: "zeros"

    def _start(self, kind, offset: int, **options):
        """Return the initializer of a weight that is no layer's."""
        if self.seed is None:
            return "zeros"
        return kind(**options, seed=1000 * self.seed + offset)

    def build(self, input_shape=None):
        """Create the weights."""
        config = self.config
        bound = 1 / math.sqrt(config.hidden_size)
        self.embedding = self.add_weight(
            shape=(NUM_BYTES, config.embedding_size),
            # Standard deviation 1 in both recipes. OpenAI's is not published; from
            # 0.1 and 0.02 a model of 128 units stood .33 and .43 BPC higher after
            # 1 MB of IMDB text.
            initializer=self._start(keras.initializers.RandomNormal, 50, stddev=1.0),
            autocast=False,
            name="embedding",
        )
        width = config.embedding_size
        for layer in self.recurrent_layers:
            layer.build((None, None, width))
            width = config.hidden_size
        if not self.decoder:
            return
        if not config.tied_embedding:
            self.output_weight = self.add_weight(
                shape=(config.hidden_size, NUM_BYTES),
                initializer=self._start(
                    keras.initializers.RandomUniform, 60, minval=-bound, maxval=bound
                ),
                autocast=False,
                name="output_weight",
            )
        self.output_bias = self.add_weight(
            shape=(NUM_BYTES,),
            initializer="zeros",
            autocast=False,
            name="output_bias",
        )

    def zero_state(self, batch_size) -> list[tuple]:
        """Return the state before any byte: zeros, a tuple a layer."""
        return [tuple(layer.zero_state(batch_size)) for layer in self.recurrent_layers]

    def hidden(self, bytes_BT, state=None, reset_BT=None, training=False):
        """Return the last layer's output, float32[B, T, H], and the state after it."""
        if state is None:
            state = self.zero_state(ops.shape(bytes_BT)[0])
        new_state = []
        below_BTH = None
        unrolled = self.unrolled and training
        read_window = self._read_unrolled if unrolled else self._read_window
        for layer, layer_state in zip(self.recurrent_layers, state, strict=True):
            source, index_BT = self._source(bytes_BT, below_BTH)

            def read(weights, source, state, layer=layer, index_BT=index_BT):
                return read_window(layer, weights, source, index_BT, state, reset_BT)

            effective = fused(layer.effective) if unrolled else layer.effective
            inputs = effective(), source, list(layer_state)
            if self.recompute_layers and training:
                h_BTH, layer_state = recomputed(read, *inputs)
            else:
                h_BTH, layer_state = read(*inputs)
            below_BTH = self.dropout(h_BTH, training=training)
            new_state.append(layer_state)
        return below_BTH, new_state

    def _read_window(self, layer, weights, source, index_BT, state, reset_BT):
        """Return a layer's output and the state after it."""
        p_BTP = self._projected(layer, weights, source, index_BT)
        return layer.run(p_BTP, weights, state, reset_BT)

    def _read_unrolled(self, layer, weights, source, index_BT, state, reset_BT):
        """Return what `_read_window` does, of products outside of XLA."""
        if index_BT is None:
            p_TBP = self._projected(layer, weights, ops.transpose(source, (1, 0, 2)))
        else:
            # The product of a table is small; gathering its rows and the gradient of
            # that are faster in XLA.
            project = fused(self._projected)
            p_TBP = project(layer, weights, source, ops.transpose(index_BT))
        h_TBH, state = layer.run_unrolled(p_TBP, weights, state, reset_BT)
        return ops.transpose(h_TBH, (1, 0, 2)), state

    def _source(self, bytes_BT, below_BTH):
        """Return what a layer reads: the layer below, or the embedding and its rows."""
        if below_BTH is None:
            return self.embedding.value, bytes_BT
        return below_BTH, None

    def _projected(self, layer, weights, source, index_BT=None):
        """Return a layer's input projections.

        `source` is the output of the layer below, or with `index_BT` a table of which
        every step reads a row.
        """
        if index_BT is None:
            return layer.project(ops.cast(source, layer.compute_dtype), weights)
        # The table is float32, its rows are cast: the gradient of a row is a
        # sum over all places of that byte, and in bfloat16 it was 18% off
        # at B = 64, T = 128 (float32: 0.13%).
        table_VP = layer.project(source, weights)
        p_BTP = ops.take(table_VP, ops.cast(index_BT, "int32"), axis=0)
        return ops.cast(p_BTP, layer.compute_dtype)

    def features(self, bytes_BT, mask_BT, parts, training=False):
        """Return states pooled over each text, with a gradient, and the last output.

        The states before dropout, which acts on what the next layer and the logits
        read.

        Args:
            bytes_BT: uint8 or int[B, T].
            mask_BT: bool[B, T]. False: no byte of the text; each has one at least.
            parts: Triples of a layer, a state tensor's number (0 is h, 1 is c) and
                "last", "mean", "max" or "min".
            training: Whether dropout acts.

        Returns:
            `(pooled, h_BTH)`: for each part float32[B, H]; what the logits are
            made of.
        """
        found = {}
        mask_TB = ops.transpose(mask_BT)
        below_BTH = None
        for k, layer in enumerate(self.recurrent_layers):
            weights = layer.effective()
            p_BTP = self._projected(layer, weights, *self._source(bytes_BT, below_BTH))
            start = layer.zero_state(ops.shape(bytes_BT)[0])
            sequences, state = layer.run_states(p_BTP, weights, start, mask_BT)
            for part in parts:
                if part[0] == k and part[2] == "last":
                    found[part] = state[part[1]]
                elif part[0] == k:
                    pool = _pooled_over(sequences[part[1]], mask_TB, part[2])
                    found[part] = pool
            h_BTH = ops.transpose(sequences[0], (2, 0, 1))
            below_BTH = self.dropout(h_BTH, training=training)
        return [found[part] for part in parts], below_BTH

    def logits(self, h_BTH):
        """Return the logits, float32[..., 256], of the last layer's output."""
        h_BTH = ops.cast(h_BTH, self.variable_dtype)
        if self.config.tied_embedding:
            w_HV = ops.transpose(ops.convert_to_tensor(self.embedding))
        else:
            w_HV = ops.convert_to_tensor(self.output_weight)
        return ops.matmul(h_BTH, w_HV) + ops.convert_to_tensor(self.output_bias)

    def pooled(self, bytes_BT, state, reset_BT, wanted):
        """Return states pooled from byte to byte, and the state after the last.

        Without dropout, without a gradient.

        Args:
            bytes_BT: uint8 or int[B, T].
            state: As `zero_state` gives it.
            reset_BT: bool[B, T]. True: state and pooling begin anew with that byte.
            wanted: Triples of a layer, a state tensor's number (0 is h, 1 is c) and
                "last", "sum", "max" or "min".

        Returns:
            `(sequences, state)`: for each triple float[T, H, B].
        """
        found, new_state, below_BTH = {}, [], None
        for k, (layer, layer_state) in enumerate(
            zip(self.recurrent_layers, state, strict=True)
        ):
            weights = layer.effective()
            p_BTP = self._projected(layer, weights, *self._source(bytes_BT, below_BTH))
            here = [triple for triple in dict.fromkeys(wanted) if triple[0] == k]
            above = [(k, 0, "last")] if k + 1 < len(state) else []
            here = list(dict.fromkeys([*here, *above]))
            sequences, layer_state = layer.pooled(
                p_BTP, weights, layer_state, reset_BT, [want for _, *want in here]
            )
            found |= dict(zip(here, sequences, strict=True))
            if above:
                below_BTH = ops.transpose(found[above[0]], (2, 0, 1))
            new_state.append(layer_state)
        return [found[triple] for triple in wanted], new_state

    def call(
        self, bytes_BT, state=None, reset_BT=None, return_state=False, training=False
    ):
        """Return the logits and, with `return_state`, the state."""
        if not self.decoder:
            raise ValueError(NO_DECODER)
        h_BTH, state = self.hidden(bytes_BT, state, reset_BT, training)
        logits_BTV = self.logits(h_BTH)
        return (logits_BTV, state) if return_state else logits_BTV

    def named_weights(self) -> dict[str, keras.Variable]:
        """Return every trainable weight under its name in a weights file."""
        names = {"embedding/weight": self.embedding}
        for k, layer in enumerate(self.recurrent_layers):
            for variable in layer.trainable_variables:
                names[f"layers/{k}/{variable.name}"] = variable
        if not self.decoder:
            return names
        if not self.config.tied_embedding:
            names["output/weight"] = self.output_weight
        names["output/bias"] = self.output_bias
        return names

    def set_named_weights(self, weights: dict[str, np.ndarray]) -> None:
        """Take every weight from a dict as a weights file holds it.

        Raises:
            ValueError: If a weight is missing, left over or of another shape.
        """
        variables = self.named_weights()
        if weights.keys() != variables.keys():
            missing = sorted(variables.keys() - weights.keys())
            surplus = sorted(weights.keys() - variables.keys())
            raise ValueError(f"weights missing: {missing}; without a place: {surplus}.")
        for name, variable in variables.items():
            if tuple(weights[name].shape) != tuple(variable.shape):
                raise ValueError(
                    f"weight {name} has shape {tuple(weights[name].shape)}; "
                    f"{tuple(variable.shape)} will do."
                )
            variable.assign(weights[name])

    def _trackable_children(self, save_type="checkpoint", **kwargs):
        # TensorFlow does not look into Keras's list of layers: `tf.train.Checkpoint`
        # would leave out every recurrent weight, without a word.
        children = super()._trackable_children(save_type, **kwargs)
        layers = enumerate(self.recurrent_layers)
        return children | {f"layer_{k}": layer for k, layer in layers}

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return super().get_config() | {
            "config": dataclasses.asdict(self.config),
            "seed": self.seed,
            "text_rule": self.text_rule,
            "decoder": self.decoder,
        }


def _pooled_over(s_THB, mask_TB, pooling: str):
    """Return the mean, the largest or the smallest over the steps of a mask, [B, H]."""
    mask_T1B = ops.expand_dims(mask_TB, 1)
    if pooling == "mean":
        kept_THB = ops.where(mask_T1B, s_THB, ops.zeros_like(s_THB))
        count_1B = ops.sum(ops.cast(mask_T1B, s_THB.dtype), axis=0)
        return ops.transpose(ops.sum(kept_THB, axis=0) / count_1B)
    least = {"max": -math.inf, "min": math.inf}[pooling]
    kept_THB = ops.where(mask_T1B, s_THB, ops.full_like(s_THB, least))
    reduce = {"max": ops.max, "min": ops.min}[pooling]
    return ops.transpose(reduce(kept_THB, axis=0))
