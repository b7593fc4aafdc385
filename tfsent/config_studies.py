"""Settings of `scripts/study.py`; each is explained here alone.

As in `tfsent.config`: needs no framework, and flags are made from these classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from tfsent.config import _require
from tfsent.config_supervised import FinetuneConfig

Study = Literal["optimizers", "tricks", "crossover", "depth", "words"]
Line = Literal["linear", "embeddings", "network", "transfer"]


@dataclass(frozen=True, kw_only=True)
class StudyConfig(FinetuneConfig):
    """What `scripts/study.py` measures; the network is set up as for finetune.py."""

    study: Study = "optimizers"
    """Race of the five optimizers; what each trick adds; accuracy against number of labels; against number of layers; word vectors coloured by sentiment."""
    rates: tuple[float, ...] = (0.3, 1.0, 3.0)
    """Study optimizers: learning rates tried, in units of each optimizer's own; the best on validation texts is shown."""
    sizes: tuple[int, ...] = (100, 300, 1000, 3000, 10_000, 25_000)
    """Study crossover: numbers of labelled texts trained on; those above what there is are left out."""
    draws: int = 3
    """Study crossover: random draws of each number of texts; all texts are one draw."""
    lines: tuple[Line, ...] = ()
    """Study crossover: what is compared. Default: linear, network and, where there is a `model`, transfer."""
    least_updates: int = 400
    """Study crossover: a network trained on few texts reads them again until it has made so many updates."""
    model: str | None = None
    """Study crossover: the language model of line transfer: run folder, checkpoint folder in it, .keras file, or what convert.py reads."""
    feature: str = "auto"
    """Study crossover: what line transfer turns a text into, as for transfer.py."""
    depths: tuple[int, ...] = (1, 2, 3)
    """Study depth: numbers of recurrent layers."""
    cells: tuple[Literal["lstm", "gru", "tanh", "relu", "mlstm"], ...] = ("lstm", "gru")
    """Study depth: recurrent cells."""
    shown_words: int = 400
    """Study words: how many words are shown, the most frequent ones that stand in texts of one class more than in those of the others."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        super().__post_init__()
        for name in ("rates", "sizes", "depths", "cells"):
            values = getattr(self, name)
            _require(
                len(values) == len(set(values)) > 0,
                f"{name} is {values}; at least one, each once, will do.",
            )
        _require(
            all(0.0 < rate < math.inf for rate in self.rates),
            f"rates is {self.rates}; numbers above 0 will do.",
        )
        for name, least in (("draws", 1), ("least_updates", 0), ("shown_words", 20)):
            value = getattr(self, name)
            _require(value >= least, f"{name} is {value}; at least {least} will do.")
        _require(
            all(size >= 10 for size in self.sizes),
            f"sizes is {self.sizes}; numbers of at least 10 will do.",
        )
        _require(
            all(depth >= 1 for depth in self.depths),
            f"depths is {self.depths}; numbers of at least 1 will do.",
        )
        _require(
            self.system == "words" and not self.regression,
            "a study takes system words, told by classes.",
        )
        _require(
            not self.folds, "a study trains once on each of its settings; leave folds."
        )
        _require(
            "transfer" not in self.lines or bool(self.model),
            "line transfer needs a language model: --model RUN, or --lines linear "
            "network.",
        )

    def compared(self) -> tuple[Line, ...]:
        """Return the lines of study crossover."""
        if self.lines:
            return self.lines
        both: tuple[Line, ...] = ("linear", "network")
        return (*both, "transfer") if self.model else both

    def finetune(self) -> FinetuneConfig:
        """Return the settings of one training."""
        return FinetuneConfig(
            **{one.name: getattr(self, one.name) for one in fields(FinetuneConfig)}
        )
