"""A recurrent classifier over words, of any of the published shapes.

Axes: N texts, T words, V words known, E embedding width, H hidden units, F width of
the pooled vector, K outputs, P columns of an input projection.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import keras
import numpy as np
from keras import ops

from tfsent.config_supervised import ClassifierConfig
from tfsent.model.gru import GRU
from tfsent.model.lstm import LSTM
from tfsent.model.mlstm import MultiplicativeLSTM
from tfsent.model.pooling import AttentionPooling, MaskedMax, MaskedMean
from tfsent.model.simple_rnn import ReLURNN, TanhRNN

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


@keras.saving.register_keras_serializable(package="tfsent")
class SequenceClassifier(keras.Model):
    """Word ids -> embedding -> recurrent layers -> pooling -> hidden layers -> logits.

    What each part is, `ClassifierConfig` says. A layer that reads in both directions
    joins forward and backward outputs; with `skip_connections` the outputs of all
    layers and the embedding are pooled, joined from the last layer to the first. A
    masked step changes no state, so padding may stand on either side.

    Call arguments: `words_NT` int[N, T]; `mask` bool[N, T], by default every word but
    those of id 0; `training`; `return_attention`.

    Call returns the logits, float32[N, K]; with `return_attention` (pooling
    "attention" alone) `(logits, weights)`, the weight of each word, float32[N, T].

    Args:
        num_words: V, ids from 0 to V - 1.
        num_outputs: K.
        config: Shape; or the dictionary of one.
        seed: Seed of the start weights and of dropout.
        **kwargs: As for every Keras model.

    Raises:
        ValueError: If a size is below 1, or attention is asked of another pooling.

    Reference:
        LISA lab 2014 (mean pooling), Radford 2015 and the Passage library (gated
        units, steeper sigmoid), Felbo et al. 2017, arXiv:1708.00524 (attention over
        all layers).

    Example:
        >>> model = SequenceClassifier(11, 3, ClassifierConfig(units=7))
        >>> model(ops.array([[3, 5, 2], [4, 0, 0]])).shape
        TensorShape([2, 3])
    """

    def __init__(
        self,
        num_words: int,
        num_outputs: int = 2,
        config: ClassifierConfig | dict[str, Any] | None = None,
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        for name, value in (("num_words", num_words), ("num_outputs", num_outputs)):
            if value < 1:
                raise ValueError(f"{name} is {value}; at least 1 will do.")
        if isinstance(config, dict):
            config = ClassifierConfig(**config | {"hidden": tuple(config["hidden"])})
        self.num_words = num_words
        self.num_outputs = num_outputs
        self.config = config or ClassifierConfig()
        self.seed = seed
        self.supports_masking = True
        self._draws = 0
        self._make_layers()

    def _make_layers(self) -> None:
        config, policy = self.config, self.dtype_policy
        layers = keras.layers
        self.embedding = None
        if not config.one_hot:
            reach = config.embedding_range
            self.embedding = layers.Embedding(
                self.num_words,
                config.embedding_size,
                embeddings_initializer=keras.initializers.RandomUniform(
                    -reach, reach, seed=self._next_seed()
                ),
                dtype=policy,
                name="embedding",
            )
        self.spatial_dropout = layers.SpatialDropout1D(
            config.spatial_dropout, seed=self.seed, dtype=policy, name="spatial_dropout"
        )
        backwards = {"forward": (False,), "backward": (True,), "both": (False, True)}
        self.directions = backwards[config.direction]
        self.readers = [
            self._reader(k, go_backwards)
            for k in range(config.layers)
            for go_backwards in self.directions
        ]
        self.pooling = {
            "mean": MaskedMean,
            "max": MaskedMax,
            "attention": AttentionPooling,
        }.get(config.pooling, layers.Identity)(dtype=policy, name="pooling")
        glorot = keras.initializers.GlorotUniform
        self.hidden = [
            layers.Dense(
                width,
                activation="relu",
                kernel_initializer=glorot(seed=self._next_seed()),
                dtype=policy,
                name=f"hidden_{k}",
            )
            for k, width in enumerate(config.hidden)
        ]
        self.dropouts = [
            layers.Dropout(
                config.dropout, seed=self.seed + k, dtype=policy, name=f"dropout_{k}"
            )
            for k in range(len(config.hidden) + 1)
        ]
        # float32: the logits decide, and cost nothing.
        self.output_layer = layers.Dense(
            self.num_outputs,
            kernel_initializer=glorot(seed=self._next_seed()),
            dtype=self.variable_dtype,
            name="output_layer",
        )

    def _next_seed(self) -> int:
        self._draws += 1
        return 10_000 * self.seed + 100 * self._draws

    def _reader(self, layer: int, go_backwards: bool):
        """Return one recurrent layer in one direction."""
        config, init = self.config, keras.initializers
        gain = config.initialization_gain
        recurrent = {
            "orthogonal": lambda seed: init.Orthogonal(gain, seed=seed),
            "identity": lambda seed: init.Identity(gain),
            "uniform": lambda seed: init.RandomUniform(
                -UNIFORM_RANGE * gain, UNIFORM_RANGE * gain, seed=seed
            ),
            "normal": lambda seed: init.RandomNormal(
                stddev=NORMAL_DEVIATION * gain, seed=seed
            ),
        }
        kernel = dict(recurrent) | {
            "identity": lambda seed: init.GlorotUniform(seed=seed),
            "glorot": lambda seed: init.GlorotUniform(seed=seed),
        }
        kind = config.input_initialization or config.initialization
        settings: dict[str, Any] = {}
        if config.cell in GATED:
            settings["gate_activation"] = config.gate_activation
        return CELLS[config.cell](
            config.units,
            weight_norm=False,
            kernel_initializer=kernel[kind](self._next_seed()),
            recurrent_initializer=recurrent[config.initialization](self._next_seed()),
            bias_initializer=self._bias,
            return_sequences=True,
            return_state=True,
            go_backwards=go_backwards,
            dtype=self.dtype_policy,
            name=f"layer_{layer}_{'backward' if go_backwards else 'forward'}",
            **settings,
        )

    def _bias(self, shape, dtype=None):
        """Return start biases: zeros, but for the forget gate's."""
        bias = np.zeros(shape, "float32")
        if self.config.forget_bias:
            units = self.config.units
            # The second of the four blocks of GATES.
            bias[units : 2 * units] = self.config.forget_bias
        return ops.convert_to_tensor(bias, dtype)

    def build(self, input_shape=None):
        """Create the weights."""
        config = self.config
        width = self.num_words if config.one_hot else config.embedding_size
        widths = [] if config.one_hot else [width]
        if self.embedding is not None:
            self.embedding.build((None, None))
        for k in range(config.layers):
            for reader in self._of_layer(k):
                reader.build((None, None, width))
            width = config.units * len(self.directions)
            widths.append(width)
        if config.skip_connections and config.pooling != "last":
            width = sum(widths)
        self.pooling.build((None, None, width))
        for layer in self.hidden:
            layer.build((None, width))
            width = layer.units
        self.output_layer.build((None, width))
        self.built = True

    def _of_layer(self, k: int) -> list:
        count = len(self.directions)
        return self.readers[count * k : count * (k + 1)]

    def call(self, words_NT, mask=None, training=False, return_attention=False):
        """Return the logits."""
        if mask is None:
            mask = ops.not_equal(words_NT, 0)
        mask_NT = ops.cast(mask, "bool")
        x_NTE, outputs = None, []
        if self.embedding is not None:
            x_NTE = self.embedding(words_NT)
            if self.config.embedding_activation == "tanh":
                x_NTE = ops.tanh(x_NTE)
            x_NTE = self.spatial_dropout(x_NTE, training=training)
            outputs.append(x_NTE)
        for k in range(self.config.layers):
            read = [
                self._read(reader, x_NTE, words_NT, mask_NT)
                for reader in self._of_layer(k)
            ]
            x_NTE = ops.concatenate([h_NTH for h_NTH, _ in read], axis=-1)
            outputs.append(x_NTE)
        if self.config.pooling == "last":
            pooled_NF = ops.concatenate([h_NH for _, h_NH in read], axis=-1)
        else:
            if self.config.skip_connections:
                x_NTE = ops.concatenate(outputs[::-1], axis=-1)
            pooled_NF = self._pooled(x_NTE, mask_NT, return_attention)
        attention_NT = None
        if return_attention:
            pooled_NF, attention_NT = pooled_NF
        for dropout, layer in zip(self.dropouts, self.hidden, strict=False):
            pooled_NF = layer(dropout(pooled_NF, training=training))
        logits_NK = self.output_layer(self.dropouts[-1](pooled_NF, training=training))
        return (logits_NK, attention_NT) if return_attention else logits_NK

    def _read(self, reader, x_NTE, words_NT, mask_NT):
        """Return the outputs of one layer in one direction, and its last one."""
        if x_NTE is not None:
            h_NTH, last_NH, *_ = reader(x_NTE, mask=mask_NT)
        else:
            h_NTH, last_NH = self._read_one_hot(reader, words_NT, mask_NT)
        return (ops.flip(h_NTH, 1) if reader.go_backwards else h_NTH), last_NH

    def _read_one_hot(self, reader, words_NT, mask_NT):
        """Return what a layer gives for one-hot words: they name rows of its matrix."""
        if reader.go_backwards:
            words_NT, mask_NT = ops.flip(words_NT, 1), ops.flip(mask_NT, 1)
        weights = reader.effective()
        table_VP = ops.concatenate([weights[w.name] for w in reader.inputs], axis=1)
        bias_P = ops.concatenate([weights[w.name] for w in reader.biases], axis=0)
        missing = table_VP.shape[1] - bias_P.shape[0]
        bias_P = ops.pad(bias_P, ((0, missing),)) if missing else bias_P
        p_NTP = ops.take(table_VP, words_NT, axis=0) + bias_P
        h_NTH, state = reader.run(
            ops.cast(p_NTP, reader.compute_dtype),
            weights,
            reader.zero_state(ops.shape(words_NT)[0]),
            None,
            mask_NT,
        )
        cast = reader.compute_dtype
        return ops.cast(h_NTH, cast), ops.cast(state[0], cast)

    def _pooled(self, h_NTF, mask_NT, return_attention: bool):
        if not return_attention:
            return self.pooling(h_NTF, mask=mask_NT)
        if self.config.pooling != "attention":
            raise ValueError(
                f"pooling is {self.config.pooling}; attention alone has weights."
            )
        return self.pooling(h_NTF, mask=mask_NT, return_attention=True)

    def named_weights(self) -> dict[str, keras.Variable]:
        """Return every weight under the name it has in files.

        Names: `embedding/weight`, `layers/K/forward/wx` and so on, `attention/weight`,
        `hidden/K/weight`, `output/weight`, each with its `bias` where it has one.
        """
        named: dict[str, keras.Variable] = {}
        if self.embedding is not None:
            named["embedding/weight"] = self.embedding.embeddings
        for k in range(self.config.layers):
            for reader in self._of_layer(k):
                side = "backward" if reader.go_backwards else "forward"
                for weight in (
                    reader.inputs
                    + reader.recurrent
                    + reader.biases
                    + reader.recurrent_biases
                ):
                    variable = getattr(reader, weight.name)
                    named[f"layers/{k}/{side}/{weight.name}"] = variable
        if self.config.pooling == "attention":
            named["attention/weight"] = self.pooling.attention
        for k, layer in enumerate(self.hidden):
            named[f"hidden/{k}/weight"] = layer.kernel
            named[f"hidden/{k}/bias"] = layer.bias
        named["output/weight"] = self.output_layer.kernel
        named["output/bias"] = self.output_layer.bias
        return named

    def compute_mask(self, words_NT, previous_mask=None):
        """Return none: the output has no steps."""
        return None

    def compute_output_shape(self, words_shape, *args, **kwargs):
        """Return the shape of the logits."""
        return (words_shape[0], self.num_outputs)

    def get_config(self):
        """Return the arguments."""
        return super().get_config() | {
            "num_words": self.num_words,
            "num_outputs": self.num_outputs,
            "config": asdict(self.config),
            "seed": self.seed,
        }
