"""What the page shows for a text: plain functions that need no browser.

Every answer is HTML in which each text is escaped; a mistake is one line of it.
"""

from __future__ import annotations

import dataclasses
import sys
import traceback
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np

from tfsent.generate import held
from tfsent.heat_map import HeatMap, heatmap, neuron_of
from tfsent.transfer.classifier import Classifier, Neuron

STRONGEST = 2.0
"""Ends of the sentiment slider, in lengths of the neuron's scale."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reader:
    """A model, its classifier, and how much they read and write at a time.

    Args:
        model: A `TrainedModel`.
        classifier: Fitted on its features; with or without a neuron.
        max_chars: Longest text that is read, in characters.
        max_length: Longest text that is generated, in bytes.
        any_model: Take a classifier that was made for another model, too.

    Raises:
        ValueError: If the classifier was made for another model.
    """

    model: Any
    classifier: Classifier
    max_chars: int
    max_length: int
    any_model: bool = False

    def __post_init__(self) -> None:
        """Refuse a classifier of another model."""
        if self.classifier.neuron is not None:
            neuron_of(self.classifier, self.model, self.any_model)
        # The width of its features is told only by features.
        self.classifier.predict(self._features("."))

    @property
    def neuron(self) -> Neuron | None:
        """The neuron that is painted and pinned."""
        return self.classifier.neuron

    @property
    def writes(self) -> bool:
        """Whether the model can generate text."""
        return bool(self.model.model.decoder)

    def read(self, text: str) -> tuple[str, str]:
        """Return what the classifier says of a text, and its heat map, as HTML."""
        return self._told(lambda: self._read(text or ""), empty=("", ""))

    def write(
        self,
        prompt: str,
        length: float,
        pinned: bool,
        sentiment: float,
        temperature: float,
        seed: float,
    ) -> str:
        """Return text that begins with `prompt`, with its heat map, as HTML.

        Args:
            prompt: May be empty.
            length: Bytes to generate.
            pinned: Whether the neuron is held at a value.
            sentiment: That value, from -`STRONGEST` to `STRONGEST`: 0 is where the
                neuron decides, 1 as positive as training texts get.
            temperature: See `TrainedModel.generate`.
            seed: The same seed gives the same text.
        """
        (shown,) = self._told(
            lambda: (
                self._write(prompt, length, pinned, sentiment, temperature, seed),
            ),
            empty=(),
        )
        return shown

    def pin(self, sentiment: float) -> dict[str, Any]:
        """Return the arguments that hold the neuron while text is generated."""
        neuron = self.neuron
        if neuron is None:
            raise ValueError("the classifier has no neuron that could be held.")
        if not abs(sentiment) <= STRONGEST:
            raise ValueError(
                f"sentiment is {sentiment}; -{STRONGEST:g} to {STRONGEST:g} will do."
            )
        return held(neuron, sentiment)

    def _read(self, text: str) -> tuple[str, str]:
        self._check_length(text)
        if not text.strip():
            return _note("Type a review above."), ""
        probabilities = np.atleast_1d(
            self.classifier.predict(self._features(text))[0]
        ).tolist()
        return verdict(self.classifier, probabilities), self._painted(text)

    def _write(
        self,
        prompt: str | None,
        length: float | None,
        pinned: bool,
        sentiment: float,
        temperature: float,
        seed: float | None,
    ) -> str:
        prompt = prompt or ""
        self._check_length(prompt)
        if length is None or not 1 <= length <= self.max_length:
            raise ValueError(f"length is {length}; 1 to {self.max_length} will do.")
        text = self.model.generate(
            prompt=prompt,
            length=int(length),
            temperature=float(temperature),
            seed=int(seed or 0),
            **(self.pin(sentiment) if pinned and self.neuron else {}),
        )
        return self._painted(text)

    def _painted(self, text: str) -> str:
        if self.neuron is None:
            return f'<div class="tfsent-plain">{escape(text)}</div>'
        found: HeatMap = heatmap(
            self.model, text, classifier=self.classifier, any_model=self.any_model
        )
        return found._repr_html_()

    def _features(self, text: str) -> np.ndarray:
        features: np.ndarray = self.model.features([text], self.classifier.feature)
        return features

    def _check_length(self, text: str) -> None:
        if len(text) > self.max_chars:
            raise ValueError(
                f"the text has {len(text):,} characters; up to {self.max_chars:,} "
                "will do."
            )

    def _told(
        self, answer: Callable[[], tuple[str, ...]], empty: tuple[str, ...]
    ) -> Any:
        """Return an answer, or one line that says why there is none."""
        try:
            return answer()
        except (ValueError, OSError, MemoryError) as error:
            line = " ".join(str(error).split()) or type(error).__name__
        except Exception as error:
            # A fault of the program: its trace is for whoever started the page.
            traceback.print_exc(file=sys.stderr)
            line = f"{type(error).__name__}; see where the page was started."
        return (f'<p class="tfsent-error">error: {escape(line)}</p>', *empty[1:])


def verdict(classifier: Classifier, probabilities: list[float]) -> str:
    """Return the probability of every class as HTML, a bar each.

    Args:
        classifier: Names the classes.
        probabilities: One row of `classifier.predict`, as a list.
    """
    names = list(classifier.classes)
    if classifier.kind == "binary":
        [second] = probabilities
        probabilities = [1.0 - second, second]
    rows = zip(names, probabilities, strict=True)
    return "".join(
        '<div class="tfsent-row">'
        f"<span>{escape(name)}</span>"
        f'<meter min="0" max="1" value="{probability:.4f}"></meter>'
        f"<b>{probability:.1%}</b></div>"
        for name, probability in rows
    )


def _note(line: str) -> str:
    return f'<p class="tfsent-note">{escape(line)}</p>'
