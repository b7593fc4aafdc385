"""Settings of `scripts/compare.py`; each is explained here alone.

As in `tfsent.config`: flags are made from these classes. Needs no framework.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from compare.cells import parse_cells
from compare.study.settings import StudyConfig
from tfsent.config import (
    CheckpointConfig,
    DataConfig,
    DistributionConfig,
    LogConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    TrainingConfig,
)
from tfsent.transfer.candidates import candidates


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How often and how long things are timed."""

    passes: int = 3
    """Processes of each runner, one after another; intervals are bootstrapped over them."""
    rounds: int = 5
    """Turns of each runner in a pass."""
    fill_s: float = 0.5
    """Seconds of work in a turn, at least one call; a product gets a fifth."""
    limit_s: float = 600.0
    """Seconds after which a runner that does not answer is killed."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("passes", "rounds"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"timing.{name} is {value}; at least 1 will do.")
        for name in ("fill_s", "limit_s"):
            value = getattr(self, name)
            if not 0 < value < 1e6:
                raise ValueError(f"timing.{name} is {value}; above 0 will do.")


@dataclass(frozen=True, kw_only=True)
class QualityConfig:
    """What is trained on both frameworks, and what it is measured by."""

    source: str = "builtin"
    """Text to train on: a source as for train.py."""
    model: ModelConfig = field(default_factory=lambda: ModelConfig(hidden_size=64))
    """Shape of the model."""
    learning_rate: float = 4e-3
    """Of Adam, falling linearly to 0."""
    batch_size: int = 32
    """Lanes B."""
    window: int = 64
    """Bytes T of a lane."""
    steps: int = 400
    """Updates of each training."""
    evaluations: int = 8
    """Validations on the way, evenly spaced."""
    eval_bytes: int = 100_000
    """Most bytes that such a validation reads."""
    test_bytes: int | None = None
    """Most bytes of test text read at the end. Default: all."""
    seeds: str = "0,1"
    """Seeds of start weights and batch order, a comma list."""
    transfers: str = "builtin:val/builtin:test"
    """Labelled texts to learn from and, behind a slash, to test on, a comma list; a name alone has its own test split. Empty: none."""
    feature: str = "cell-mean"
    """What a text is turned into, as for transfer.py; one, so that both frameworks are asked the same."""
    transfer_texts: int | None = None
    """Most labelled texts of each split, drawn at random, the same ones every time. Default: all."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("batch_size", "window", "steps", "evaluations"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"quality.{name} is {value}; at least 1 will do.")
        self.seed_list()
        if self.transfer_list():
            try:  # Now, not after the first training.
                candidates(self.feature, self.model)
            except ValueError as error:
                raise ValueError(f"quality.{error}") from None

    def seed_list(self) -> list[int]:
        """Return the seeds.

        Raises:
            ValueError: If one is no number from 0, or stands there twice.
        """
        words = [word.strip() for word in self.seeds.split(",")]
        if not all(word.isdecimal() for word in words) or len(set(words)) < len(words):
            raise ValueError(f"quality.seeds is {self.seeds!r}; such as 0,1,2 will do.")
        return [int(word) for word in words]

    def transfer_list(self) -> dict[str, tuple[str, str | None]]:
        """Return name to sources of the labelled texts for training and for test."""
        found = {}
        for word in filter(None, map(str.strip, self.transfers.split(","))):
            train, _, test = word.partition("/")
            found[train.partition(":")[0]] = (train, test or None)
        return found

    def run(self, seed: int) -> RunConfig:
        """Return the settings of one training."""
        interval = max(1, self.steps // self.evaluations)
        return RunConfig(
            data=DataConfig(source=self.source),
            model=self.model,
            optimizer=OptimizerConfig(learning_rate=self.learning_rate),
            training=TrainingConfig(
                steps=self.steps,
                batch_size=self.batch_size,
                window=self.window,
                eval_interval=interval,
                eval_bytes=self.eval_bytes,
                test_bytes=self.test_bytes,
            ),
            distribution=DistributionConfig(devices=1),
            checkpoint=CheckpointConfig(interval=interval, keep=2),
            log=LogConfig(
                interval=math.gcd(interval, 10), tensorboard=False, progress=False
            ),
            seed=seed,
        )


@dataclass(frozen=True, kw_only=True)
class CompareConfig:
    """What `scripts/compare.py` compares."""

    name: str = ""
    """Name of these settings, for the report; a preset has its own."""
    out: str | None = None
    """Folder of the report; an earlier one of the same settings goes on where it was."""
    diff: tuple[str, str] | None = None
    """Two reports, folders or results.json, whose differences are printed; nothing is measured."""
    cells: str = "train-mlstm+norm-h512,train-lstm-h512,train-gru-h512"
    """What is timed, a comma list of TASK-MODEL-SIZES: train, featurize or generate; mlstm+norm, mlstm, lstm or gru; any of h512 (units), l1 (layers), b32 (lanes), t64 (window), sst or imdb (lengths of texts), n100000 (bytes of text), float32, d1 (devices). Empty: nothing."""
    runners: str = ""
    """Runners to time, a comma list. Default: all there are."""
    gpu: bool = False
    """Time what a GPU computes and nothing else: a runner that finds none is absent."""
    parity: bool = True
    """Compare Keras and PyTorch layer by layer, step by step."""
    measure_quality: bool = True
    """Train on both frameworks and compare what they learn."""
    timing: Timing = field(default_factory=Timing)
    """How often and how long things are timed."""
    quality: QualityConfig = field(default_factory=QualityConfig)
    """What is trained on both frameworks."""
    measure_study: bool = False
    """Train classifiers over words in both frameworks, side by side."""
    study: StudyConfig = field(default_factory=StudyConfig)
    """Which classifiers, and on what."""
    fresh: bool = False
    """Move an existing report aside and start over."""
    json: bool = False
    """Print nothing but the results, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        parse_cells(self.cells)
