"""A trained byte-level language model with heads that tell labels.

Axes: N texts, T bytes, V = 256 byte values, H hidden units, F columns of the feature,
M heads, K outputs of a head.

Reference:
    NVIDIA's sentiment-discovery (2018), its fine-tuning. Departures: the feature is
    read at the last byte of a text, not one before; the heads' logits are averaged,
    not their probabilities; heads are compared output by output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import keras
from keras import ops

from tfsent.config import NO_DECODER, ModelConfig
from tfsent.config_encoder import EncoderConfig
from tfsent.model.language_model import ByteLanguageModel

SLOPE = 0.25
"""Of a PReLU below 0, at the start."""


@keras.saving.register_keras_serializable(package="tfsent")
class LanguageClassifier(keras.Model):
    """Bytes -> language model -> pooled states -> hidden layers -> heads.

    Weights of the language model start at zero: they are given it afterwards. Weight
    normalisation stays as in training: the directions and the gains are the weights.

    Call arguments: `bytes_NT` int[N, T]; `mask` bool[N, T], True where there is a byte
    of the text, at least one in each; `training`; `language`, whether to compute the
    language model's own loss.

    Call returns `(logits_NMK, nats, likeness)`: float32[N, M, K], what each head says;
    float32[], the mean cross entropy of the texts' bytes but each one's first in nats
    a byte (0 unless `language`); float32[], the mean squared cosine between two heads'
    weights for one output (0 for one head).

    Args:
        model_config: Shape of the language model; or the dictionary of one.
        parts: The feature: triples of a layer, a state tensor's number (0 is h, 1 is
            c) and "last", "mean", "max" or "min".
        num_outputs: K.
        config: Shape of the heads; or the dictionary of one.
        seed: Seed of the heads' start weights and of dropout.
        text_rule: Cleaning of the text that the language model reads.
        decoder: Whether the language model has output weights.
        **kwargs: As for every Keras model.

    Raises:
        ValueError: If the language model's loss is asked for and it has no decoder.

    Example:
        >>> shape = ModelConfig(hidden_size=7, embedding_size=3)
        >>> model = LanguageClassifier(shape, [(0, 1, "mean")], 2)
        >>> model.build(None)
        >>> model(ops.ones((2, 5), "int32"), mask=ops.ones((2, 5), "bool"))[0].shape
        TensorShape([2, 1, 2])
    """

    def __init__(
        self,
        model_config: ModelConfig | dict[str, Any],
        parts: Sequence[Sequence[Any]],
        num_outputs: int = 2,
        config: EncoderConfig | dict[str, Any] | None = None,
        seed: int = 0,
        text_rule: str = "openai",
        decoder: bool = True,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if isinstance(config, dict):
            config = EncoderConfig(**config | {"hidden": tuple(config["hidden"])})
        self.config = config or EncoderConfig()
        if self.config.language_loss and not decoder:
            raise ValueError(f"encoder.language_loss is above 0, but {NO_DECODER}")
        self.parts = [tuple(part) for part in parts]
        self.num_outputs = num_outputs
        self.seed = seed
        self.language_model = ByteLanguageModel(
            model_config,
            seed=None,
            text_rule=text_rule,
            decoder=decoder,
            dtype=self.dtype_policy,
            name="language_model",
        )
        self.dropouts = [
            keras.layers.Dropout(
                self.config.dropout, seed=seed + k, dtype=self.variable_dtype
            )
            for k in range(len(self.config.hidden) + 1)
        ]

    def build(self, input_shape=None):
        """Create the weights."""
        self.language_model.build(None)
        width = len(self.parts) * self.language_model.config.hidden_size
        self.center = self._weight((width,), "zeros", "center")
        self.scale = self._weight((width,), "ones", "scale")
        self.hidden, self.slopes = [], []
        for k, units in enumerate(self.config.hidden):
            self.hidden.append(self._dense(width, (units,), f"hidden_{k}"))
            if self.config.activation == "prelu":
                start = keras.initializers.Constant(SLOPE)
                self.slopes.append(self._weight((1,), start, f"slope_{k}"))
            width = units
        outputs = (self.num_outputs,) * self.config.heads
        self.heads = self._dense(width, outputs, "heads")
        self.built = True

    def _dense(self, width: int, blocks: tuple[int, ...], name: str):
        """Return kernel and bias; each block of columns is drawn as its own layer."""

        def draw(shape, dtype=None):
            glorot = keras.initializers.GlorotUniform
            offset = 10_000 * self.seed + 100 * len(self.hidden)
            drawn = [
                glorot(seed=offset + k)((width, units), dtype=dtype)
                for k, units in enumerate(blocks)
            ]
            return ops.concatenate(drawn, axis=1)

        kernel = self._weight((width, sum(blocks)), draw, f"{name}_weight")
        return kernel, self._weight((sum(blocks),), "zeros", f"{name}_bias")

    def _weight(self, shape, initializer, name: str):
        return self.add_weight(
            shape=shape, initializer=initializer, autocast=False, name=name
        )

    def call(self, bytes_NT, mask=None, training=False, language=False):
        """Return what the heads say, the language model's loss, the heads' likeness."""
        model = self.language_model
        if mask is None:
            mask = ops.ones_like(bytes_NT, "bool")
        mask_NT = ops.cast(mask, "bool")
        pooled, h_NTH = model.features(bytes_NT, mask_NT, self.parts, training)
        logits_NMK = self.said(ops.concatenate(pooled, axis=-1), training)
        nats = ops.zeros((), self.variable_dtype)
        if language:
            nats = _mean_nats(model.logits(h_NTH[:, :-1]), bytes_NT, mask_NT)
        return logits_NMK, nats, self._likeness()

    def said(self, feature_NF, training=False):
        """Return what each head says of features, float32[N, M, K].

        Each column is brought to a common size first: `center` and `scale` are no
        weights to be learnt, whoever trains sets them.
        """
        x_NF = (feature_NF - self.center) * self.scale
        for k, (kernel, bias) in enumerate(self.hidden):
            x_NF = self.dropouts[k](x_NF, training=training)
            x_NF = ops.matmul(x_NF, ops.convert_to_tensor(kernel)) + bias
            slope = self.slopes[k] if self.slopes else 0.0
            x_NF = ops.maximum(x_NF, 0.0) + slope * ops.minimum(x_NF, 0.0)
        x_NF = self.dropouts[-1](x_NF, training=training)
        kernel, bias = self.heads
        said = ops.matmul(x_NF, ops.convert_to_tensor(kernel)) + bias
        return ops.reshape(said, (-1, self.config.heads, self.num_outputs))

    def _likeness(self):
        heads = self.config.heads
        if heads == 1:
            return ops.zeros((), self.variable_dtype)
        kernel = ops.convert_to_tensor(self.heads[0])
        w_FMK = ops.reshape(kernel, (-1, heads, self.num_outputs))
        # Not a root of the sum: it has no slope at zero.
        unit_FMK = w_FMK * ops.rsqrt(ops.sum(ops.square(w_FMK), axis=0) + 1e-12)
        cosine_KMM = ops.einsum("fmk,fnk->kmn", unit_FMK, unit_FMK)
        apart = heads * (heads - 1) * self.num_outputs
        own = ops.einsum("kmm->km", ops.square(cosine_KMM))
        return (ops.sum(ops.square(cosine_KMM)) - ops.sum(own)) / apart

    def named_weights(self) -> dict[str, keras.Variable]:
        """Return every weight under the name it has in files.

        Those of the language model have its names; the others begin with `heads/`:
        `heads/center` and `heads/scale`, what the feature is brought to a common size
        with; `heads/hidden/K/weight`, `bias` and `slope`; `heads/output/weight` and
        `bias`, the columns of the first head before those of the second.
        """
        named = self.language_model.named_weights()
        named["heads/center"], named["heads/scale"] = self.center, self.scale
        for k, (kernel, bias) in enumerate(self.hidden):
            named[f"heads/hidden/{k}/weight"] = kernel
            named[f"heads/hidden/{k}/bias"] = bias
            if self.slopes:
                named[f"heads/hidden/{k}/slope"] = self.slopes[k]
        named["heads/output/weight"], named["heads/output/bias"] = self.heads
        return named

    def get_config(self):
        """Return the arguments."""
        return super().get_config() | {
            "model_config": asdict(self.language_model.config),
            "parts": self.parts,
            "num_outputs": self.num_outputs,
            "config": asdict(self.config),
            "seed": self.seed,
            "text_rule": self.language_model.text_rule,
            "decoder": self.language_model.decoder,
        }


def _mean_nats(logits_NTV, bytes_NT, mask_NT):
    """Return the mean over bytes that stand behind another of their text, in nats."""
    targets_NT = ops.cast(bytes_NT[:, 1:], "int32")
    nats_NT = ops.sparse_categorical_crossentropy(
        targets_NT, logits_NTV, from_logits=True
    )
    told_NT = ops.logical_and(mask_NT[:, 1:], mask_NT[:, :-1])
    count = ops.sum(ops.cast(told_NT, nats_NT.dtype))
    kept_NT = ops.where(told_NT, nats_NT, ops.zeros_like(nats_NT))
    return ops.sum(kept_NT) / ops.maximum(count, 1.0)
