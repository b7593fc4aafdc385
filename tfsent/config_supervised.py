"""Settings of the supervised classifiers; each is explained here alone.

As in `tfsent.config`: needs no framework, and flags are made from these classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from tfsent.config import Precision, _require
from tfsent.config_encoder import EncoderConfig
from tfsent.config_labelled import LabelledDataConfig

GateActivation = Literal["sigmoid", "hard_sigmoid", "steep_sigmoid"]
Pooling = Literal["mean", "max", "last", "attention"]
Optimizer = Literal["adam", "adadelta", "rmsprop", "sgd", "momentum"]
System = Literal["words", "linear", "embeddings", "language"]


@dataclass(frozen=True, kw_only=True)
class WordsConfig:
    """How a text becomes numbers of words."""

    unit: Literal["word", "character"] = "word"
    """What gets a number: words and punctuation marks, or single characters."""
    lower: bool = True
    """Take capital letters as small ones."""
    max_features: int = 10_000
    """Most numbers in all, those for padding, end and unknown words among them; the most frequent words get one."""
    min_count: int = 1
    """Least number of times a word stands in the training texts to get a number."""
    end: bool = False
    """Put an end mark behind every text."""
    max_length: int | None = None
    """Most words of a text, the end mark included. Default: no limit."""
    too_long: Literal["start", "end", "drop"] = "start"
    """Of a longer text keep its start, keep its end, or leave it out of training; validation and test texts are never left out."""
    pad_side: Literal["after", "before"] = "after"
    """Where a text is filled up to the longest of its batch."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(
            self.max_features >= 4,
            f"words.max_features is {self.max_features}; at least 4 will do: three "
            "have a meaning of their own.",
        )
        _require(
            self.min_count >= 1,
            f"words.min_count is {self.min_count}; at least 1 will do.",
        )
        least = 2 if self.end else 1
        _require(
            self.max_length is None or self.max_length >= least,
            f"words.max_length is {self.max_length}; at least {least} will do.",
        )


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """Shape of a recurrent classifier over words."""

    one_hot: bool = False
    """Feed the recurrent layer one-hot words: no embedding."""
    embedding_size: int = 128
    """Width E of a word's embedding, in units."""
    embedding_activation: Literal["linear", "tanh"] = "linear"
    """What the embedding passes through."""
    cell: Literal["lstm", "gru", "tanh", "relu", "mlstm"] = "lstm"
    """Recurrent cell of every layer."""
    units: int = 128
    """Width H of a layer's state in one direction, in units."""
    layers: int = 1
    """Recurrent layers, one upon the other."""
    direction: Literal["forward", "backward", "both"] = "forward"
    """In which direction a layer reads; both joins two of them."""
    gate_activation: GateActivation = "sigmoid"
    """What gates pass through: 1/(1+exp(-x)), clip(0.2 x + 0.5, 0, 1), or 1/(1+exp(-3.75 x))."""
    initialization: Literal["orthogonal", "identity", "uniform", "normal"] = (
        "orthogonal"
    )
    """Start of each recurrent block."""
    input_initialization: (
        Literal["orthogonal", "glorot", "uniform", "normal"] | None
    ) = None
    """Start of each block beside the input. Default: as the recurrent blocks; for identity glorot."""
    initialization_gain: float = 1.0
    """What the start of each recurrent block is multiplied by."""
    embedding_range: float = 0.05
    """Embeddings start uniform between minus this and this."""
    forget_bias: float = 0.0
    """Start of the LSTM's forget-gate bias."""
    skip_connections: bool = False
    """Pool the outputs of all layers and the embedding joined, the last layer first, instead of the last layer's alone."""
    pooling: Pooling = "mean"
    """How a sequence becomes one vector: over its words the mean, the largest, the one after the last word, or a weighted mean with learned weights."""
    spatial_dropout: float = 0.0
    """Share of the embedding's dimensions that training sets to zero in a whole text."""
    dropout: float = 0.5
    """Share of the pooled vector that training sets to zero."""
    hidden: tuple[int, ...] = ()
    """Widths of layers between the pooled vector and the output, each with ReLU and dropout."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("embedding_size", "units", "layers"):
            value = getattr(self, name)
            _require(value >= 1, f"classifier.{name} is {value}; at least 1 will do.")
        for name in ("spatial_dropout", "dropout"):
            value = getattr(self, name)
            _require(
                0.0 <= value < 1.0,
                f"classifier.{name} is {value}; from 0 to below 1 will do.",
            )
        for name in ("initialization_gain", "embedding_range"):
            value = getattr(self, name)
            _require(
                0.0 < value < math.inf,
                f"classifier.{name} is {value}; above 0 will do.",
            )
        _require(
            all(width >= 1 for width in self.hidden),
            f"classifier.hidden is {self.hidden}; widths of at least 1 will do.",
        )
        _require(
            self.gate_activation == "sigmoid" or self.cell in ("lstm", "gru", "mlstm"),
            f"classifier.gate_activation is {self.gate_activation}, but the cell "
            f"{self.cell} has no gates; sigmoid will do.",
        )
        _require(
            self.forget_bias == 0.0 or self.cell in ("lstm", "mlstm"),
            f"classifier.forget_bias is {self.forget_bias}, but the cell {self.cell} "
            "has no forget gate; 0 will do.",
        )


@dataclass(frozen=True, kw_only=True)
class LearnerConfig:
    """How a classifier is trained and when that ends."""

    epochs: float = 10.0
    """Most passes over the training texts."""
    batch_size: int = 32
    """Texts N of an update."""
    sort_by_length: bool = True
    """Put texts of like length into a batch; without it texts of any length, most of them padding."""
    eval_interval: int = 0
    """Updates between two validations; 0 validates after every epoch."""
    patience: int = 3
    """Validations without a better one after which training ends; the best weights are kept."""
    optimizer: Optimizer = "adam"
    """Rule of the update; momentum is SGD with 0.9 of it."""
    learning_rate: float = 1e-3
    """Peak learning rate."""
    schedule: Literal["constant", "linear", "cosine", "slanted"] = "constant"
    """Course of the learning rate; linear and cosine end at 0 with the last update, slanted rises over a tenth and falls to a 32nd."""
    clip_norm: float = 0.0
    """Largest global norm of the gradient; 0 turns clipping off."""
    max_norm: float = 0.0
    """Largest norm of a matrix's column after an update; 0 turns it off."""
    weight_decay: float = 0.0
    """Weight of half the squared output weights in the loss."""
    thaw: Literal["full", "last", "new", "chain-thaw"] = "full"
    """What is trained: all; the output layer; all from new start weights; or the output layer first, then each layer alone, then all. Of a language model the output is its heads, and layers follow from the heads down."""
    chain_learning_rate: float = 1e-4
    """Learning rate of every stage of chain-thaw after the first."""
    balanced: bool = False
    """Batches hold each class equally often, the rarer ones repeated."""
    class_weights: Literal["none", "balanced"] = "none"
    """Weight of a text in the loss: 1, or inverse to how often its class comes."""
    val_share: float = 0.1
    """Share of the training texts set apart where there are no validation texts."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("epochs", "learning_rate", "chain_learning_rate"):
            value = getattr(self, name)
            _require(
                0.0 < value < math.inf, f"learner.{name} is {value}; above 0 will do."
            )
        for name in ("batch_size", "patience"):
            value = getattr(self, name)
            _require(value >= 1, f"learner.{name} is {value}; at least 1 will do.")
        for name in ("eval_interval", "clip_norm", "max_norm", "weight_decay"):
            value = getattr(self, name)
            _require(
                0 <= value < math.inf, f"learner.{name} is {value}; 0 or more will do."
            )
        _require(
            0.0 < self.val_share < 1.0,
            f"learner.val_share is {self.val_share}; between 0 and 1 will do.",
        )
        _require(
            not (self.balanced and self.class_weights == "balanced"),
            "learner.balanced and learner.class_weights balanced do the same; give "
            "one.",
        )


_STRENGTHS = tuple(4.0**k for k in range(-4, 5))


@dataclass(frozen=True, kw_only=True)
class LinearConfig:
    """A linear model on n-grams (system linear)."""

    word_ngrams: tuple[int, int] | None = (1, 2)
    """Shortest and longest n-gram of words, in words; None leaves them out."""
    character_ngrams: tuple[int, int] | None = None
    """Shortest and longest n-gram of characters, in characters. Default: none."""
    characters: Literal["char_wb", "char"] = "char_wb"
    """Characters of one word with a space before and behind it, or of the whole text."""
    lower: bool = True
    """Take capital letters as small ones."""
    weighting: Literal["tfidf", "binary", "nbsvm"] = "tfidf"
    """What an n-gram counts in a text: how often it comes by how rare it is, every kind of n-gram brought to length 1; 1; or the log-count ratio of Wang and Manning 2012."""
    sublinear: bool = False
    """Of weighting tfidf: take 1 + log of how often an n-gram comes."""
    smoothing: float = 1.0
    """Of weighting nbsvm: added to the count of each n-gram in each class."""
    penalty: Literal["l2", "l1"] = "l2"
    """What keeps weights small: half their squares, or their absolute values."""
    min_df: tuple[int, ...] = (1, 2, 5)
    """Least number of training texts that an n-gram stands in; the best of these is taken."""
    C: tuple[float, ...] = _STRENGTHS
    """Weight of the loss, summed over texts, against the penalty; the best of these is taken."""
    class_weights: Literal["none", "balanced"] = "none"
    """Weight of a text in the loss: 1, or inverse to how often its class comes."""
    refit_on_val: bool = False
    """Fit what was chosen on training and validation texts together."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("word_ngrams", "character_ngrams"):
            lengths = getattr(self, name)
            _require(
                lengths is None or 1 <= lengths[0] <= lengths[1],
                f"linear.{name} is {lengths}; two lengths of at least 1, the longer "
                "one last, will do.",
            )
        _require(
            (self.word_ngrams, self.character_ngrams) != (None, None),
            "linear.word_ngrams and linear.character_ngrams are both None; give one.",
        )
        _require(
            not self.sublinear or self.weighting == "tfidf",
            f"linear.sublinear goes with weighting tfidf; {self.weighting} asks only "
            "whether an n-gram comes.",
        )
        _require(
            0.0 < self.smoothing < math.inf,
            f"linear.smoothing is {self.smoothing}; above 0 will do.",
        )
        _require(
            bool(self.min_df) and all(least >= 1 for least in self.min_df),
            f"linear.min_df is {self.min_df}; numbers of at least 1 will do.",
        )
        _require_strengths("linear", self.C)


@dataclass(frozen=True, kw_only=True)
class EmbeddingsConfig:
    """Averaged word vectors and a linear model (system embeddings)."""

    source: str | None = None
    """Unlabelled text that the word vectors are made from, a source as for train.py. Default: the training texts."""
    vocabulary: int = 20_000
    """Most words that get a vector, the most frequent ones."""
    min_count: int = 5
    """Least number of times a word stands in the unlabelled text to get a vector."""
    dimensions: int = 300
    """Width D of a word vector."""
    context_words: int = 5
    """Words to either side that count as neighbours, the nearer the more."""
    features: Literal["both", "average", "weighted"] = "both"
    """What a text becomes: the mean of its vectors; their mean with frequent words counted less and the first principal component removed; or the better of both."""
    frequent_weight: float = 1e-3
    """Of features weighted: a word of probability p counts a / (a + p), this is a."""
    C: tuple[float, ...] = _STRENGTHS
    """Weight of the loss, summed over texts, against half the squared weights; the best of these is taken."""
    class_weights: Literal["none", "balanced"] = "none"
    """Weight of a text in the loss: 1, or inverse to how often its class comes."""
    refit_on_val: bool = False
    """Fit what was chosen on training and validation texts together."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(
            self.source != "", "embeddings.source is empty; name a source of text."
        )
        for name, least in (
            ("vocabulary", 2),
            ("min_count", 1),
            ("dimensions", 1),
            ("context_words", 1),
        ):
            value = getattr(self, name)
            _require(
                value >= least,
                f"embeddings.{name} is {value}; at least {least} will do.",
            )
        _require(
            0.0 < self.frequent_weight < math.inf,
            f"embeddings.frequent_weight is {self.frequent_weight}; above 0 will do.",
        )
        _require_strengths("embeddings", self.C)


def _require_strengths(owner: str, strengths: tuple[float, ...]) -> None:
    _require(
        bool(strengths) and all(0.0 < C < math.inf for C in strengths),
        f"{owner}.C is {strengths}; numbers above 0 will do.",
    )


@dataclass(frozen=True, kw_only=True)
class FinetuneConfig:
    """What `scripts/finetune.py` trains, on which labels."""

    system: System = "words"
    """A recurrent network over words, n-grams with a linear model, averaged word vectors with one, or a trained language model with heads."""
    data: LabelledDataConfig = field(
        default_factory=lambda: LabelledDataConfig(train="builtin")
    )
    """Labelled texts."""
    regression: bool = False
    """Learn the label as a number, such as stars, instead of as a class."""
    words: WordsConfig = field(default_factory=WordsConfig)
    """How a text becomes words (system words)."""
    classifier: ClassifierConfig = field(default_factory=ClassifierConfig)
    """The network (system words)."""
    learner: LearnerConfig = field(default_factory=LearnerConfig)
    """How networks are trained."""
    linear: LinearConfig = field(default_factory=LinearConfig)
    """The linear model (system linear)."""
    embeddings: EmbeddingsConfig = field(default_factory=EmbeddingsConfig)
    """The averaged word vectors (system embeddings)."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """The language model and its heads (system language)."""
    neutral_share: float = 0.0
    """Two classes: largest share of validation texts that may be called neither; the two thresholds that leave the rest most accurate are taken. 0: every text is called one."""
    metric: Literal["f1", "jaccard", "mcc"] = "f1"
    """Several labels: what weights and thresholds are chosen for on validation texts, averaged over labels."""
    framework: Literal["keras", "torch"] = "keras"
    """What computes: Keras on TensorFlow, or its twin in PyTorch."""
    folds: int = 0
    """Train so many times, each on all but one part of the texts, and test on that part: for sets without a test split. 0 trains once."""
    start: str | None = None
    """Folder of an earlier run of this command, whose weights and words are gone on from. Default: new start weights."""
    out: str | None = None
    """Run folder. Default: runs/ plus the system and a hash of the settings."""
    fresh: bool = False
    """Move an existing run folder aside and start over."""
    precision: Precision = "float32"
    """Type of the arithmetic; weights, logits and loss stay float32."""
    seed: int = 0
    """Seed of start weights, order of texts, dropout and bootstrap."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        _require(0 <= self.seed < 2**31, f"seed is {self.seed}; 0 to 2^31 - 1 will do.")
        _require(
            self.folds == 0 or self.folds >= 2,
            f"folds is {self.folds}; 2 or more, or 0 for none, will do.",
        )
        _require(
            not self.folds or (self.data.test, self.data.fold) == (None, None),
            "folds makes test texts of the training texts; data.test and data.fold "
            "do so otherwise. Give one.",
        )
        _require(
            0.0 <= self.neutral_share < 1.0,
            f"neutral_share is {self.neutral_share}; from 0 to below 1 will do.",
        )
        for name in ("regression", "neutral_share"):
            _require(
                self.system in ("words", "language") or not getattr(self, name),
                f"{name} goes with system words or language, not {self.system}.",
            )
