"""A sequence of outputs -> one vector.

A masked step may hold anything, NaN too: it reaches neither the vector nor a gradient.
A text without a valid step gives zeros. Everything is computed in float32 at least,
under `torch.autocast` too, and given back so.

Every module takes `h_NTH` float[N, T, H] and `mask_NT` bool[N, T] or numbers of 0 and
1 (default: every step is valid), and gives float[N, H].

Axes: N texts, T words, H hidden units, 1 an axis of size one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from compare.twin.recurrent_layer import Initializer


class MaskedMean(nn.Module):
    """Mean over the valid steps; as `tfsent.model.pooling.MaskedMean`."""

    def forward(self, h_NTH: Tensor, mask_NT: Tensor | None = None) -> Tensor:
        """Return the mean, float[N, H]."""
        h_NTH, valid_NT1 = _valid(h_NTH, mask_NT)
        return h_NTH.sum(1) / valid_NT1.sum(1).clamp(min=1)


class MaskedMax(nn.Module):
    """Largest value of each unit; as `tfsent.model.pooling.MaskedMax`."""

    def forward(self, h_NTH: Tensor, mask_NT: Tensor | None = None) -> Tensor:
        """Return the largest values, float[N, H]."""
        h_NTH, valid_NT1 = _valid(h_NTH, mask_NT)
        # amax, not max: equal values share the gradient, as in Keras.
        max_NH = h_NTH.masked_fill(~valid_NT1, -torch.inf).amax(1)
        return max_NH.where(valid_NT1.any(1), 0.0)


class LastStep(nn.Module):
    """Output at the last valid step; as `tfsent.model.pooling.LastStep`."""

    def forward(self, h_NTH: Tensor, mask_NT: Tensor | None = None) -> Tensor:
        """Return the output at the last valid step, float[N, H]."""
        h_NTH, valid_NT1 = _valid(h_NTH, mask_NT)
        # Masked steps are zeros already, if there is no valid one.
        step_T1 = torch.arange(h_NTH.shape[1], device=h_NTH.device)[:, None]
        last_N1 = (step_T1 * valid_NT1).amax(1)
        return h_NTH.take_along_dim(last_N1[:, None], 1)[:, 0]


class AttentionPooling(nn.Module):
    """Weighted mean over the valid steps; as `tfsent.model.pooling.AttentionPooling`.

    Weights: `attention` (H), torchMoji's `attention_vector`.

    Call arguments besides the sequences: `return_attention`, gives `(result, weights)`
    with the weights float[N, T].

    Args:
        units: H.
        epsilon: What is added to the sum: 1e-7 as in Keras DeepMoji, 0 as in torchMoji.
        initializer: Fills the weights. Default: uniform between -0.05 and 0.05.

    Raises:
        ValueError: If `units` is below 1 or `epsilon` below 0.
    """

    def __init__(
        self,
        units: int,
        epsilon: float = 1e-7,
        initializer: Initializer | None = None,
    ):
        super().__init__()
        if units < 1:
            raise ValueError(f"units is {units}; at least 1 will do.")
        if not epsilon >= 0.0:
            raise ValueError(f"epsilon is {epsilon}; 0 or more will do.")
        self.epsilon = epsilon
        self.attention = nn.Parameter(torch.empty(units))
        (initializer or _uniform)(self.attention.data)

    def forward(
        self,
        h_NTH: Tensor,
        mask_NT: Tensor | None = None,
        return_attention: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Return the weighted mean and, if asked for, the weights."""
        h_NTH, valid_NT1 = _valid(h_NTH, mask_NT)
        with torch.autocast(h_NTH.device.type, enabled=False):
            logits_NT1 = (h_NTH @ self.attention.to(h_NTH.dtype))[:, :, None]
        any_N11 = valid_NT1.any(1, keepdim=True)
        logits_NT1 = logits_NT1.masked_fill(~valid_NT1, -torch.inf)
        max_N11 = logits_NT1.amax(1, keepdim=True).where(any_N11, 0.0)
        e_NT1 = torch.exp(logits_NT1 - max_N11)
        sum_N11 = (e_NT1.sum(1, keepdim=True) + self.epsilon).where(any_N11, 1.0)
        weight_NT1 = e_NT1 / sum_N11
        result_NH = (weight_NT1 * h_NTH).sum(1)
        return (result_NH, weight_NT1[:, :, 0]) if return_attention else result_NH


def _uniform(weight: Tensor) -> Tensor:
    return nn.init.uniform_(weight, -0.05, 0.05)


def _valid(h_NTH: Tensor, mask_NT: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the sequences with zeros at masked steps, and bool[N, T, 1] of valid ones.

    The sequences are float32 at least.
    """
    h_NTH = h_NTH.to(torch.promote_types(h_NTH.dtype, torch.float32))
    if mask_NT is None:
        return h_NTH, h_NTH.new_ones((*h_NTH.shape[:2], 1), dtype=torch.bool)
    valid_NT1 = mask_NT.to(h_NTH.device).bool()[:, :, None]
    # A product would let NaN through.
    return h_NTH.where(valid_NT1, 0.0), valid_NT1
