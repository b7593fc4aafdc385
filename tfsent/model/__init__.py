"""Layers in `keras.ops`; importing this registers them with Keras."""

from tfsent.model.activations import hard_sigmoid, steep_sigmoid
from tfsent.model.gru import GRU
from tfsent.model.language_classifier import LanguageClassifier
from tfsent.model.language_model import ByteLanguageModel
from tfsent.model.lstm import LSTM
from tfsent.model.mlstm import MLSTMCell, MultiplicativeLSTM
from tfsent.model.pooling import (
    AttentionPooling,
    LastStep,
    MaskedMax,
    MaskedMean,
)
from tfsent.model.sequence_classifier import SequenceClassifier
from tfsent.model.simple_rnn import ReLURNN, TanhRNN

__all__ = [
    "GRU",
    "LSTM",
    "AttentionPooling",
    "ByteLanguageModel",
    "LanguageClassifier",
    "LastStep",
    "MLSTMCell",
    "MaskedMax",
    "MaskedMean",
    "MultiplicativeLSTM",
    "ReLURNN",
    "SequenceClassifier",
    "TanhRNN",
    "hard_sigmoid",
    "steep_sigmoid",
]
