"""What every trained language model offers, on whatever framework it computes.

Axes: B lanes, T time steps, V = 256 byte values, P pieces of texts, H hidden units,
N texts, F columns of a feature, K chosen units.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tfsent.config import NO_DECODER
from tfsent.data.batches import ScoreBatches
from tfsent.data.text_rules import clean
from tfsent.generate import (
    Draw,
    Generation,
    Pin,
    continued,
    decoded,
    make_draw,
    make_pin,
    read_prompt,
)
from tfsent.training.results import Score
from tfsent.transfer.feature import STATES, Part, default_feature, parse_feature
from tfsent.transfer.features import Features, State, feature_rows, trace
from tfsent.transfer.reading import Piece

_LANES, _WINDOW = 64, 256


class TrainedModel(ABC):
    """A trained byte-level language model and how its text was cleaned.

    Args:
        model: The framework's model, with `text_rule` and `decoder`.
        evaluator: Scores it: `score(batches) -> Score`.

    Attributes:
        model: The framework's model.
        text_rule: Cleaning of the text it was trained on, "openai" or "nvidia".
    """

    def __init__(self, model: Any, evaluator: Any):
        self.model = model
        self.text_rule: str = model.text_rule
        self._evaluator = evaluator

    def logits(self, bytes_BT: np.ndarray) -> np.ndarray:
        """Return the logits of the byte after each byte, the state zero at the start.

        Args:
            bytes_BT: uint8[B, T].

        Returns:
            float32[B, T, 256].

        Raises:
            ValueError: If the model has no decoder.
        """
        self._need_decoder()
        bytes_BT = np.asarray(bytes_BT)
        if bytes_BT.dtype != np.uint8 or bytes_BT.ndim != 2 or 0 in bytes_BT.shape:
            raise ValueError(
                f"bytes are {bytes_BT.dtype}{list(bytes_BT.shape)}; "
                "uint8[B, T] will do."
            )
        return self._logits(bytes_BT)

    @abstractmethod
    def _logits(self, bytes_BT: np.ndarray) -> np.ndarray:
        """Return float32[B, T, 256]."""

    def bpc(self, texts: Sequence[str | bytes]) -> float:
        """Return the bits per character of texts, over all bytes but each one's first.

        Args:
            texts: A str is cleaned as in training; bytes are taken as they are.

        Raises:
            ValueError: If no text has a second byte, or the model has no decoder.
        """
        cleaned = self._cleaned(_listed(texts))
        score = self.score(_Samples([text for text in cleaned if text]))
        if not score.scored_bytes:
            raise ValueError(
                "texts have no byte to predict; at least two bytes will do."
            )
        return score.bpc

    @functools.cached_property
    def fingerprint(self) -> str:
        """Hash of weights, shape and text rule, hexadecimal.

        Equal for equal models on both frameworks, whatever their precision.
        """
        digest = hashlib.sha256()
        weights = self._named_weights()
        shape = {"cell": self.model.config.cell, "text_rule": self.text_rule}
        shapes = {name: list(w.shape) for name, w in sorted(weights.items())}
        digest.update(json.dumps([shape, shapes]).encode())
        for name in sorted(weights):
            digest.update(np.ascontiguousarray(weights[name], "<f4").tobytes())
        return digest.hexdigest()

    @property
    @abstractmethod
    def arithmetic(self) -> str:
        """Framework and precision, which decide on rounding: "keras-float32"."""

    def named_weights(self) -> dict[str, np.ndarray]:
        """Return the weights, float32, in the names and axes of a run of Keras."""
        return dict(self._named_weights())

    @abstractmethod
    def _named_weights(self) -> Mapping[str, np.ndarray]:
        """Return the weights in the names and axes of a run of Keras."""

    def clean(self, text: str | bytes) -> bytes:
        """Return what the model reads of a text: bytes are taken as they are."""
        return clean(text, self.text_rule) if isinstance(text, str) else text

    def features(
        self, texts: Iterable[str | bytes], feature: str | None = None
    ) -> Features:
        """Return the features of texts, one row each.

        A row depends on its text and the model alone, not on the others.

        Args:
            texts: A str is cleaned as in training; bytes are taken as they are.
            feature: What to take; see `tfsent.transfer.feature`. Default: the cell
                state after the last byte, as published. The mean over all bytes,
                "cell-mean", says more of a text where the model is small.

        Returns:
            float32[N, F]; an array that knows its `feature`.

        Raises:
            ValueError: If the model has no such feature, or a text has no byte.
        """
        feature = feature or default_feature(self.model.config)
        rows = list(self.feature_rows(_listed(texts), feature))
        columns = len(parse_feature(feature, self.model.config))
        shape = (len(rows), columns * self.model.config.hidden_size)
        return Features(np.array(rows, np.float32).reshape(shape), feature)

    def feature_rows(
        self, texts: Iterable[str | bytes], feature: str | None = None
    ) -> Iterator[np.ndarray]:
        """Yield the rows of `features` in the order of the texts.

        Memory stays the same for any number and length of texts: some thousand are
        at hand at a time, at most 64 MiB of those not yet begun.

        Args:
            texts: As for `features`; read little by little.
            feature: As for `features`.

        Yields:
            float32[F].
        """
        feature = feature or default_feature(self.model.config)
        return self.part_rows(texts, parse_feature(feature, self.model.config))

    def part_rows(
        self, texts: Iterable[str | bytes], parts: Sequence[Part]
    ) -> Iterator[np.ndarray]:
        """Yield rows of features as `feature_rows` does, made of these parts."""
        cleaned = self._cleaned(texts)
        return feature_rows(self._read, self._zero_state, cleaned, parts)

    def trace(
        self,
        text: str | bytes,
        units: Sequence[int],
        state: str = "cell",
        layer: int = -1,
    ) -> np.ndarray:
        """Return the values of units after each byte of a text.

        Args:
            text: A str is cleaned first: the values are those of `clean(text)`.
            units: Numbers of the units.
            state: "cell" or "hidden".
            layer: Number of the layer; -1 is the last.

        Returns:
            float32[T, K]; of a text without bytes none.

        Raises:
            ValueError: If the model has no such state, layer or unit.
        """
        config = self.model.config
        if not -config.layers <= layer < config.layers:
            raise ValueError(
                f"layer is {layer}; 0 to {config.layers - 1}, or -1, will do."
            )
        for unit in units:
            if not 0 <= unit < config.hidden_size:
                raise ValueError(
                    f"unit is {unit}; 0 to {config.hidden_size - 1} will do."
                )
        parse_feature(state, config)
        part = Part(layer % config.layers, state, "last")
        return trace(self._read, self._zero_state, self.clean(text), part, list(units))

    def _zero_state(self, lanes: int) -> State:
        """Return the state before any byte."""
        config = self.model.config
        num_states = 1 if default_feature(config) == STATES[0] else 2
        zeros = np.zeros((lanes, config.hidden_size), np.float32)
        return [(zeros,) * num_states] * config.layers

    @abstractmethod
    def _read(
        self,
        bytes_BT: np.ndarray,
        reset_BT: np.ndarray,
        state: State,
        parts: Sequence[Part],
        pieces: Sequence[Piece],
    ) -> tuple[list[np.ndarray], State]:
        """Read a window; see `tfsent.transfer.features.Read`."""

    def _cleaned(self, texts: Iterable[str | bytes]) -> Iterator[bytes]:
        return map(self.clean, texts)

    def generate(
        self,
        prompt: str | bytes = "",
        length: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int = 0,
        overwrite: Mapping[int, float] | None = None,
        overwrite_state: str = "cell",
        overwrite_layer: int = -1,
        samples: int | None = None,
    ) -> Any:
        """Return a prompt and what the model adds to it, byte by byte.

        Broken UTF-8 is replaced, and a character that the end cuts is left out; for
        the bytes as they are see `generate_bytes`, which takes the same arguments.

        Returns:
            The text; with `samples` a list of so many.

        Raises:
            ValueError: If the model has no decoder, or an argument cannot work.
        """
        drawn = self.generate_bytes(
            prompt,
            length,
            temperature,
            top_k,
            seed,
            overwrite,
            overwrite_state,
            overwrite_layer,
            1 if samples is None else samples,
        )
        _, shown = read_prompt(prompt, self.text_rule)
        texts = [decoded(shown + sample) for sample in drawn]
        return texts[0] if samples is None else texts

    def generate_bytes(
        self,
        prompt: str | bytes = "",
        length: int = 200,
        temperature: float = 1.0,
        top_k: int | None = None,
        seed: int = 0,
        overwrite: Mapping[int, float] | None = None,
        overwrite_state: str = "cell",
        overwrite_layer: int = -1,
        samples: int = 1,
    ) -> list[bytes]:
        r"""Return the bytes that the model adds to a prompt, for each sample.

        The first call for a number of samples compiles on Keras; later ones do not.

        Args:
            prompt: A str is cleaned as in training and begins a text, as "" does;
                bytes are taken as they are.
            length: Bytes to add.
            temperature: The logits are divided by it: below 1 likely bytes become
                likelier; 0 takes the likeliest.
            top_k: Only so many likeliest bytes may be drawn. Default: all.
            seed: Sample k has the noise of `seed + k`, whatever the other samples and
                the framework.
            overwrite: Values, by the number of the unit, at which units are held
                after every step, the prompt's included. In the cell state: the
                output of the step follows from it.
            overwrite_state: "cell" or "hidden", in which units are held.
            overwrite_layer: Number of the layer; -1 is the last.
            samples: Number of samples, computed side by side.

        Raises:
            ValueError: If the model has no decoder, or an argument cannot work.
        """
        self._need_decoder()
        read, _ = read_prompt(prompt, self.text_rule)
        draw = make_draw(temperature, top_k)
        pin = make_pin(overwrite, overwrite_state, overwrite_layer, self.model.config)
        return continued(
            lambda first_byte: self._generation(first_byte, samples, draw, pin),
            read,
            length,
            seed,
            samples,
        )

    @abstractmethod
    def _generation(
        self, first_byte: int, samples: int, draw: Draw, pin: Pin | None
    ) -> Generation:
        """Return what goes on from a first byte, the state before it zero."""

    def score(self, samples: Any, max_bytes: int | None = None) -> Score:
        """Return the score of samples on disk or in memory.

        Args:
            samples: `tfsent.data.ByteShards`.
            max_bytes: Take only samples of this many bytes together.

        Raises:
            ValueError: If the model has no decoder.
        """
        self._need_decoder()
        if not samples.num_samples:
            return Score(math.nan, 0, 0.0)
        batches = ScoreBatches(
            samples, batch_size=_LANES, window=_WINDOW, max_bytes=max_bytes
        )
        score: Score = self._evaluator.score(batches)
        return score

    def _need_decoder(self) -> None:
        if not self.model.decoder:
            raise ValueError(NO_DECODER)


def _listed(texts: Iterable[str | bytes]) -> Iterable[str | bytes]:
    """Return texts, unless they are one: that would be read by characters."""
    if isinstance(texts, str | bytes):
        raise ValueError(f"texts is one {type(texts).__name__}; a list will do.")
    return texts


class _Samples:
    """Texts in memory, read like shards."""

    def __init__(self, texts: Sequence[bytes]):
        self.num_samples = len(texts)
        self._bounds = np.cumsum([0, *map(len, texts)])
        self._bytes = np.frombuffer(b"".join(texts), np.uint8)

    def sample_bounds(self) -> np.ndarray:
        return self._bounds

    def read(self, start: int, stop: int) -> np.ndarray:
        return self._bytes[start:stop]
