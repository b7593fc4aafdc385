"""How an attention layer weighs the words of a text, painted under each word.

Axes: T words.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from tfsent.heat_map.characters import glyphs_of, visible
from tfsent.heat_map.colors import SCHEMES, check_scheme
from tfsent.heat_map.painting import Painting
from tfsent.heat_map.shown import Shown

LIMIT = 3.0
"""End of the scale where no other is asked for: eight times an equal share."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class AttentionMap(Shown):
    """What each word of a text weighs; shows itself in a notebook.

    Painted is the logarithm to base 2 of a word's weight over an equal share, 1 / T: 0
    where a word weighs what it would without attention, 1 where twice as much. A text's
    length changes nothing about what a colour means.

    Attributes:
        words: As the classifier read them; a text that it cuts is shown cut.
        weights: float32[T]. They add up to 1, but for what an end mark has.
        label: What the classifier says of the text.
        limit: Value at the ends of the scale.
        colors: Name of the scale's colours, one of `SCHEMES`.
    """

    words: list[str]
    weights: np.ndarray
    label: str
    limit: float = LIMIT
    colors: str = SCHEMES[0]

    def __post_init__(self) -> None:
        """Refuse what no scale can be made of."""
        check_scheme(self.colors)
        if not (math.isfinite(self.limit) and self.limit > 0):
            raise ValueError(f"limit is {self.limit}; a number above 0 will do.")
        if len(self.words) != len(self.weights):
            raise ValueError(
                f"there are {len(self.words)} words and {len(self.weights)} weights."
            )

    def __len__(self) -> int:
        return len(self.words)

    def __repr__(self) -> str:
        return f"<AttentionMap of {len(self)} words: {self.label}>"

    @property
    def size(self) -> str:
        """Say how long the text is."""
        return f"{len(self)} words"

    @property
    def values(self) -> np.ndarray:
        """float32[T], what is painted; minus infinity for a word of no weight."""
        with np.errstate(divide="ignore"):
            values_T: np.ndarray = np.log2(self.weights * max(1, len(self.words)))
        return values_T.astype(np.float32)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as values that JSON knows."""
        return {
            "words": self.words,
            "weights": [float(weight) for weight in self.weights],
            "label": self.label,
            "limit": self.limit,
            "colors": self.colors,
        }

    def _painting(self) -> Painting:
        glyphs, values = [], []
        for word, value in zip(self.words, self.values, strict=True):
            shown = [visible(glyph) for glyph in glyphs_of(list(word))[0]]
            glyphs += [*shown, " "]
            values += [*[value] * len(shown), 0.0]
        most = f"{2**self.limit:.3g}"
        return Painting(
            glyphs=glyphs[:-1],
            values=np.array(values[:-1], np.float32),
            limit=self.limit,
            colors=self.colors,
            ends=("weighs less", "weighs more"),
            captions=(
                f"Attention over the words; the classifier says {self.label}",
                "Shown is the logarithm to base 2 of a word's weight over an equal "
                "share of all words.",
                f"The scale is fixed from 1/{most} of an equal share to {most} times "
                "one; what lies beyond has the colour of its end.",
            ),
        )


def attention_map(
    judge: Any, text: str, *, limit: float | None = None, colors: str = SCHEMES[0]
) -> AttentionMap:
    """Return how a classifier weighs the words of a text.

    Args:
        judge: A `tfsent.supervised.judge.Judge`.
        text: Any text.
        limit: Value at the ends of the scale. Default: `LIMIT`.
        colors: One of `SCHEMES`.

    Raises:
        ValueError: If the classifier has no attention.
    """
    if judge.attend is None:
        raise ValueError(
            "the classifier has no attention to paint; one trained with "
            "--classifier.pooling attention, such as --preset deepmoji, will do."
        )
    words, weights_T = judge.attend(text)
    (verdict,) = judge.verdicts([text])
    said = verdict.label
    return AttentionMap(
        words=words,
        weights=np.asarray(weights_T, np.float32),
        label=", ".join(said) if isinstance(said, list) else str(said),
        limit=LIMIT if limit is None else limit,
        colors=colors,
    )
