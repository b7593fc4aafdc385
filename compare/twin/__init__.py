"""The PyTorch twin: the same files as tfsent/model and tfsent/training."""

from compare.twin.gru import GRU
from compare.twin.language_model import ByteLanguageModel
from compare.twin.lstm import LSTM
from compare.twin.mlstm import MultiplicativeLSTM
from compare.twin.sequence_classifier import SequenceClassifier
from compare.twin.simple_rnn import ReLURNN, TanhRNN

__all__ = [
    "GRU",
    "LSTM",
    "ByteLanguageModel",
    "MultiplicativeLSTM",
    "ReLURNN",
    "SequenceClassifier",
    "TanhRNN",
]
