"""Bytes drawn one after another: the compiled loop, in `keras.ops`.

One XLA program takes up to 64 steps: it reads a byte, computes the state and the
logits, and draws the next byte, or takes it from the prompt. Its shapes depend on the
number of samples alone, so that it is compiled once for each of them and serves every
prompt, length, temperature and pinned unit. States are [H, S] and weights stand on
the left, as in `tfsent.model.recurrence`.

Axes: S samples, N steps, H hidden units, P columns of an input projection, V = 256
byte values, 1 an axis of size one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops

from tfsent.config import NUM_BYTES
from tfsent.model.language_model import ByteLanguageModel
from tfsent.model.recurrence import Equations, compiled

MAX_STEPS = 64
"""Steps of one call of the compiled loop."""


class Generation:
    """Bytes that a model adds to a first one; carries the state from call to call.

    Weights are folded, turned and looked up in tables once, when this is made.

    Args:
        model: The model, with its decoder.
        first_byte: What every sample reads first, the state before it zero.
        samples: S.
        temperature: The logits are divided by it.
        top_k: The bytes that may be drawn are the `top_k` most likely ones.
        pin: What is pinned after every step: `tfsent.generate.Pin`, or None.
    """

    def __init__(
        self,
        model: ByteLanguageModel,
        first_byte: int,
        samples: int,
        temperature: float = 1.0,
        top_k: int = NUM_BYTES,
        pin: Any = None,
    ):
        layers = model.recurrent_layers
        self._run = compiled(_run, layers[0].equations)
        self._weights = _weights(model)
        self._pins = _pins(layers, pin)
        zeros = model.zero_state(samples)
        self._state = [[ops.transpose(s_SH) for s_SH in layer] for layer in zeros]
        self._byte_S = ops.full((samples,), first_byte, "int32")
        self._draw = (
            ops.convert_to_tensor(temperature, "float32"),
            ops.convert_to_tensor(top_k, "int32"),
        )

    def advance(self, given_N: np.ndarray, noise_SN: np.ndarray) -> np.ndarray:
        """Take N steps and return the byte after each.

        Args:
            given_N: int32[N]. The byte after each step where it is known, else -1.
                At most `MAX_STEPS`.
            noise_SN: float32[S, N]. Numbers from 0 to below 1, by which bytes are
                drawn.

        Returns:
            int32[S, N]; `NUM_BYTES` where the logits are not finite.
        """
        steps = len(given_N)
        short = MAX_STEPS - steps
        self._state, self._byte_S, bytes_NS = self._run(
            self._weights,
            self._pins,
            self._state,
            self._byte_S,
            ops.convert_to_tensor(np.pad(given_N, (0, short)), "int32"),
            ops.convert_to_tensor(np.pad(noise_SN.T, ((0, short), (0, 0))), "float32"),
            ops.convert_to_tensor(steps, "int32"),
            *self._draw,
        )
        return ops.convert_to_numpy(bytes_NS)[:steps].T

    def state(self) -> list[tuple[np.ndarray, ...]]:
        """Return the state after the last step: a layer's h (then c), float32[S, H]."""
        return [
            tuple(ops.convert_to_numpy(s_HS).T for s_HS in layer)
            for layer in self._state
        ]


def _weights(model: ByteLanguageModel) -> dict[str, Any]:
    """Return the weights as the loop multiplies them: folded, turned, in its types."""
    inputs: list[list[Any]] = []
    recurrent: list[list[Any]] = []
    for layer in model.recurrent_layers:
        weights = layer.effective()
        if not inputs:
            table_VP = layer.project(ops.convert_to_tensor(model.embedding), weights)
            inputs.append([ops.cast(table_VP, layer.compute_dtype)])
        else:
            w_HP = ops.concatenate([weights[w.name] for w in layer.inputs], axis=1)
            b_P = layer.project(ops.zeros((1, w_HP.shape[0])), weights)[0]
            both = (ops.transpose(w_HP), b_P[:, None])
            inputs.append([ops.cast(w, layer.compute_dtype) for w in both])
        named = [weights[w.name] for w in layer.recurrent + layer.recurrent_biases]
        turned = [ops.transpose(w) if len(w.shape) == 2 else w[:, None] for w in named]
        recurrent.append([ops.cast(w, layer.compute_dtype) for w in turned])
    if model.config.tied_embedding:
        w_VH = ops.convert_to_tensor(model.embedding)
    else:
        w_VH = ops.transpose(ops.convert_to_tensor(model.output_weight))
    d_V1 = ops.convert_to_tensor(model.output_bias)[:, None]
    return {"inputs": inputs, "recurrent": recurrent, "output": [w_VH, d_V1]}


def _pins(layers, pin) -> list[list[list[Any]]]:
    """Return which units of each state of each layer are pinned, and to what.

    They are given even where nothing is pinned: one program serves both.
    """
    pins: list[list[list[Any]]] = []
    for k, layer in enumerate(layers):
        pins.append([])
        for number in range(layer.equations.num_states):
            mask_H1 = np.zeros((layer.units, 1), bool)
            value_H1 = np.zeros((layer.units, 1), layer.state_dtype())
            if pin is not None and (k, number) == (pin.layer, pin.number):
                mask_H1[list(pin.units), 0] = True
                value_H1[list(pin.units), 0] = pin.values
            pins[-1].append([ops.convert_to_tensor(a) for a in (mask_H1, value_H1)])
    return pins


def _run(
    equations: Equations,
    weights,
    pins,
    state,
    byte_S,
    given_N,
    noise_NS,
    steps,
    temperature,
    top_k,
):
    """Return the state after some steps, the byte to be read next, and all bytes."""

    def body(k, state, byte_S, bytes_NS):
        state = _step(equations, weights, pins, state, byte_S)
        w_VH, d_V1 = weights["output"]
        logits_VS = w_VH @ state[-1][0] + d_V1
        drawn_S = _drawn(logits_VS, noise_NS[k], temperature, top_k)
        byte_S = ops.where(given_N[k] < 0, drawn_S, given_N[k])
        bytes_NS = ops.slice_update(bytes_NS, (k, 0), byte_S[None])
        return k + 1, state, byte_S, bytes_NS

    bytes_NS = ops.zeros(ops.shape(noise_NS), "int32")
    _, state, byte_S, bytes_NS = ops.while_loop(
        lambda k, *_: k < steps, body, (ops.zeros((), "int32"), state, byte_S, bytes_NS)
    )
    return state, byte_S, bytes_NS


def _step(equations: Equations, weights, pins, state, byte_S):
    """Return the state of every layer after a byte."""
    new_state: list[list[Any]] = []
    for (first, *more), recurrent, before, pin in zip(
        weights["inputs"], weights["recurrent"], state, pins, strict=True
    ):
        if not new_state:
            p_PS = ops.transpose(ops.take(first, byte_S, axis=0))
        else:
            p_PS = first @ ops.cast(new_state[-1][0], first.dtype) + more[0]
        after, saved = equations.forward(p_PS, before, recurrent)
        new_state.append(_pinned(equations, after, saved, pin))
    return new_state


def _pinned(equations: Equations, after, saved, pin):
    """Return a state with its pinned units at their values, read and carried alike."""
    h_HS, *cells = after
    (mask_H1, value_H1), *cell_pins = pin
    if cells:
        assert equations.output is not None
        [(cell_mask_H1, cell_value_H1)] = cell_pins
        cells = [ops.where(cell_mask_H1, cell_value_H1, cells[0])]
        h_HS = ops.where(cell_mask_H1, equations.output(saved, cells[0]), h_HS)
    return [ops.where(mask_H1, value_H1, h_HS), *cells]


def _drawn(logits_VS, noise_S, temperature, top_k):
    """Return the byte whose stretch of the summed probabilities holds the noise.

    `NUM_BYTES` where a logit is not finite.
    """
    kept_VS = ops.cond(
        top_k < NUM_BYTES,
        lambda: ops.where(_likeliest(logits_VS, top_k), logits_VS, -np.inf),
        lambda: logits_VS,
    )
    highest_S = ops.max(logits_VS, axis=0)
    weight_VS = ops.exp((kept_VS - highest_S) / temperature)
    sum_VS = ops.cumsum(weight_VS, axis=0)
    byte_V1 = ops.arange(NUM_BYTES, dtype="int32")[:, None]
    # Only of those with some weight: sums of one value may differ in their last bit.
    may_VS = weight_VS > 0
    beyond_VS = ops.logical_and(may_VS, sum_VS > noise_S * sum_VS[-1])
    first_S = ops.min(ops.where(beyond_VS, byte_V1, NUM_BYTES), axis=0)
    last_S = ops.max(ops.where(may_VS, byte_V1, 0), axis=0)
    drawn_S = ops.minimum(first_S, last_S)
    finite_S = ops.isfinite(ops.sum(logits_VS, axis=0))
    return ops.where(finite_S, drawn_S, NUM_BYTES)


def _likeliest(logits_VS, top_k):
    """Return which bytes are the `top_k` likeliest, of equal ones the lower values.

    The logit of the last of them is found bit by bit: 32 sums over V, where sorting
    takes ten times as long under XLA on a CPU, and comparing all pairs too.
    """
    bits_VS = ops.view(logits_VS, "int32")
    # In the order of the numbers: of negative ones the lower bits are turned round.
    key_VS = ops.bitwise_xor(
        bits_VS, ops.bitwise_and(ops.right_shift(bits_VS, 31), 0x7FFFFFFF)
    )

    def enough(key_S):
        return ops.sum(ops.cast(key_VS >= key_S, "int32"), axis=0) >= top_k

    def body(shift, key_S):
        higher_S = key_S + ops.left_shift(ops.ones((), "int32"), shift)
        return shift - 1, ops.where(enough(higher_S), higher_S, key_S)

    zero_S = ops.zeros_like(key_VS[0])
    start_S = ops.where(enough(zero_S), zero_S, np.iinfo(np.int32).min)
    _, last_S = ops.while_loop(
        lambda shift, key_S: shift >= 0, body, (ops.full((), 30, "int32"), start_S)
    )
    above_VS, equal_VS = key_VS > last_S, key_VS == last_S
    left_S = top_k - ops.sum(ops.cast(above_VS, "int32"), axis=0)
    first_VS = ops.cumsum(ops.cast(equal_VS, "int32"), axis=0) <= left_S
    return ops.logical_or(above_VS, ops.logical_and(equal_VS, first_VS))
