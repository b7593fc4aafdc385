"""Named studies. Flags override their settings one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from tfsent.config_studies import Study, StudyConfig
from tfsent.config_supervised import ClassifierConfig, LearnerConfig, WordsConfig
from tfsent.supervised.presets import passage_gru

_WORDS = WordsConfig(max_features=10_000, min_count=2, max_length=400, too_long="end")
_LSTM = ClassifierConfig(embedding_size=128, units=128, cell="lstm", pooling="mean")


def _of_lstm(study: Study, learner: LearnerConfig) -> StudyConfig:
    return StudyConfig(
        study=study,
        words=_WORDS,
        classifier=_LSTM,
        learner=learner,
        out=f"reports/{study}",
    )


def optimizers() -> StudyConfig:
    """Return the race of five optimizers on an LSTM with mean pooling."""
    return _of_lstm(
        "optimizers", LearnerConfig(epochs=5, eval_interval=100, clip_norm=5.0)
    )


def tricks() -> StudyConfig:
    """Return what each of Passage's tricks adds, one after the other.

    Its network at a quarter of the width, texts of at most 400 words.

    Reference:
        Radford 2015, "General sequence learning using recurrent neural networks".
    """
    full = passage_gru()
    return StudyConfig(
        study="tricks",
        words=replace(full.words, max_length=400, too_long="end"),
        classifier=replace(full.classifier, embedding_size=128, units=128),
        learner=replace(full.learner, epochs=5, batch_size=32, learning_rate=1e-3),
        framework="torch",
        out="reports/tricks",
    )


def crossover() -> StudyConfig:
    """Return accuracy against the number of labels.

    Lines: n-grams with a linear model, an LSTM with mean pooling, and a regression on
    what a language model makes of the texts.
    """
    return _of_lstm("crossover", LearnerConfig(epochs=6, patience=4, clip_norm=5.0))


def depth() -> StudyConfig:
    """Return accuracy and time against the number of layers."""
    return _of_lstm("depth", LearnerConfig(epochs=6, clip_norm=5.0))


def words() -> StudyConfig:
    """Return the word vectors of a trained network, coloured by sentiment."""
    return _of_lstm("words", LearnerConfig(epochs=4, clip_norm=5.0))


PRESETS: Mapping[str, Callable[[], StudyConfig]] = {
    "optimizers": optimizers,
    "tricks": tricks,
    "crossover": crossover,
    "depth": depth,
    "words": words,
}
"""Every study, by the name that `--preset` takes."""
