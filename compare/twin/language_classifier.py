"""A trained byte-level language model with heads that tell labels.

Axes: N texts, T bytes, V = 256 byte values, H hidden units, F columns of the feature,
M heads, K outputs of a head.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from compare.twin.language_model import ByteLanguageModel
from tfsent.config import NO_DECODER, ModelConfig
from tfsent.config_encoder import EncoderConfig

SLOPE = 0.25
"""Of a PReLU below 0, at the start."""


class LanguageClassifier(nn.Module):
    """Bytes -> language model -> pooled states -> hidden layers -> heads.

    The model of `tfsent.model.language_classifier` on PyTorch: arguments and results
    are the same; the numbers drawn for the heads differ. Dropout acts in training mode.

    Args:
        model_config: Shape of the language model.
        parts: The feature, as there.
        num_outputs: K.
        config: Shape of the heads.
        seed: Seed of the heads' start weights.
        text_rule: Cleaning of the text that the language model reads.
        decoder: Whether the language model has output weights.

    Raises:
        ValueError: If the language model's loss is asked for and it has no decoder.

    Example:
        >>> shape = ModelConfig(hidden_size=7, embedding_size=3)
        >>> model = LanguageClassifier(shape, [(0, 1, "mean")], 2)
        >>> model(torch.ones(2, 5, dtype=torch.int64))[0].shape
        torch.Size([2, 1, 2])
    """

    def __init__(
        self,
        model_config: ModelConfig,
        parts: Sequence[Sequence[Any]],
        num_outputs: int = 2,
        config: EncoderConfig | None = None,
        seed: int = 0,
        text_rule: str = "openai",
        decoder: bool = True,
    ):
        super().__init__()
        self.config = config or EncoderConfig()
        if self.config.language_loss and not decoder:
            raise ValueError(f"encoder.language_loss is above 0, but {NO_DECODER}")
        self.parts = [tuple(part) for part in parts]
        self.num_outputs = num_outputs
        # Weights are drawn only to be replaced, and orthogonal ones take long.
        drawn = dataclasses.replace(model_config, initialization="nvidia")
        self.language_model = ByteLanguageModel(drawn, 0, text_rule, decoder)
        self.language_model.config = model_config
        generator = torch.Generator().manual_seed(seed)
        width = len(self.parts) * model_config.hidden_size
        self.center = nn.Parameter(torch.zeros(width))
        self.scale = nn.Parameter(torch.ones(width))
        self.hidden, self.slopes = nn.ModuleList(), nn.ParameterList()
        for units in self.config.hidden:
            self.hidden.append(_dense(width, (units,), generator))
            if self.config.activation == "prelu":
                self.slopes.append(nn.Parameter(torch.full((1,), SLOPE)))
            width = units
        outputs = (num_outputs,) * self.config.heads
        self.heads = _dense(width, outputs, generator)

    def forward(self, bytes_NT, mask_NT=None, language: bool = False):
        """Return what the heads say, the language model's loss, the heads' likeness."""
        model = self.language_model
        bytes_NT = torch.as_tensor(bytes_NT).to(self.heads.weight.device)
        if mask_NT is None:
            mask_NT = torch.ones_like(bytes_NT, dtype=torch.bool)
        mask_NT = torch.as_tensor(mask_NT).to(bytes_NT.device)
        pooled, h_TNH = model.features(bytes_NT, mask_NT, self.parts)
        with torch.autocast(bytes_NT.device.type, enabled=False):
            logits_NMK = self.said(torch.cat(pooled, -1))
            nats = logits_NMK.new_zeros(())
            if language:
                logits_TNV = model.logits(h_TNH[:-1])
                nats = _mean_nats(logits_TNV, bytes_NT.t(), mask_NT.t())
            return logits_NMK, nats, self._likeness()

    def said(self, feature_NF: Tensor) -> Tensor:
        """Return what each head says of features, float32[N, M, K]."""
        x_NF = (feature_NF - self.center) * self.scale
        for k, layer in enumerate(self.hidden):
            x_NF = layer(self._dropped(x_NF))
            slope = self.slopes[k] if len(self.slopes) else 0.0
            x_NF = x_NF.clamp(min=0.0) + slope * x_NF.clamp(max=0.0)
        said = self.heads(self._dropped(x_NF))
        return said.unflatten(-1, (self.config.heads, self.num_outputs))

    def _dropped(self, x_NF: Tensor) -> Tensor:
        return functional.dropout(x_NF, self.config.dropout, self.training)

    def _likeness(self) -> Tensor:
        heads = self.config.heads
        if heads == 1:
            return self.heads.weight.new_zeros(())
        w_MKF = self.heads.weight.unflatten(0, (heads, self.num_outputs))
        # Not a root of the sum: it has no slope at zero.
        unit_MKF = w_MKF * (w_MKF.square().sum(-1, keepdim=True) + 1e-12).rsqrt()
        cosine_KMM = torch.einsum("mkf,nkf->kmn", unit_MKF, unit_MKF)
        apart = heads * (heads - 1) * self.num_outputs
        own = torch.einsum("kmm->km", cosine_KMM.square())
        return (cosine_KMM.square().sum() - own.sum()) / apart


def _dense(
    width: int, blocks: tuple[int, ...], generator: torch.Generator
) -> nn.Linear:
    """Return a layer; each block of outputs is drawn as a layer of its own."""
    layer = nn.Linear(width, sum(blocks))
    for block in layer.weight.detach().split(list(blocks)):
        nn.init.xavier_uniform_(block, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer


def _mean_nats(logits_TNV, bytes_TN, mask_TN):
    """Return the mean over bytes that stand behind another of their text, in nats."""
    nats_TN = functional.cross_entropy(
        logits_TNV.flatten(0, 1), bytes_TN[1:].flatten().long(), reduction="none"
    ).view(logits_TNV.shape[:2])
    told_TN = mask_TN[1:] & mask_TN[:-1]
    return nats_TN.masked_fill(~told_TN, 0.0).sum() / told_TN.sum().clamp(min=1)
