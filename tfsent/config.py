"""Every setting of a run, as frozen dataclasses; the only place one is explained.

Needs no framework. Command-line flags, `config.json` and the first line of
every log are made from these classes (`tfsent.cli`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

GATES = ("i", "f", "o", "u")
"""Order of the four gate blocks in every mLSTM and LSTM weight of this project."""

NUM_BYTES = 256
"""Symbols of the language model: one for each byte value."""

NO_DECODER = (
    "the model has no decoder: it was made for classification, gives features, and "
    "can neither predict bytes nor be scored."
)
"""What a model without output weights says when asked for logits."""

MIN_LOSS_SCALE, MAX_LOSS_SCALE = 1.0, 2.0**24
"""Bounds of the loss scale. Keras and PyTorch have none: at 0 a finite step gives
NaN weights, at infinity every step is skipped for ever."""

Cell = Literal["mlstm", "lstm", "gru", "tanh", "relu"]
Precision = Literal["float32", "mixed_float16", "mixed_bfloat16"]


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


def _divisor_below(number: int, most: int) -> int:
    """Return the largest divisor of a number that is no larger than `most`."""
    return max(d for d in range(1, min(number, most) + 1) if number % d == 0)


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """Where text comes from, how it is cleaned and split."""

    source: str = "builtin"
    """Training text: a file, folder, glob, archive, '-' or a name (builtin, imdb, sst, semeval2018), with an optional ':SPLIT'."""
    val: str | None = None
    """Validation text, a source as above. Default: the set's own split, else taken from the source by `split`."""
    test: str | None = None
    """Test text, a source as above. Default: as for `val`."""
    text_key: str | None = None
    """Column or key that holds the text. Default: the named set's own, else 'text'."""
    label_key: str | None = None
    """Column or key that holds the label; a comma list for several. Default: the named set's own, else 'label'."""
    label_threshold: float | None = None
    """A numeric label above this becomes 1, any other 0. Default: labels as they stand."""
    root: str | None = None
    """Folder that holds the named sets on disk. Default: the environment variable TFSENT_DATA, else download."""
    text_rule: Literal["openai", "nvidia"] = "openai"
    """Published cleaning of the text; see `tfsent.data.text_rules`."""
    invalid_utf8: Literal["error", "replace"] = "error"
    """Bytes that are not UTF-8: stop and say where, or replace each by U+FFFD."""
    split: tuple[int, int, int] = (98, 1, 1)
    """Shares train, val, test of a source that has no splits of its own; each sample is placed by a hash of `split_seed` and its index."""
    split_seed: int = 0
    """Seed of the split."""
    shard_bytes: int = 16 * 2**20
    """Bytes after which a shard file is closed; a sample is never cut."""
    cache_dir: str | None = None
    """Folder for downloads and shards. Default: TFSENT_CACHE, else ~/.cache/tfsent."""
    state_reset: Literal["sample", "shard", "never"] = "shard"
    """The state of a lane returns to zero before the first byte of every sample, of every shard, or never (but at the start of an epoch)."""
    shuffle: bool = False
    """Train on the samples of all shards in an order drawn from `seed`, the same in every epoch; validation and test keep theirs. Needs `state_reset` sample or never: a shuffled text has no shards."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(bool(self.source), "data.source is empty; name a source of text.")
        _require(
            len(self.split) == 3 and min(self.split) >= 0 and self.split[0] > 0,
            f"data.split is {self.split}; three shares, the first above 0, will do.",
        )
        _require(
            self.shard_bytes >= 1024,
            f"data.shard_bytes is {self.shard_bytes}; at least 1024 will do.",
        )
        _require(
            not self.shuffle or self.state_reset != "shard",
            "data.state_reset is shard, but data.shuffle mixes the samples of all "
            "shards; --data.state-reset sample or never will do.",
        )

    def sources(self) -> list[str]:
        """Return every source that is named."""
        return [s for s in (self.source, self.val, self.test) if s is not None]


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Shape of the byte-level language model."""

    cell: Cell = "mlstm"
    """Recurrent cell of every layer."""
    hidden_size: int = 512
    """Width H of each layer's state, in units."""
    layers: int = 1
    """Number of recurrent layers."""
    embedding_size: int = 64
    """Width E of the byte embedding, in units."""
    weight_norm: bool = True
    """Weight normalisation of the recurrent matrices, one gain a column."""
    dropout: float = 0.0
    """Share of each layer's outputs that training sets to zero."""
    tied_embedding: bool = False
    """Use the embedding as output matrix; needs embedding_size = hidden_size."""
    initialization: Literal["nvidia", "openai"] = "openai"
    """Start weights: uniform +-1/sqrt(H) (nvidia) or orthogonal blocks (openai)."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("hidden_size", "layers", "embedding_size"):
            value = getattr(self, name)
            _require(value >= 1, f"model.{name} is {value}; at least 1 will do.")
        _require(
            0.0 <= self.dropout < 1.0,
            f"model.dropout is {self.dropout}; from 0 to below 1 will do.",
        )
        _require(
            not self.tied_embedding or self.embedding_size == self.hidden_size,
            f"model.tied_embedding needs model.embedding_size ({self.embedding_size}) "
            f"equal to model.hidden_size ({self.hidden_size}).",
        )


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig:
    """Optimizer, learning-rate schedule, clipping and loss scaling."""

    name: str = "adam"
    """Optimizer, by its Keras name (adam, sgd, rmsprop, ...)."""
    learning_rate: float = 5e-4
    """Peak learning rate."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """Course of the learning rate after warm-up; linear and cosine end at 0 with the last step."""
    warmup_steps: int = 0
    """Steps over which the learning rate rises from 0 to its peak."""
    scale_with_batch: bool = False
    """Multiply the learning rate by batch_size / 128 (linear scaling rule)."""
    max_learning_rate: float = 3e-3
    """Cap of the learning rate under `scale_with_batch`."""
    clip_norm: float = 1.0
    """Largest global norm of the gradient, after the mean over replicas; 0 turns clipping off."""
    initial_loss_scale: float = 2.0**15
    """First loss scale of mixed_float16, held within 1 and 2^24."""
    loss_scale_growth_steps: int = 1000
    """Steps without overflow after which the loss scale doubles."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("learning_rate", "max_learning_rate"):
            value = getattr(self, name)
            _require(value > 0, f"optimizer.{name} is {value}; above 0 will do.")
        for name in ("warmup_steps", "clip_norm"):
            value = getattr(self, name)
            _require(value >= 0, f"optimizer.{name} is {value}; 0 or more will do.")
        _require(
            MIN_LOSS_SCALE <= self.initial_loss_scale <= MAX_LOSS_SCALE,
            f"optimizer.initial_loss_scale is {self.initial_loss_scale}; "
            "from 1 to 2^24 will do.",
        )
        _require(
            self.loss_scale_growth_steps >= 1,
            f"optimizer.loss_scale_growth_steps is {self.loss_scale_growth_steps}; "
            "at least 1 will do.",
        )


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """How long and in what portions the model reads."""

    steps: int | None = None
    """Updates in all. Give this or `epochs`."""
    epochs: float | None = None
    """Passes over the training text. Default: 1, unless `steps` is given."""
    start_from: str | None = None
    """Model whose weights a new run starts from, with its shape and text rule; whatever `--model` of the other commands takes. Default: weights drawn anew."""
    batch_size: int = 128
    """Lanes B read in parallel, over all replicas."""
    window: int = 256
    """Bytes T predicted per lane and step; gradients end at its borders."""
    accumulation_steps: int = 1
    """Portions of every device's lanes that are computed one after the other, their gradients added up: the same update in less memory. Dropout differs with their number."""
    recompute_segment: int | None = None
    """Bytes of a segment of the window: only states between segments are kept, all else is computed anew on the way back. About the square root of `window` takes the least memory, at about 1.4 times the time. Default: all is kept."""
    recompute_layers: bool = False
    """Keep of every layer only what it reads and compute the rest anew on the way back; saves memory where there are several layers."""
    eval_interval: int = 1000
    """Steps between validations; 0 validates at the end only."""
    eval_bytes: int = 2**20
    """Most bytes of whole samples that a validation between steps reads; the last one reads all."""
    test_bytes: int | None = None
    """Most bytes of whole samples that the test at the end reads; 0 leaves it out. Default: all."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(
            self.steps is None or self.epochs is None,
            f"training.steps ({self.steps}) and training.epochs ({self.epochs}) "
            "exclude each other; give one.",
        )
        _require(
            self.steps is None or self.steps >= 1,
            f"training.steps is {self.steps}; at least 1 will do.",
        )
        _require(
            self.epochs is None or self.epochs > 0,
            f"training.epochs is {self.epochs}; above 0 will do.",
        )
        for name in ("batch_size", "window", "eval_bytes", "accumulation_steps"):
            value = getattr(self, name)
            _require(value >= 1, f"training.{name} is {value}; at least 1 will do.")
        _require(
            self.batch_size % self.accumulation_steps == 0,
            f"training.accumulation_steps is {self.accumulation_steps}, no divisor of "
            f"training.batch_size {self.batch_size}; "
            f"{_divisor_below(self.batch_size, self.accumulation_steps)} will do.",
        )
        segment = self.recompute_segment
        _require(
            segment is None or segment >= 1,
            f"training.recompute_segment is {segment}; at least 1 will do.",
        )
        _require(
            segment is None or self.window % segment == 0,
            f"training.recompute_segment is {segment}, no divisor of training.window "
            f"{self.window}; {_divisor_below(self.window, segment or 1)} will do.",
        )
        _require(
            self.test_bytes is None or self.test_bytes >= 0,
            f"training.test_bytes is {self.test_bytes}; 0 or more will do.",
        )
        _require(
            self.eval_interval >= 0,
            f"training.eval_interval is {self.eval_interval}; 0 or more will do.",
        )


@dataclass(frozen=True, kw_only=True)
class DistributionConfig:
    """On how many devices a step is computed."""

    strategy: Literal["none", "mirrored", "multiworker"] = "mirrored"
    """One device (none), every device of this machine (mirrored), or many machines (multiworker)."""
    devices: int | None = None
    """Devices to use; under multiworker, of each machine. Default: all GPUs, else one CPU. Without a GPU: N logical CPU devices, but under multiworker one. Dropout differs with their number."""
    join_timeout_s: float = 300.0
    """Under multiworker: seconds in which all workers must have started."""

    slurm_port: int = 8888
    """Under multiworker and Slurm: port of the first worker of a machine; the others take the next ones."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(
            0 < self.slurm_port < 2**16,
            f"distribution.slurm_port is {self.slurm_port}; 1 to 65535 will do.",
        )
        _require(
            self.devices is None or self.devices >= 1,
            f"distribution.devices is {self.devices}; at least 1 will do.",
        )
        _require(
            self.join_timeout_s > 0,
            f"distribution.join_timeout_s is {self.join_timeout_s}; above 0 will do.",
        )
        _require(
            self.strategy != "none" or self.devices in (None, 1),
            f"distribution.devices is {self.devices} but distribution.strategy none "
            "uses one; use --distribution.strategy mirrored.",
        )


@dataclass(frozen=True, kw_only=True)
class CheckpointConfig:
    """When a run is saved and what is kept."""

    interval: int = 500
    """Steps between checkpoints; 0 saves at the end only."""
    keep: int = 2
    """Newest checkpoints kept, besides the best."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(
            self.interval >= 0,
            f"checkpoint.interval is {self.interval}; 0 or more will do.",
        )
        _require(
            self.keep >= 2,
            f"checkpoint.keep is {self.keep}; at least 2 will do: the newest and one "
            "to fall back to.",
        )


@dataclass(frozen=True, kw_only=True)
class LogConfig:
    """What is told while a run goes on."""

    interval: int = 10
    """Steps between two lines of the log."""
    tensorboard: bool = True
    """Write TensorBoard files into the run folder."""
    progress: bool = True
    """Show a progress bar on standard error."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(
            self.interval >= 1, f"log.interval is {self.interval}; at least 1 will do."
        )


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """All settings of one training run."""

    data: DataConfig = field(default_factory=DataConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    distribution: DistributionConfig = field(default_factory=DistributionConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    log: LogConfig = field(default_factory=LogConfig)
    precision: Precision = "float32"
    """Type of the arithmetic; weights, logits and loss stay float32."""
    seed: int = 0
    """Seed of start weights, dropout, where an epoch starts and the order of `data.shuffle`."""
    out: str | None = None
    """Run folder. Default: runs/ plus a name made of preset, source and settings hash."""
    fresh: bool = False
    """Move an existing run folder aside and start over."""
    plan: bool = False
    """Print how much memory the run will take and which flag would make it fit; train nothing."""
    launcher: Literal["none", "ray"] = "none"
    """Train in this process, or in `workers` processes of a Ray cluster: the one that RAY_ADDRESS names, else one of this machine alone."""
    workers: int | None = None
    """Launcher ray: number of workers. Default: one for each GPU of the cluster, else 2."""
    max_restarts: int = 3
    """Launcher ray: how often all workers are started again, from the last checkpoint, after one has died."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(0 <= self.seed < 2**31, f"seed is {self.seed}; 0 to 2^31 - 1 will do.")
        _require(
            self.workers is None or self.workers >= 1,
            f"workers is {self.workers}; at least 1 will do.",
        )
        _require(
            self.workers is None or self.launcher != "none",
            f"workers is {self.workers}, but nothing launches them; --launcher ray, or "
            "--distribution.devices for devices of this machine, will do.",
        )
        _require(
            self.max_restarts >= 0,
            f"max_restarts is {self.max_restarts}; 0 or more will do.",
        )
