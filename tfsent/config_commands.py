"""Settings of the commands that use a trained model; each is explained here alone.

As in `tfsent.config`: needs no framework, and flags are made from these classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from tfsent.config import NUM_BYTES, DataConfig, Precision, _require
from tfsent.config_labelled import LabelledDataConfig
from tfsent.engines import Engine


@dataclass(frozen=True, kw_only=True)
class TransferConfig:
    """What `scripts/transfer.py` trains on a model's features, and measures."""

    model: str
    """Run folder, checkpoint folder in it, .keras file, or what convert.py reads."""
    data: LabelledDataConfig
    """Labelled texts; cleaned by the model's own rule."""
    out: str
    """Folder for classifier, figures and pictures: new, empty, or an earlier one of these."""
    feature: str = "auto"
    """What a text is turned into, such as cell (the last state) or cell-mean+hidden-mean; of a comma list, the best on validation texts. auto is cell,cell-mean,hidden-mean,cell-mean+hidden-mean."""
    neurons: int = 1
    """Neurons K that are measured alone, those of the largest weights."""
    standardize: bool = True
    """Bring every feature to mean 0 and deviation 1 over the training texts before the regression; the published recipe does not."""
    metric: Literal["f1", "jaccard", "mcc"] = "f1"
    """Several labels: what C and the thresholds are chosen for, on validation texts, averaged over labels."""
    checks: bool = True
    """Also ask whether the neuron is real: without it, random ones, few labels."""
    draws: int = 5
    """Random choices of labelled texts for each point of the label-efficiency curve."""
    cache: bool = True
    """Keep features in the cache folder, by the content of texts and model, and use what is there."""
    precision: Precision = "float32"
    """Type of the model's arithmetic; the regression is float64."""
    seed: int = 0
    """Seed of folds, draws, bootstrap and the regression's order of steps."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("model", "out", "feature"):
            _require(bool(getattr(self, name).strip()), f"{name} is empty.")
        for name in ("neurons", "draws"):
            value = getattr(self, name)
            _require(value >= 1, f"{name} is {value}; at least 1 will do.")
        _require(0 <= self.seed < 2**31, f"seed is {self.seed}; 0 to 2^31 - 1 will do.")


@dataclass(frozen=True, kw_only=True)
class ClassifyConfig:
    """What `scripts/classify.py` classifies."""

    model: str
    """Run folder, checkpoint folder in it, .keras file, or what convert.py reads; or a run folder of finetune.py, whatever its system; with an engine a SavedModel too."""
    classifier: str | None = None
    """Folder that transfer.py wrote. Default: the one that lies in the model's folder."""
    data: DataConfig = field(default_factory=DataConfig)
    """Texts; labels are not read. Cleaned by the model's own rule."""
    out: str | None = None
    """File for the result, one row a text: .csv, .jsonl or .npy (probabilities). Default: csv on standard output. With an engine a new folder, NAME.parquet."""
    engine: Literal["none"] | Engine = "none"
    """Who computes: this process, processes of this machine, or the Ray cluster that RAY_ADDRESS names."""
    workers: int | None = None
    """With an engine: processes that compute. Default: one for each core, or each CPU of the cluster."""
    any_model: bool = False
    """Use the classifier with another model than the one it was made for."""
    precision: Precision = "float32"
    """Type of the model's arithmetic; the classifier's is float64."""
    json: bool = False
    """Print nothing but a summary, as one JSON object, on standard output; needs `out`."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(bool(self.model), "model is empty.")
        _check_engine(self.engine, self.workers, self.out)
        _require(
            self.out is None
            or self.engine != "none"
            or self.out.endswith((".csv", ".jsonl", ".npy")),
            f"out is {self.out!r}; a name ending in .csv, .jsonl or .npy will do.",
        )
        _require(
            self.out is not None or not self.json,
            "--json needs --out: the rows are on standard output otherwise.",
        )


@dataclass(frozen=True, kw_only=True)
class HeatmapConfig:
    """What `scripts/heatmap.py` paints."""

    model: str
    """Run folder, checkpoint folder in it, .keras file, or what convert.py reads."""
    text: str
    """Text to paint; '-' reads all of standard input as one text."""
    classifier: str | None = None
    """Folder that transfer.py wrote; its neuron is painted, on its scale. Default: the one that lies in the model's folder, unless `neuron` is given."""
    neuron: int | None = None
    """Number of the unit to paint, the first is 0."""
    layer: int = -1
    """Layer of `neuron`, the first is 0; -1 is the last."""
    state: Literal["cell", "hidden"] | None = None
    """Which state of `neuron`. Default: cell, where the model keeps one."""
    center: float | None = None
    """Value of the neuron in the middle of the scale. Default: the classifier's threshold, else 0."""
    limit: float | None = None
    """Value at the ends of the scale, counted from its middle. Default: the classifier's, else 1; of attention, doublings over an equal share, 3."""
    colors: Literal["PuOr", "RdBu", "BrBG", "PRGn", "PiYG"] = "PuOr"
    """Colours of the scale, from negative to positive; colour-blind readers can tell the ends of each apart."""
    out: str | None = None
    """File to write, by its ending .html (a page that stands alone) or .png. Default: coloured text on standard output."""
    any_model: bool = False
    """Take the classifier with another model than the one it was made for."""
    precision: Precision = "float32"
    """Type of the arithmetic."""
    json: bool = False
    """Print nothing but the characters and their values, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(bool(self.model), "model is empty.")
        _require(
            self.classifier is None or self.neuron is None,
            "--classifier and --neuron exclude each other; give one.",
        )
        _require(
            self.neuron is None or self.neuron >= 0,
            f"neuron is {self.neuron}; 0 or more will do.",
        )
        _require(
            self.neuron is not None or (self.layer, self.state) == (-1, None),
            "--layer and --state go with --neuron: a classifier brings its own.",
        )
        _require(
            self.center is None or math.isfinite(self.center),
            f"center is {self.center}; a finite number will do.",
        )
        _require(
            self.limit is None or 0.0 < self.limit < math.inf,
            f"limit is {self.limit}; a finite number above 0 will do.",
        )
        _require(
            self.out is None or self.out.lower().endswith((".html", ".png")),
            f"out is {self.out!r}; a name ending in .html or .png will do.",
        )


@dataclass(frozen=True, kw_only=True)
class AppConfig:
    """What page `scripts/app.py` serves, and where."""

    model: str
    """Run folder, checkpoint folder in it, .keras file, or what convert.py reads."""
    classifier: str | None = None
    """Folder that transfer.py wrote. Default: the one that lies in the model's folder."""
    port: int = 7860
    """Port to listen on; 0 takes any that is free."""
    host: str = "127.0.0.1"
    """Address to listen on. The default is reached from this machine alone; 0.0.0.0 by whoever reaches the machine, and nothing asks for a password."""
    max_chars: int = 5000
    """Longest text that the page takes, in characters."""
    max_length: int = 2000
    """Longest text that the page generates, in bytes."""
    any_model: bool = False
    """Use the classifier with another model than the one it was made for."""
    precision: Precision = "float32"
    """Type of the model's arithmetic; the classifier's is float64."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("model", "host"):
            _require(bool(getattr(self, name).strip()), f"{name} is empty.")
        _require(
            0 <= self.port < 2**16, f"port is {self.port}; 0 to {2**16 - 1} will do."
        )
        _require(
            1 <= self.max_chars <= 100_000,
            f"max_chars is {self.max_chars}; 1 to 100000 will do.",
        )
        _require(
            1 <= self.max_length <= 100_000,
            f"max_length is {self.max_length}; 1 to 100000 will do.",
        )


@dataclass(frozen=True, kw_only=True)
class GenerateConfig:
    """What `scripts/generate.py` lets a model write."""

    model: str
    """Run folder, checkpoint folder in it, .keras file, or what convert.py reads."""
    classifier: str | None = None
    """Folder that transfer.py wrote; its neuron is overwritten or painted. Default: the one that lies in the model's folder, unless `neuron` is given."""
    prompt: str = ""
    """Text to go on from; cleaned by the model's own rule. Default: the start of a text."""
    length: int = 200
    """Bytes to add."""
    temperature: float = 1.0
    """The logits are divided by it: below 1 likely bytes become likelier; 0 takes the likeliest."""
    top_k: int | None = None
    """Only so many likeliest bytes may be drawn, 1 to 256. Default: all."""
    overwrite: float | None = None
    """Hold the neuron at this value after every byte, the prompt's included. With `neuron`: the value itself. With a classifier: steps from its threshold to the end of its scale, towards the positive class, so that 1 is strongly positive and -1 strongly negative, whatever the neuron's sign."""
    neuron: int | None = None
    """Number of the unit to overwrite or to paint, the first is 0."""
    negate: bool = False
    """Overwrite with minus the value: where `neuron` is high in negative texts."""
    state: Literal["cell", "hidden"] | None = None
    """Which state of `neuron`. Default: cell, where the model keeps one."""
    layer: int = -1
    """Layer of `neuron`, the first is 0; -1 is the last."""
    samples: int = 1
    """Texts to write, side by side; the seed of each is one above the last."""
    heatmap: bool = False
    """Paint the neuron under each text: the model reads it again, nothing overwritten."""
    seed: int = 0
    """Seed of the first text."""
    any_model: bool = False
    """Take the classifier with another model than the one it was made for."""
    precision: Precision = "float32"
    """Type of the arithmetic; logits stay float32."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(bool(self.model), "model is empty.")
        _require(
            self.prompt.encode("utf-8", "replace").decode() == self.prompt,
            "prompt is not UTF-8.",
        )
        for name, least in (("length", 1), ("samples", 1), ("seed", 0)):
            value = getattr(self, name)
            _require(value >= least, f"{name} is {value}; at least {least} will do.")
        _require(
            0.0 <= self.temperature < math.inf,
            f"temperature is {self.temperature}; 0 or more will do.",
        )
        _require(
            self.top_k is None or 1 <= self.top_k <= NUM_BYTES,
            f"top_k is {self.top_k}; 1 to {NUM_BYTES} will do.",
        )
        self._check_neuron()

    def _check_neuron(self) -> None:
        _require(
            self.overwrite is None or math.isfinite(self.overwrite),
            f"overwrite is {self.overwrite}; a finite number will do.",
        )
        _require(
            self.overwrite is not None or not self.negate,
            "--negate turns the value of --overwrite round: give both.",
        )
        _require(
            self.classifier is None or self.neuron is None,
            "--classifier and --neuron exclude each other; give one.",
        )
        _require(
            self.neuron is None or self.neuron >= 0,
            f"neuron is {self.neuron}; 0 or more will do.",
        )
        _require(
            self.neuron is not None or (self.layer, self.state) == (-1, None),
            "--layer and --state go with --neuron: a classifier brings its own.",
        )
        _require(
            self.uses_neuron or (self.neuron, self.classifier) == (None, None),
            "--neuron and --classifier go with --overwrite, --heatmap or both.",
        )

    @property
    def uses_neuron(self) -> bool:
        """Whether a neuron is overwritten or painted."""
        return self.overwrite is not None or self.heatmap


@dataclass(frozen=True, kw_only=True)
class FeaturizeConfig:
    """What `scripts/featurize.py` computes."""

    model: str
    """Run folder, checkpoint folder in it, .keras file, or what convert.py reads; with an engine a SavedModel too."""
    data: DataConfig = field(default_factory=DataConfig)
    """Texts, one row each; cleaned by the model's own rule, whatever data.text_rule says."""
    out: str
    """File to write: .npy, .safetensors or .parquet; one that is there is replaced. With an engine a new folder, NAME.parquet."""
    engine: Literal["none"] | Engine = "none"
    """Who computes: this process into one file, processes of this machine, or the Ray cluster that RAY_ADDRESS names, into a folder of parquet files."""
    workers: int | None = None
    """With an engine: processes that compute. Default: one for each core, or each CPU of the cluster."""
    feature: str | None = None
    """States and their pooling: cell or hidden, perhaps with -last, -mean, -max or -min behind it and all- (every layer) before it, several joined by +. Default: the cell state after the last byte."""
    cache: bool = True
    """Keep what is computed in the cache folder, by the content of texts and model, and use what is there; an engine does not."""
    precision: Precision = "float32"
    """Type of the arithmetic; features are float32."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _check_engine(self.engine, self.workers, self.out)


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """What `scripts/export.py` exports."""

    model: str
    """Run folder, checkpoint folder in it, .keras file, or what convert.py reads."""
    out: str
    """Folder to write; nothing may be there."""
    classifier: str | None = None
    """Folder that transfer.py wrote. Default: the one that lies in the model's folder, unless `feature` is given."""
    feature: str | None = None
    """What a text is turned into, such as cell or cell-mean+hidden-max. Default: the classifier's, else the last cell state."""
    format: Literal["savedmodel", "litert", "onnx"] = "savedmodel"
    """savedmodel takes text as it was written, and classifies it. litert and onnx take bytes as the model reads them: one more of each lane (step), or one whole text (features)."""
    any_model: bool = False
    """Use the classifier with another model than the one it was made for."""
    precision: Precision = "float32"
    """Type of the arithmetic; float32 alone is exported."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("model", "out"):
            _require(bool(getattr(self, name).strip()), f"{name} is empty.")
        _require(
            self.classifier is None or self.feature is None,
            "--classifier and --feature exclude each other: a classifier brings its "
            "feature.",
        )
        _require(
            self.classifier is None or self.format == "savedmodel",
            f"--classifier goes with format savedmodel; {self.format} takes bytes, not "
            "text.",
        )
        _require(
            self.precision == "float32",
            f"precision is {self.precision}; float32 will do: an exported model has "
            "float32 weights and computes in float32.",
        )

    @property
    def takes_classifier(self) -> bool:
        """Whether a classifier in the model's folder is exported with it."""
        return self.format == "savedmodel" and self.feature is None


def _check_engine(engine: str, workers: int | None, out: str | None) -> None:
    _require(
        workers is None or workers >= 1, f"workers is {workers}; at least 1 will do."
    )
    if engine == "none":
        _require(workers is None, "--workers goes with an --engine; local will do.")
        return
    _require(
        out is not None and out.endswith(".parquet"),
        f"out is {out!r}; with an engine a folder, NAME.parquet, will do.",
    )
