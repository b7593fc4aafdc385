"""Supervised models over words.

Axes: N texts, T words, V words known, E embedding width, H hidden units, G = 4 H gate
rows, C classes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class WordClassifier(nn.Module):
    """Word ids -> embedding -> LSTM -> mean over the words -> dropout -> logits.

        x_t = W_emb[word_t]
        z_t = wx x_t + wh h_{t-1} + b        four blocks of rows: i, f, u, o
        c_t = m_t (sigmoid(f) c_{t-1} + sigmoid(i) tanh(u)) + (1 - m_t) c_{t-1}
        h_t = m_t sigmoid(o) tanh(c_t) + (1 - m_t) h_{t-1}
        logits = w_out dropout(sum_t m_t h_t / sum_t m_t) + b_out
        probabilities = softmax(logits)

    m_t is 1 for a word and 0 for padding. A masked step changes no state, so the
    words are moved to the front of their row first and `torch.nn.LSTM` needs no mask.
    The two biases of that layer are one here: the second stays 0 and is not trained.

    Start weights, departures from the source, arguments: as
    `tfsent.model.classifiers.WordClassifier`, whose model this is on PyTorch.

    Call arguments: `words_NT` int[N, T]; `mask_NT` bool[N, T], by default every word
    but those of id 0. Dropout acts in training mode.

    Call returns the logits, float32[N, C].

    Args:
        num_words: V, ids from 0 to V - 1.
        units: H, the width of the state.
        embedding_size: E. Default: `units`.
        num_classes: C.
        dropout: Share of the mean that training sets to zero.
        seed: Seed of the start weights.

    Raises:
        ValueError: If a size is below 1.

    Reference:
        LSTM tutorial of http://deeplearning.net/tutorial/lstm.html (LISA lab 2014),
        `lstm.py`, functions `lstm_layer` and `build_model`.

    Example:
        >>> model = WordClassifier(num_words=11, units=7)
        >>> model(torch.tensor([[3, 5, 2], [4, 0, 0]])).shape
        torch.Size([2, 2])
    """

    def __init__(
        self,
        num_words: int,
        units: int = 128,
        embedding_size: int | None = None,
        num_classes: int = 2,
        dropout: float = 0.5,
        seed: int = 0,
    ):
        super().__init__()
        self.num_words = num_words
        self.units = units
        self.embedding_size = units if embedding_size is None else embedding_size
        self.num_classes = num_classes
        for name in ("num_words", "units", "embedding_size", "num_classes"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} is {getattr(self, name)}; at least 1 will do."
                )
        self.embedding = nn.Embedding(num_words, self.embedding_size)
        self.lstm = nn.LSTM(self.embedding_size, units, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(units, num_classes)
        self._initialize(torch.Generator().manual_seed(seed))

    @torch.no_grad()
    def _initialize(self, generator: torch.Generator) -> None:
        nn.init.uniform_(self.embedding.weight, 0.0, 0.01, generator=generator)
        for w_GI in (self.lstm.weight_ih_l0, self.lstm.weight_hh_l0):
            for block in w_GI.chunk(4):
                nn.init.orthogonal_(block, generator=generator)
        nn.init.zeros_(self.lstm.bias_ih_l0)
        nn.init.zeros_(self.lstm.bias_hh_l0)
        # Trained too, it would double the step of the bias.
        self.lstm.bias_hh_l0.requires_grad_(False)
        nn.init.normal_(self.output.weight, std=0.01, generator=generator)
        nn.init.zeros_(self.output.bias)

    def forward(self, words_NT: Tensor, mask_NT: Tensor | None = None) -> Tensor:
        """Return the logits."""
        words_NT = torch.as_tensor(words_NT).long()
        mask_NT = words_NT != 0 if mask_NT is None else torch.as_tensor(mask_NT).bool()
        # Stable: the words keep their order.
        order_NT = torch.argsort(~mask_NT, dim=1, stable=True)
        x_NTE = self.embedding(words_NT.gather(1, order_NT))
        h_NTH, _ = self.lstm(x_NTE)
        valid_NT1 = mask_NT.gather(1, order_NT).unsqueeze(-1)
        steps_N1 = valid_NT1.sum(1).clamp(min=1)
        mean_NH = h_NTH.float().where(valid_NT1, 0.0).sum(1) / steps_N1
        with torch.autocast(mean_NH.device.type, enabled=False):
            return self.output(self.dropout(mean_NH))

    def probabilities(self, words_NT: Tensor, mask_NT: Tensor | None = None) -> Tensor:
        """Return the probability of each class, float32[N, C]."""
        return torch.softmax(self(words_NT, mask_NT), dim=-1)
