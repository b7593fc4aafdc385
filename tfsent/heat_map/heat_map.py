"""A model and a text -> the value of one unit at every character, with its scale.

Axes: T bytes of the cleaned text.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from tfsent.config import ModelConfig
from tfsent.data.text_rules import BACK, FRONT
from tfsent.heat_map.characters import characters_of, glyphs_of, visible
from tfsent.heat_map.colors import SCHEMES, check_scheme
from tfsent.heat_map.painting import Painting
from tfsent.heat_map.shown import Shown
from tfsent.transfer.classifier import Classifier, Neuron
from tfsent.transfer.feature import STATES, WITHOUT_CELL

DEFAULT_LIMIT = 1.0
"""End of the scale where nothing is known of the unit's values."""

_POOLED = {
    "last": "value after the last byte",
    "mean": "mean over the text",
    "max": "largest value in the text",
    "min": "smallest value in the text",
}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class HeatMap(Shown):
    """The value of one unit at every character of a text; shows itself in a notebook.

    Attributes:
        characters: What the model read, a code point each; U+FFFD stands for a
            broken sequence of bytes. The framing of a cleaned text is left out.
        values: float32[n]. At the last byte of each character, counted from the
            centre of the scale: `sign * (value of the unit - center)`.
        unit: Number of the unit, the first is 0.
        layer: Number of its layer, the first is 0.
        state: Which state of it, "cell" or "hidden".
        sign: -1 if a low value of the unit means positive, else 1.
        center: Value of the unit at the middle of the scale.
        limit: Value at the ends of the scale, counted from the middle.
        classes: What the two ends mean, such as ("negative", "positive"), or None.
        pooling: What the classifier takes of the unit's values over a text, or None.
        colors: Name of the scale's colours, one of `SCHEMES`.
    """

    characters: list[str]
    values: np.ndarray
    unit: int
    layer: int = 0
    state: str = "cell"
    sign: int = 1
    center: float = 0.0
    limit: float = DEFAULT_LIMIT
    classes: tuple[str, str] | None = None
    pooling: str | None = None
    colors: str = SCHEMES[0]

    def __post_init__(self) -> None:
        """Refuse what no scale can be made of."""
        check_scheme(self.colors)
        if not (math.isfinite(self.limit) and self.limit > 0):
            raise ValueError(f"limit is {self.limit}; a number above 0 will do.")
        if not math.isfinite(self.center):
            raise ValueError(f"center is {self.center}; a number will do.")

    def __len__(self) -> int:
        return len(self.characters)

    def __repr__(self) -> str:
        return f"<HeatMap of {len(self)} characters: {self.title}>"

    @property
    def size(self) -> str:
        """Say how long the text is."""
        return f"{len(self)} characters"

    @property
    def title(self) -> str:
        """Say in one line which unit is shown."""
        return f"Neuron {self.unit} of layer {self.layer + 1}, {self.state} state"

    @property
    def meaning(self) -> str:
        """Say in one line what the values are and what they mean."""
        counted = "its value"
        if self.sign < 0:
            counted = f"{self.center:.3g} minus its value"
        elif self.center:
            below = f"minus {self.center:.3g}" if self.center > 0 else "plus "
            below += f"{-self.center:.3g}" if self.center < 0 else ""
            counted = f"its value {below}"
        line = f"Shown is {counted}"
        if self.classes is not None:
            low, high = self.classes
            line += f": above 0 speaks for {high}, below 0 for {low}"
        if self.pooling is not None:
            line += f". The classifier takes its {_POOLED[self.pooling]}"
        return line + "."

    @property
    def scale(self) -> str:
        """Say in one line how far the scale goes."""
        return (
            f"The scale is fixed from -{self.limit:.3g} to +{self.limit:.3g}; what "
            "lies beyond has the colour of its end."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as values that JSON knows; what is no number as None."""
        facts = dataclasses.asdict(self)
        values = self.values.tolist()
        facts["values"] = [v if math.isfinite(v) else None for v in values]
        return facts

    def _painting(self) -> Painting:
        glyphs, last = glyphs_of(self.characters)
        return Painting(
            glyphs=[visible(glyph) for glyph in glyphs],
            values=self.values[last],
            limit=self.limit,
            colors=self.colors,
            ends=self.classes or ("", ""),
            captions=(self.title, self.meaning, self.scale),
        )


def heatmap(
    model: Any,
    text: str | bytes,
    neuron: int | None = None,
    *,
    classifier: Classifier | None = None,
    layer: int = -1,
    state: str | None = None,
    center: float | None = None,
    limit: float | None = None,
    colors: str = SCHEMES[0],
    any_model: bool = False,
) -> HeatMap:
    r"""Return the value of one unit at every character of a text.

    Args:
        model: A `TrainedModel`, on either framework.
        text: A str is cleaned by the model's rule, and what is left of it is shown
            without its framing; bytes are read and shown as they are.
        neuron: Number of the unit, the first is 0. Or give:
        classifier: Its neuron is shown, on its scale.
        layer: Layer of `neuron`; -1 is the last.
        state: "cell" or "hidden". Default: cell, where the model keeps one.
        center: Value in the middle of the scale. Default: the classifier's
            threshold, else 0.
        limit: Value at the ends of the scale, counted from the middle. Default: the
            classifier's, else 1.
        colors: One of `SCHEMES`.
        any_model: Take a classifier that was made for another model, too.

    Raises:
        ValueError: If there is no such unit, neither or both of `neuron` and
            `classifier` are given, or the classifier is one of another model.
    """
    if (neuron is None) == (classifier is None):
        raise ValueError("give either neuron or classifier, and not both.")
    meant: dict[str, Any] = {"sign": 1}
    if classifier is not None:
        found = neuron_of(classifier, model, any_model)
        neuron, layer, state = found.unit, found.layer, found.state
        center = found.threshold if center is None else center
        limit = found.limit if limit is None else limit
        meant = {"sign": found.sign, "pooling": found.pooling}
        if classifier.kind == "binary":
            meant["classes"] = tuple(classifier.classes)
    shape: ModelConfig = model.model.config
    if state is None:
        state = "hidden" if shape.cell in WITHOUT_CELL else "cell"
    assert neuron is not None
    layer = _check_unit(shape, neuron, layer, state)
    characters, values = _read(model, text, neuron, state, layer)
    center = 0.0 if center is None else float(center)
    return HeatMap(
        characters=characters,
        values=(meant["sign"] * (values - np.float32(center))).astype(np.float32),
        unit=neuron,
        layer=layer,
        state=state,
        center=center,
        limit=DEFAULT_LIMIT if limit is None else float(limit),
        colors=colors,
        **meant,
    )


def neuron_of(classifier: Classifier, model: Any, any_model: bool = False) -> Neuron:
    """Return the neuron of a classifier, for the model that it was made for.

    Args:
        classifier: Has a neuron or not.
        model: A `TrainedModel`.
        any_model: Take a classifier that was made for another model, too.

    Raises:
        ValueError: If it has none, or was made for another model.
    """
    if not any_model and classifier.model_fingerprint != model.fingerprint:
        raise ValueError(
            "the classifier was made for another model, where its neuron means "
            "something else; --any-model takes it nevertheless."
        )
    if classifier.neuron is None:
        raise ValueError(
            "the classifier has no neuron of its own; a neuron by number will do."
        )
    return classifier.neuron


def _check_unit(shape: ModelConfig, unit: int, layer: int, state: str) -> int:
    """Return the layer counted from 0; refuse what the model does not have."""
    if not 0 <= unit < shape.hidden_size:
        raise ValueError(
            f"neuron is {unit}; this model has 0 to {shape.hidden_size - 1}."
        )
    if not -shape.layers <= layer < shape.layers:
        raise ValueError(
            f"layer is {layer}; this model has 0 to {shape.layers - 1}, and -1 for "
            "the last."
        )
    kept = STATES[:1] if shape.cell in WITHOUT_CELL else STATES
    if state not in kept:
        raise ValueError(f"state is {state!r}; {' or '.join(kept)} will do.")
    return layer % shape.layers


def _read(
    model: Any, text: str | bytes, unit: int, state: str, layer: int
) -> tuple[list[str], np.ndarray]:
    """Return the characters of a text and float32[n], the unit at each one's end."""
    if isinstance(text, str):
        data = model.clean(text)
        shown = slice(len(FRONT), len(data) - len(BACK))
    else:
        data, shown = bytes(text), slice(None)
    characters, last = characters_of(data[shown])
    if not characters:  # No byte, or framing alone.
        return [], np.zeros(0, np.float32)
    values_T1 = model.trace(text, [unit], state=state, layer=layer)
    return characters, np.asarray(values_T1, np.float32)[shown, 0][last]
