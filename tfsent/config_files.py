"""Settings of the commands that prepare text, score a model and convert one.

As in `tfsent.config`: each setting is explained here alone, no framework is needed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tfsent.config import DataConfig, Precision, _require
from tfsent.engines import Engine


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """What `scripts/prepare.py` writes."""

    data: DataConfig = field(default_factory=DataConfig)
    """Text to clean and split."""
    out: str
    """Folder for the shards, new or empty; train.py takes it as --data.source."""
    engine: Engine = "local"
    """Who cleans: processes of this machine, or of the Ray cluster that RAY_ADDRESS names, where every machine finds the source under the same path."""
    workers: int | None = None
    """Processes that clean; the shards are the same. Default: one for each core, or each CPU of the cluster."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(
            self.workers is None or self.workers >= 1,
            f"workers is {self.workers}; at least 1 will do.",
        )


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """What `scripts/evaluate.py` scores."""

    model: str
    """Run folder, checkpoint folder in it, .keras file, or what convert.py reads."""
    data: DataConfig = field(default_factory=DataConfig)
    """Text to score; cleaned by the model's own rule, whatever data.text_rule says."""
    splits: tuple[str, ...] = ("val", "test")
    """Splits to score of a set that has splits; any other source is scored whole."""
    max_bytes: int | None = None
    """Most bytes scored of a split, in whole samples taken at even distances. Default: all."""
    precision: Precision = "float32"
    """Type of the arithmetic; logits stay float32."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(
            self.max_bytes is None or self.max_bytes >= 2,
            f"max_bytes is {self.max_bytes}; at least 2 will do.",
        )
        _require(
            bool(self.splits) and set(self.splits) <= {"train", "val", "test"},
            f"splits are {self.splits}; any of train, val and test will do.",
        )


@dataclass(frozen=True, kw_only=True)
class ConvertConfig:
    """What `scripts/convert.py` converts, or compares."""

    source: str
    """SRC: a run, a checkpoint folder or a file in any known layout; its format is found."""
    target: str
    """DST: what to write; nothing may be there. Without --to: what to compare SRC with."""
    to: str | None = None
    """Format to write: keras, twin, openai, nvidia-2018-12, ...; a name that is not known lists them all."""
    gates: str | None = None
    """Order of the gate blocks in SRC, such as ifog. Default: the format's own; where shapes fit several, the one that predicts the probe best."""
    probe: str | None = None
    """Text file by which gate orders are told apart; its first 64 KB are read. Default: built-in reviews."""
    verify: bool = False
    """Prove SRC and DST equal in both frameworks, step by step, and write a certificate; leave with 1 past tolerance."""
    certificate: str | None = None
    """Name of the certificate, to which .json and .md are added. Default: that of DST and .certificate."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(
            self.to is not None or self.verify,
            "--to must be given, unless --verify is to compare two models as they are.",
        )
        _require(
            self.certificate is None or self.verify,
            f"certificate is {self.certificate!r}; one is written under --verify only.",
        )
