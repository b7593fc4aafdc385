"""Settings of the study of networks; each is explained here alone.

As in `tfsent.config`: flags are made from these classes. Needs no framework.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from compare.study.networks import CELLS, SYSTEMS, Network
from tfsent.config_labelled import LabelledDataConfig


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """Which networks are trained, on what, and how their time is taken."""

    data: LabelledDataConfig = field(
        default_factory=lambda: LabelledDataConfig(train="builtin")
    )
    """Labelled texts of two classes; a test split has to be among them."""
    cells: str = "rnn,lstm,gru,mlstm"
    """Recurrent cells, a comma list."""
    depths: str = "1,2,3"
    """Numbers of recurrent layers, a comma list."""
    widths: str = "64,128"
    """Units of every layer, and width of the embedding before it, a comma list."""
    systems: str = "keras,torch,keras-layers,torch-layers"
    """What computes: this project on Keras and on PyTorch, and the layers that each framework brings; a comma list."""
    seeds: str = "0"
    """Seeds of start weights and order of texts, a comma list; every system has the same of each."""
    train_texts: int = 6250
    """Training texts, drawn from those of at most max_words words."""
    test_texts: int | None = None
    """Most test texts, drawn at random. Default: all."""
    texts_seed: int = 0
    """Seed of both draws, the same in all networks."""
    max_words: int = 200
    """Most words of a text: longer ones are not trained on; of longer test texts the first words are read."""
    lengths: str = "100,150"
    """Lengths in words to which batches are filled up, beside max_words itself, a comma list; this project's Keras layers are compiled for each."""
    vocabulary: int = 10_000
    """Numbers of words, as words.max_features of finetune.py."""
    epochs: int = 3
    """Passes over the training texts; all are made, none is chosen."""
    batch_size: int = 32
    """Texts of an update."""
    test_batch_size: int = 256
    """Texts read at a time for the test."""
    learning_rate: float = 1e-3
    """Of Adam, constant."""
    turns: int = 12
    """Turns of each system in an epoch, in the test split and in the calls of one text."""
    latency_words: int = 100
    """Words of the text that is read alone."""
    latency_calls: int = 10
    """Calls with one text in a turn."""
    threads: int = 0
    """Threads of each framework. Default: as many as physical cores."""
    limit_s: float = 1800.0
    """Seconds after which a system that does not answer is given up."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in (
            *("train_texts", "max_words", "epochs", "batch_size", "test_batch_size"),
            *("turns", "latency_words", "latency_calls"),
        ):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"study.{name} is {value}; at least 1 will do.")
        if self.latency_calls < 2:
            raise ValueError(
                f"study.latency_calls is {self.latency_calls}; at least 2 will do: "
                "the first compiles."
            )
        for name in ("limit_s", "learning_rate"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"study.{name} is {value}; above 0 will do.")
        self._check_texts()
        self.system_list()
        self.networks()
        self.length_list()

    def _check_texts(self) -> None:
        for name in ("threads", "texts_seed"):
            value = getattr(self, name)
            if value < 0:
                raise ValueError(f"study.{name} is {value}; 0 or more will do.")
        if self.test_texts is not None and self.test_texts < 1:
            raise ValueError(
                f"study.test_texts is {self.test_texts}; at least 1 will do."
            )
        if self.vocabulary < 4:
            raise ValueError(
                f"study.vocabulary is {self.vocabulary}; at least 4 will do: three "
                "numbers have a meaning of their own."
            )
        if self.latency_words > self.max_words:
            raise ValueError(
                f"study.latency_words is {self.latency_words}; at most "
                f"study.max_words ({self.max_words}) will do."
            )

    def networks(self) -> list[Network]:
        """Return all networks in the order in which they are measured.

        Seed by seed: a study that is stopped early has whole seeds.
        """
        cells = self._words("cells", CELLS)
        return [
            Network(cell, depth, width, seed)
            for seed in self._numbers("seeds", 0)
            for width in self._numbers("widths", 1)
            for cell in cells
            for depth in self._numbers("depths", 1)
        ]

    def system_list(self) -> list[str]:
        """Return the systems; the first of a network is what others are held to."""
        return self._words("systems", SYSTEMS)

    def length_list(self) -> list[int]:
        """Return the lengths of batches, the smallest first."""
        given = self._numbers("lengths", 1) if self.lengths.strip() else []
        return sorted({*(n for n in given if n < self.max_words), self.max_words})

    def _words(self, name: str, known: tuple[str, ...]) -> list[str]:
        text = getattr(self, name)
        words = [word.strip() for word in text.split(",")]
        if len(set(words)) < len(words) or set(words) - set(known):
            raise ValueError(
                f"study.{name} is {text!r}; any of {', '.join(known)}, each once, "
                "will do."
            )
        return words

    def _numbers(self, name: str, least: int) -> list[int]:
        text = getattr(self, name)
        words = [word.strip() for word in text.split(",")]
        sound = all(word.isdecimal() and int(word) >= least for word in words)
        if not sound or len(set(words)) < len(words):
            raise ValueError(
                f"study.{name} is {text!r}; whole numbers from {least} on, each once, "
                "will do."
            )
        return [int(word) for word in words]
