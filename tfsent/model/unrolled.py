"""A cell over time without a loop: products one by one, programs between them.

On a CPU, XLA computes products of 16 bits slower than those of 32, TensorFlow outside
of XLA much faster, by oneDNN. So the steps of a window stand in TensorFlow's graph one
after another: every product an operation of its own, what lies between two products an
XLA program, and a weight's gradient one product over all B * T. TensorFlow only, for
windows of known length.

Axes: as in `tfsent.model.recurrence`; lanes are first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras import ops

from tfsent.model.forms import Arriving, reset_state
from tfsent.model.recurrence import Equations

MOST_STEPS = 512
"""Longest window that is unrolled: every step adds to the time of the first call."""


def recur(
    equations: Equations,
    p_TBP,
    weights: Sequence[Any],
    state: Sequence[Any],
    reset_BT=None,
):
    """Return the states of a cell at every step and after the last one.

    Args:
        equations: The cell, in both forms.
        p_TBP: float[T, B, P]. Input projections, biases added.
        weights: Recurrent weights, each float[I, K] or float[K].
        state: Start state, each float[B, H].
        reset_BT: bool[B, T]. True: the state of the lane is zero before the step.

    Returns:
        `(h_TBH, state)`: the output at every step, and the last state, each
        float[B, H], all in the dtype of `state`.
    """
    cell = equations.lanes_first
    num_weights = len(weights)
    resets = [None] * p_TBP.shape[0]
    if reset_BT is not None:
        resets = ops.unstack(ops.expand_dims(ops.transpose(reset_BT), 2))

    def pure(*tensors):
        p_TBP, *tensors = [ops.stop_gradient(tensor) for tensor in tensors]
        weights, state = tensors[:num_weights], tensors[num_weights:]
        p = ops.unstack(p_TBP)
        walk = _forward(cell, p, weights, state, resets)
        h_TBH = ops.stack([after[0] for _, after, _ in walk])

        def gradient(dh_TBH, *dlast):
            return _backward(cell, p, weights, resets, walk, ops.unstack(dh_TBH), dlast)

        return (h_TBH, *walk[-1][1]), gradient

    h_TBH, *last = ops.custom_gradient(pure)(p_TBP, *weights, *state)
    return h_TBH, tuple(last)


def _forward(cell, p, weights, state, resets):
    """Return for each step the state before it, after it, and what it saved."""
    walk, before = [], reset_state(resets[0], state)
    for p_BP, reset_B1 in zip(p, [*resets[1:], None], strict=True):
        (after, following), saved = cell.forward(p_BP, before, weights, reset_B1)
        walk.append((before, after, saved))
        before = following
    return walk


def _backward(cell, p, weights, resets, walk, dh, dlast):
    """Return the gradients of the projections, the weights and the start state."""
    dstate, dp, extras = list(dlast), [], []
    steps = zip(p, walk, dh, [*resets[1:], None], strict=True)
    for p_BP, (before, after, saved), dh_BH, reset_B1 in reversed(list(steps)):
        dafter = Arriving(dh_BH, reset_B1, dstate)
        blocks, dstate, more = cell.backward(
            p_BP, before, after, saved, dafter, weights
        )
        dp.append(blocks)
        extras.append(more)
    befores, _, saved = zip(*walk, strict=True)
    # What no pair holds is stacked in vain, so not at all: nothing asks for it.
    befores, saved, dp, extras = (
        [ops.stack(tensors) for tensors in zip(*lists, strict=True)]
        for lists in (befores, saved, dp[::-1], extras[::-1])
    )
    dweights = [
        _weight_gradient(a, d) for a, d in cell.products(befores, saved, dp, extras)
    ]
    dstate = [ops.cast(d, s.dtype) for d, s in zip(dstate, dlast, strict=True)]
    dstate = reset_state(resets[0], dstate)
    return ops.concatenate(dp, axis=2), *dweights, *dstate


def _weight_gradient(a_TBI, d_TBK):
    """Return the sum over steps and lanes of `a^T d`, or of `d` without an `a`."""
    if a_TBI is None:
        return ops.sum(d_TBK, axis=(0, 1))
    a_NI, d_NK = (ops.reshape(s, (-1, s.shape[-1])) for s in (a_TBI, d_TBK))
    # Transposed beforehand: 1.84 of the rate of float32, within the product 1.71.
    return ops.matmul(ops.transpose(ops.cast(a_NI, d_NK.dtype)), d_NK)
