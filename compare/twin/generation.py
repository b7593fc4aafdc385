"""Bytes drawn one after another by the twin; as `tfsent.model.generation`.

Axes: S samples, N steps, H hidden units, P columns of an input projection, V = 256
byte values.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from compare.twin.language_model import ByteLanguageModel
from compare.twin.products import PlainProduct, product
from compare.twin.recurrent_layer import RecurrentLayer
from tfsent.config import NUM_BYTES
from tfsent.generate import Pin

_SMALL_WEIGHT = 2**16


class Generation:
    """Bytes that a model adds to a first one; carries the state from call to call.

    Weights are folded, packed and looked up in tables once, when this is made. A GPU
    is waited for once a call of `advance`.

    Args:
        model: The model, with its decoder.
        first_byte: What every sample reads first, the state before it zero.
        samples: S.
        temperature: The logits are divided by it.
        top_k: The bytes that may be drawn are the `top_k` most likely ones.
        pin: What is pinned after every step.
        dtype: Type of the recurrent products. Default: that of the weights.
    """

    @torch.no_grad()
    def __init__(
        self,
        model: ByteLanguageModel,
        first_byte: int,
        samples: int,
        temperature: float = 1.0,
        top_k: int = NUM_BYTES,
        pin: Pin | None = None,
        dtype: torch.dtype | None = None,
    ):
        weight_VH, bias_V = model.output.weight, model.output.bias
        self._device = weight_VH.device
        self._layers = [
            _Layer(layer, None if k else model.embedding.weight, samples, dtype,
                   pin if pin is not None and pin.layer == k else None)
            for k, layer in enumerate(model.layers)
        ]  # fmt: skip
        self._output = _product(weight_VH, samples)
        self._bias_SV = bias_V.expand(samples, -1).contiguous()
        self._temperature, self._top_k = temperature, top_k
        self._places_V = torch.arange(1, NUM_BYTES + 1, device=self._device) / NUM_BYTES
        self._byte_S = torch.full((samples,), first_byte, device=self._device)

    @torch.no_grad()
    def advance(self, given_N: np.ndarray, noise_SN: np.ndarray) -> np.ndarray:
        """Take N steps and return the byte after each.

        Args:
            given_N: int32[N]. The byte after each step where it is known, else -1.
            noise_SN: float32[S, N]. Numbers from 0 to below 1, by which bytes are
                drawn.

        Returns:
            int64[S, N]; `NUM_BYTES` where the logits are not finite.
        """
        noise_N1S = torch.from_numpy(noise_SN.T[:, :, None].copy()).to(self._device)
        drawn, sums = [], []
        for known, noise_S1 in zip(given_N.tolist(), noise_N1S, strict=True):
            x: Tensor = self._byte_S
            for layer in self._layers:
                x = layer.step(x)
            if known >= 0:
                self._byte_S = torch.full_like(self._byte_S, known)
            else:
                logits_SV = self._output.plus(x, self._bias_SV)
                sums.append(logits_SV.sum(1))
                self._byte_S = self._drawn(logits_SV, noise_S1)
            drawn.append(self._byte_S)
        bytes_SN = torch.stack(drawn, 1).cpu().numpy()
        if sums:
            broken = ~torch.stack(sums, 1).isfinite().cpu().numpy()
            bytes_SN[:, given_N < 0] = np.where(
                broken, NUM_BYTES, bytes_SN[:, given_N < 0]
            )
        return bytes_SN

    def state(self) -> list[tuple[np.ndarray, ...]]:
        """Return the state after the last step: a layer's h (then c), float[S, H]."""
        return [
            tuple(s_SH.cpu().numpy().copy() for s_SH in layer.state)
            for layer in self._layers
        ]

    def _drawn(self, logits_SV: Tensor, noise_S1: Tensor) -> Tensor:
        """Return the byte whose stretch of the summed probabilities holds the noise."""
        if self._top_k == 1:
            return logits_SV.argmax(1)
        if self._top_k < NUM_BYTES:
            logits_SV = logits_SV.masked_fill(
                ~_likeliest(logits_SV, self._top_k), -torch.inf
            )
        weight_SV = (logits_SV - logits_SV.amax(1, keepdim=True)).div_(
            self._temperature
        )
        weight_SV.exp_()
        sum_SV = weight_SV.cumsum(1)
        # The first that is beyond, or else the last that may be drawn. Only of those
        # with some weight: sums of one value may differ in their last bit.
        may_SV = weight_SV > 0
        beyond_SV = (sum_SV > noise_S1 * sum_SV[:, -1:]).logical_and_(may_SV)
        return torch.where(beyond_SV, 2.0, self._places_V * may_SV).argmax(1)


def _likeliest(logits_SV: Tensor, top_k: int) -> Tensor:
    """Return which bytes are the `top_k` likeliest, of equal ones the lower values."""
    # torch.topk gives the right values, but of equal ones any.
    last_S1 = logits_SV.topk(top_k, sorted=True).values[:, -1:]
    above_SV, equal_SV = logits_SV > last_S1, logits_SV == last_S1
    left_S1 = top_k - above_SV.sum(1, keepdim=True)
    return above_SV | (equal_SV & (equal_SV.cumsum(1) <= left_S1))


class _TurnedProduct(PlainProduct):
    """`x @ w^T` on a CPU with a weight turned round and nothing else.

    A call of oneDNN costs 25 us whatever its size, and for one row the weight is read
    once in any order: 5 against 26 us for one row of 256 x 64, 123 against 179 for one
    of 2048 x 512 (Zen 4, one core, smallest of 60).

    Args:
        w_KI: float32[K, I]. The weight, [out, in]; it is copied.
    """

    def __init__(self, w_KI: Tensor):
        super().__init__(w_KI)
        self._w_IK = w_KI.t().contiguous()

    def __call__(self, x_BI: Tensor) -> Tensor:
        """Return `x @ w^T`, float[B, K]."""
        return torch.mm(x_BI, self._w_IK)

    def plus(self, x_BI: Tensor, added_BK: Tensor | None = None) -> Tensor:
        """Return `x @ w^T + added`, float[B, K]."""
        if added_BK is None:
            return torch.mm(x_BI, self._w_IK)
        return torch.addmm(added_BK, x_BI, self._w_IK)


def _product(w_KI: Tensor, samples: int) -> PlainProduct:
    """Return the fastest way to multiply the rows of some samples many times."""
    few = samples == 1 or w_KI.numel() <= _SMALL_WEIGHT
    if few and w_KI.device.type == "cpu" and w_KI.dtype == torch.float32:
        return _TurnedProduct(w_KI)
    return product(w_KI, samples)


class _Layer:
    """One layer that takes one step at a time.

    Args:
        layer: The layer.
        embedding_VE: What the layer reads bytes by; None if it reads a layer.
        samples: S.
        dtype: Type of the recurrent products; None for that of the weights.
        pin: What is pinned in it.
    """

    def __init__(
        self,
        layer: RecurrentLayer,
        embedding_VE: Tensor | None,
        samples: int,
        dtype: torch.dtype | None,
        pin: Pin | None,
    ):
        self._equations = layer.equations
        self.state = layer.zero_state(samples)
        self._after = layer.zero_state(samples)
        self._dtype = dtype or self.state[0].dtype
        weights = [
            getattr(layer, w.name).to(self._dtype)
            for w in layer.recurrent + layer.recurrent_biases
        ]
        self._weights = [_product(w, samples) if w.ndim == 2 else w for w in weights]
        self._tables, self._inputs = None, []
        if embedding_VE is not None:
            self._tables = [p.to(self._dtype) for p in layer.project(embedding_VE)]
        else:
            biases = [getattr(layer, w.name).to(self._dtype) for w in layer.biases]
            biases = [b_P.expand(samples, -1).contiguous() for b_P in biases]
            biases += [None] * (len(layer.inputs) - len(biases))
            self._inputs = [
                (_product(getattr(layer, w.name).to(self._dtype), samples), b_SP)
                for w, b_SP in zip(layer.inputs, biases, strict=True)
            ]
        saved = [
            self.state[0].new_empty(
                (1, samples, blocks * layer.units),
                dtype=self._dtype if in_products else None,
            )
            for blocks, in_products in layer.equations.saved
        ]
        self._saved = [s[0] for s in layer.equations.views(saved)] if saved else []
        self._pin = None
        if pin is not None:
            like = self.state[0]
            units = torch.tensor(pin.units, device=like.device)
            values = torch.tensor(pin.values, device=like.device, dtype=like.dtype)
            self._pin = (pin.number, units, values.expand(samples, -1))

    def step(self, x: Tensor) -> Tensor:
        """Return the output after one step.

        Args:
            x: int[S] bytes, or float[S, H] from the layer below.
        """
        if self._tables is not None:
            p = [table_VP.index_select(0, x) for table_VP in self._tables]
        else:
            x_SH = x.to(self._dtype)
            p = [w_PH.plus(x_SH, b_SP) for w_PH, b_SP in self._inputs]
        before, after = self.state, self._after
        self._equations.forward(
            p, before[0].to(self._dtype), before, self._weights, after, self._saved
        )
        if self._pin is not None:
            self._hold(after, *self._pin)
        self.state, self._after = after, before
        return after[0]

    def _hold(self, after: Any, number: int, units: Tensor, values_SK: Tensor) -> None:
        """Put the pinned units at their values, read and carried alike."""
        after[number].index_copy_(1, units, values_SK)
        if number:
            assert self._equations.output_gate is not None
            o_SK = self._equations.output_gate(self._saved).index_select(1, units)
            output_SK = o_SK * values_SK.tanh()
            after[0].index_copy_(1, units, output_SK)
