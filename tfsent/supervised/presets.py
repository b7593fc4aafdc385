"""Named classifiers of the published systems. Flags override them one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tfsent.config_encoder import EncoderConfig
from tfsent.config_supervised import (
    ClassifierConfig,
    FinetuneConfig,
    LearnerConfig,
    WordsConfig,
)


def theano_lstm() -> FinetuneConfig:
    """Return the LSTM with mean pooling of the Theano tutorial.

    10,000 words, 128 units, batches of 16, AdaDelta, validation every 370 updates,
    patience 10; training texts of 100 words or more are left out.
    Departure: embeddings start uniform within 0.05 and the output after Glorot, where
    the tutorial draws from [0, 0.01) and with a deviation of 0.01.

    Reference:
        http://deeplearning.net/tutorial/lstm.html (LISA lab 2014).
    """
    return FinetuneConfig(
        words=WordsConfig(max_features=10_000, max_length=99, too_long="drop"),
        classifier=ClassifierConfig(
            embedding_size=128,
            units=128,
            cell="lstm",
            initialization="orthogonal",
            pooling="mean",
            dropout=0.5,
        ),
        learner=LearnerConfig(
            epochs=100,
            batch_size=16,
            eval_interval=370,
            patience=10,
            optimizer="adadelta",
            learning_rate=1.0,
            val_share=0.05,
        ),
    )


def passage_gru() -> FinetuneConfig:
    """Return the gated recurrent network of the Passage library.

    256 dimensions, 512 units with the steeper sigmoid, orthogonal start weights of
    gain 1.1, the output after the last word, Adam at 2e-4, columns of norm 3 at most.
    Departure: Adam as published, not with the library's early form of its decay.

    Reference:
        Radford 2015, "General sequence learning using recurrent neural networks";
        IndicoDataSolutions/Passage.
    """
    return FinetuneConfig(
        words=WordsConfig(max_features=10_000, min_count=10, end=True),
        classifier=ClassifierConfig(
            embedding_size=256,
            units=512,
            cell="gru",
            gate_activation="steep_sigmoid",
            initialization="orthogonal",
            initialization_gain=1.1,
            pooling="last",
            dropout=0.5,
        ),
        learner=LearnerConfig(
            epochs=10,
            batch_size=64,
            eval_interval=100,
            patience=10,
            optimizer="adam",
            learning_rate=2e-4,
            clip_norm=5.0,
            max_norm=3.0,
        ),
    )


def deepmoji() -> FinetuneConfig:
    """Return DeepMoji's network, from new start weights.

    50,000 words of 256 dimensions, two bidirectional LSTMs of 512 units with the hard
    sigmoid, all their outputs and the embedding pooled by attention. With `start` and
    `learner.thaw chain-thaw` it is fine-tuned as published.

    Reference:
        Felbo et al. 2017, arXiv:1708.00524.
    """
    return FinetuneConfig(
        words=WordsConfig(max_features=50_000),
        classifier=ClassifierConfig(
            embedding_size=256,
            embedding_activation="tanh",
            units=512,
            layers=2,
            direction="both",
            gate_activation="hard_sigmoid",
            input_initialization="glorot",
            forget_bias=1.0,
            skip_connections=True,
            pooling="attention",
            spatial_dropout=0.25,
            dropout=0.5,
        ),
        learner=LearnerConfig(
            epochs=20,
            batch_size=32,
            patience=3,
            optimizer="adam",
            learning_rate=1e-3,
            clip_norm=1.0,
            thaw="new",
        ),
    )


def linear() -> FinetuneConfig:
    """Return logistic regression on words and pairs of words, by tf-idf.

    The honest baseline; `--linear.weighting nbsvm` is the stronger one on long texts.
    """
    return FinetuneConfig(system="linear")


def embeddings() -> FinetuneConfig:
    """Return logistic regression on averaged word vectors, plain or weighted.

    The vectors are made from `embeddings.source`, else from the training texts.

    Reference:
        Arora, Liang, Ma 2017, ICLR: frequent words count less, the first principal
        component is removed.
    """
    return FinetuneConfig(system="embeddings")


def lm_finetune() -> FinetuneConfig:
    """Return a trained language model with heads, fine-tuned end to end.

    Means of both states over a text, two heads that are kept different, the language
    model's own loss at .02 beside that of the labels, a fifth of the learning rate for
    its weights; the last 512 bytes of a text. `encoder.model` names the language model.

    Reference:
        NVIDIA's sentiment-discovery (2018): pooled states, heads, auxiliary loss;
        Howard and Ruder 2018, arXiv:1801.06146: slanted triangular rates.
    """
    return FinetuneConfig(
        system="language",
        encoder=EncoderConfig(
            heads=2,
            head_variance=0.01,
            dropout=0.3,
            language_loss=0.02,
            rate_factor=0.2,
            max_bytes=512,
        ),
        learner=LearnerConfig(
            epochs=5,
            batch_size=32,
            patience=3,
            optimizer="adam",
            learning_rate=1e-3,
            schedule="slanted",
            clip_norm=1.0,
        ),
    )


PRESETS: Mapping[str, Callable[[], FinetuneConfig]] = {
    "theano-lstm": theano_lstm,
    "passage-gru": passage_gru,
    "deepmoji": deepmoji,
    "lm-finetune": lm_finetune,
    "linear": linear,
    "embeddings": embeddings,
}
"""Every preset, by the name that `--preset` takes."""
