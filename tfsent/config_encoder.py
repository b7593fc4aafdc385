"""Settings of a language model that is fine-tuned; each is explained here alone.

As in `tfsent.config`: needs no framework, and flags are made from this class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tfsent.config import _require


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """How a trained language model becomes a classifier (system language)."""

    model: str | None = None
    """The language model: run folder, checkpoint folder in it, .keras file; with framework torch also what convert.py reads. Default: that of `start`."""
    feature: str | None = None
    """What a text is turned into, as for featurize.py; several joined by +. Default: cell-mean+hidden-mean, of a cell without cell state hidden-mean."""
    standardize: bool = True
    """Bring every column of the feature to mean 0 and deviation 1 over the training texts, as the language model begins; kept with the heads."""
    hidden: tuple[int, ...] = ()
    """Widths of layers between the feature and the heads."""
    activation: Literal["prelu", "relu"] = "prelu"
    """What those layers pass through: PReLU with one learned slope a layer, from 0.25 on (NVIDIA's), or ReLU."""
    heads: int = 1
    """Output layers side by side: each learns the labels, their logits are averaged."""
    head_variance: float = 0.0
    """Weight of what keeps heads different: mean squared cosine between the weights of two heads for one output; 0 turns it off."""
    dropout: float = 0.3
    """Share of the feature and of each hidden layer that training sets to zero."""
    language_loss: float = 0.0
    """Weight of the language model's own loss on the same texts, in nats a byte; 0 turns it off."""
    rate_factor: float = 1.0
    """What the learning rate is multiplied by for the language model's weights."""
    max_bytes: int | None = None
    """Most bytes of a text that are read; of a longer one its end. Default: no limit."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("model", "feature"):
            value = getattr(self, name)
            _require(value is None or bool(value.strip()), f"encoder.{name} is empty.")
        _require(
            all(width >= 1 for width in self.hidden),
            f"encoder.hidden is {self.hidden}; widths of at least 1 will do.",
        )
        _require(self.heads >= 1, f"encoder.heads is {self.heads}; at least 1 will do.")
        _require(
            0.0 <= self.dropout < 1.0,
            f"encoder.dropout is {self.dropout}; from 0 to below 1 will do.",
        )
        for name in ("head_variance", "language_loss"):
            value = getattr(self, name)
            _require(
                0.0 <= value < math.inf,
                f"encoder.{name} is {value}; 0 or more will do.",
            )
        _require(
            self.head_variance == 0.0 or self.heads > 1,
            f"encoder.head_variance is {self.head_variance}, but there is one head; "
            "encoder.heads of 2 or more, or 0, will do.",
        )
        _require(
            0.0 < self.rate_factor < math.inf,
            f"encoder.rate_factor is {self.rate_factor}; above 0 will do. "
            "--learner.thaw last leaves the language model as it is.",
        )
        _require(
            self.max_bytes is None or self.max_bytes >= 1,
            f"encoder.max_bytes is {self.max_bytes}; at least 1 will do.",
        )
