"""The signatures of an exported model: what it can be called by, and with what.

Axes: N texts or lanes, H hidden units, F columns of the feature, V = 256 byte
values, K outputs of the classifier.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfsent.export.cleaning import Cleaner
from tfsent.export.reader import Reader, State
from tfsent.model.language_model import ByteLanguageModel
from tfsent.transfer.classifier import Classifier
from tfsent.transfer.feature import Part

_TEXT = tf.TensorSpec([None], tf.string, name="text")


class Served(tf.Module):
    """A model with everything its signatures need.

    Args:
        model: The language model.
        parts: What its feature is made of.
        classifier: Judges the feature; None for a model that only reads.
    """

    def __init__(
        self,
        model: ByteLanguageModel,
        parts: tuple[Part, ...],
        classifier: Classifier | None = None,
    ):
        super().__init__(name="tfsent")
        self.cleaner = Cleaner(model.text_rule)
        self.reader = Reader(model)
        self._parts = parts
        self._classifier = classifier
        if classifier is not None:
            self.weights_FK = tf.Variable(classifier.weights, trainable=False)

    def signatures(self) -> dict[str, Any]:
        """Return the functions by the names of their signatures."""
        functions: dict[str, tuple[Callable, list]] = {
            "clean": (self._clean, [_TEXT]),
            "features": (self._features, [_TEXT]),
        }
        if self._classifier is not None:
            functions["serving_default"] = (self._classify, [_TEXT])
        if self.reader.decoder:
            functions["bpc"] = (self._bpc, [_TEXT])
            functions["step"] = (self.step, self.step_specs())
        made: dict[str, Any] = {
            name: tf.function(
                function, input_signature=signature, autograph=False
            ).get_concrete_function()
            for name, (function, signature) in functions.items()
        }
        made.setdefault("serving_default", made["features"])
        return made

    def step_specs(self, lanes: int | None = None) -> list[tf.TensorSpec]:
        """Return what `step` takes: bytes, then h and, with a cell state, c."""
        shape = [lanes, self.reader.config.hidden_size]
        if self.reader.config.layers > 1:
            shape = [self.reader.config.layers, *shape]
        names = ("h_in", "c_in")[: self.reader.num_states]
        byte = tf.TensorSpec([lanes], tf.uint8, name="byte")
        return [byte, *(tf.TensorSpec(shape, tf.float32, name=n) for n in names)]

    def _clean(self, text: Any) -> dict[str, Any]:
        return {"cleaned": self.cleaner(text)}

    def _features(self, text: Any) -> dict[str, Any]:
        return {"features": self._feature(text)}

    def _feature(self, text: Any) -> Any:
        return tf.concat(self.reader.read(self.cleaner(text), self._parts).pooled, 1)

    def _bpc(self, text: Any) -> dict[str, Any]:
        text_N = self.cleaner(text)
        bits_N = self.reader.read(text_N, (), score=True).bits
        scored_N = tf.strings.length(text_N) - 1
        bpc = tf.reduce_sum(bits_N) / tf.cast(tf.reduce_sum(scored_N), tf.float64)
        return {
            "bpc": tf.cast(bpc, tf.float32),
            "bits": tf.cast(bits_N, tf.float32),
            "scored_bytes": scored_N,
        }

    def features_of_bytes(self, data: Any) -> dict[str, Any]:
        """Return the features of one text, of bytes as the model reads them."""
        return {"features": tf.concat(self.reader.read_one(data, self._parts), 1)}

    def step(self, byte: Any, h_in: Any, c_in: Any = None) -> dict[str, Any]:
        """Return logits and state after one byte more of each lane."""
        given = [h_in] if c_in is None else [h_in, c_in]
        layers = self.reader.config.layers
        state: State = [
            [tf.transpose(s if layers == 1 else s[k]) for s in given]
            for k in range(layers)
        ]
        state = self.reader.step(byte, state)
        result = {"logits": self.reader.logits(state)}
        for k, name in enumerate(("h_out", "c_out")[: len(given)]):
            of_layers = [tf.transpose(layer[k]) for layer in state]
            result[name] = of_layers[0] if layers == 1 else tf.stack(of_layers)
        return result

    def _classify(self, text: Any) -> dict[str, Any]:
        """Return what the classifier says; the arithmetic is `transfer.classifier`."""
        classifier = self._classifier
        assert classifier is not None
        features_NF = tf.cast(self._feature(text), tf.float64)
        score_NK = features_NF @ self.weights_FK + classifier.bias
        logs_NK = tf.math.log_sigmoid(score_NK)
        names, thresholds = list(classifier.classes), classifier.thresholds
        if classifier.kind == "multiclass":
            # Each class against the others, divided by their sum.
            probability_NK = tf.nn.softmax(logs_NK)
            label = tf.gather(names, tf.argmax(probability_NK, 1))
        elif classifier.kind == "multilabel":
            probability_NK = tf.exp(logs_NK)
            label = tf.where(probability_NK > thresholds, names, "")
        else:
            probability_NK = tf.exp(logs_NK)
            yes_N = tf.cast(probability_NK[:, 0] > thresholds[0], tf.int32)
            label = tf.gather(names, yes_N)
            probability_NK, score_NK = probability_NK[:, 0], score_NK[:, 0]
        return {
            "probability": tf.cast(probability_NK, tf.float32),
            "label": label,
            "score": tf.cast(score_NK, tf.float32),
        }
