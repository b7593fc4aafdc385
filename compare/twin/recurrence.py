"""A cell over time: the two loops and the gradient written by hand.

The loop knows no cell. A cell gives its `Equations`: one step forward, the slopes of
many steps at once, one step backward, and which pairs of sequences multiply to the
gradient of each weight.

What makes it fast, with the share of a 2048-cubed float32 product that a training
step of the mLSTM reached on one core:

- Weights are packed once and used for all steps; a weight's gradient is one product
  over all B * T.
- Freed memory is kept (`compare.twin.memory`): .84 instead of .79 (B=32, H=1024).
- Slopes are computed for several steps at once, resets only where there are some,
  tanh by sigmoid (`compare.twin.gates`): together .77 instead of .73 (B=32, H=512).
- Rows of the tables are gathered for 8 steps at once: .85 instead of .84, within the
  spread (B=32, H=512, quieter: compare within a line only).
- `torch.compile` of the gates does not pay: 118 us a step against 66 (B=32, H=512),
  and 20 s for the first compilation.

Axes: B lanes, T time steps, H hidden units, P columns of an input projection, V rows
of a table, K rows and I columns of a recurrent weight, 1 an axis of size one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch.autograd.function import once_differentiable

from compare.twin.lanes import Lanes
from compare.twin.products import product, sum_by_row

# Numbers of one sequence whose slopes are computed at once.
_SLOPES_AT_ONCE = 2**19


class Equations(NamedTuple):
    """One cell, as functions on tensors that write their results into given places.

    Attributes:
        num_states: Tensors of the state; the first is the output h.
        inputs: Width of each input projection, in blocks of H.
        saved: For each sequence kept for the way back its width in blocks of H, and
            whether it has the type of the products (else that of the state).
        extras: Width of each sequence of gradients that only `pairs` needs.
        views: `(saved) -> saved`. The sequences and parts of them, as the functions
            below want them: cut once for all steps.
        forward: `(p, h, before, weights, after, saved) -> kept`. Writes the state
            after a step and what is saved of it; `kept` is a tuple of further
            tensors that `backward` gets again. `h` is the output before, in the
            type of the products; `weights` are products and vectors.
        slopes: `(before, after, saved) -> slopes`, sequences of any number of steps:
            what the gradients of a step are multiplied with.
        backward: `(slopes, kept, dafter, weights, upstream, dp, extras) -> dbefore`.
            Writes `dp` and `extras`; adds `upstream`, if not None, to the gradient of
            the output before. `weights` hold the products with the transposed.
        pairs: `(h, saved, dp, extras) -> pairs`, on whole sequences. For each
            recurrent matrix a pair (a, d): its gradient is the sum over lanes and
            steps of `d a^T`. For each vector a pair (None, d): the sum of d.
        output_gate: `(saved) -> o` of one step, where h is `o * tanh(c)`; None where
            there is no cell state.
    """

    num_states: int
    inputs: tuple[int, ...]
    saved: tuple[tuple[int, bool], ...]
    extras: tuple[int, ...]
    views: Callable[[list], list]
    forward: Callable[..., tuple]
    slopes: Callable[..., tuple]
    backward: Callable[..., list]
    pairs: Callable[..., list]
    output_gate: Callable[[list], Any] | None = None


def recur(
    equations: Equations,
    inputs: Sequence[Any],
    weights: Sequence[Any],
    state: Sequence[Any],
    index_TB=None,
    reset_TB=None,
    mask_TB=None,
    dtype: torch.dtype | None = None,
):
    """Return the states of a cell at every step and after the last one.

    There is no second derivative.

    Args:
        equations: The cell.
        inputs: Input projections, biases added: float[T, B, P] each, or tables
            float[V, P] of which `index_TB` names the rows.
        weights: Recurrent weights, each float[K, I] or float[K].
        state: Start state, each float[B, H]; its type is that of the state
            arithmetic and of the result.
        index_TB: int[T, B]. The row of the tables that each step reads.
        reset_TB: bool[T, B]. True: the state of the lane is zero before the step.
        mask_TB: bool[T, B]. False: the step leaves the state of the lane as it is.
        dtype: Type of the products. Default: that of `state`.

    Returns:
        `(h_TBH, state)`: the output at every step, and the last state, each
        float[B, H].
    """
    lanes = Lanes(index_TB, reset_TB, mask_TB)
    (h_TBH,), last = _recur(equations, inputs, weights, state, lanes, dtype, 1)
    return h_TBH, last


def recur_states(
    equations: Equations,
    inputs: Sequence[Any],
    weights: Sequence[Any],
    state: Sequence[Any],
    index_TB=None,
    mask_TB=None,
    dtype: torch.dtype | None = None,
):
    """Return all states of a cell at every step and after the last one.

    Arguments as for `recur`.

    Returns:
        `(sequences, state)`: every state tensor at every step, each float[T, B, H];
        the last state, each float[B, H].
    """
    lanes, count = Lanes(index_TB, None, mask_TB), equations.num_states
    return _recur(equations, inputs, weights, state, lanes, dtype, count)


def _recur(equations, inputs, weights, state, lanes, dtype, count):
    """Return `(sequences, state)`, the sequences of the first `count` states."""
    found = _Recurrence.apply(
        equations,
        lanes,
        dtype or state[0].dtype,
        (len(inputs), count),
        *inputs,
        *weights,
        *state,
    )
    return found[:count], tuple(found[count:])


def states(
    equations: Equations,
    inputs: Sequence[Any],
    weights: Sequence[Any],
    state: Sequence[Any],
    index_TB=None,
    reset_TB=None,
    dtype: torch.dtype | None = None,
):
    """Return all state tensors after every step, float[T, B, H]; has no gradient.

    Arguments as for `recur`.
    """
    dtype = dtype or state[0].dtype
    sequences, *_ = _walk(
        equations,
        Lanes(index_TB, reset_TB, None),
        [p.to(dtype) for p in inputs],
        [w.to(dtype) for w in weights],
        state,
        dtype,
        learns=False,
    )
    return [s_TBH[1:] for s_TBH in sequences]


class _Recurrence(torch.autograd.Function):
    """The two loops as one operation; see `recur`."""

    @staticmethod
    def forward(ctx, equations, lanes, dtype, counts, *tensors):
        num_inputs, count = counts
        first_state = len(tensors) - equations.num_states
        state = tensors[first_state:]
        inputs = [p.to(dtype) for p in tensors[:num_inputs]]
        weights = [w.to(dtype) for w in tensors[num_inputs:first_state]]
        learns = any(ctx.needs_input_grad)
        sequences, saved, cast_TBH, kept = _walk(
            equations, lanes, inputs, weights, state, dtype, learns
        )
        if learns:
            ctx.kept, ctx.arguments = kept, (equations, lanes, dtype)
            ctx.like = [(t.shape, t.dtype) for t in tensors]
            ctx.sizes = (num_inputs, len(weights), count)
            ctx.save_for_backward(*weights, *sequences, *saved, cast_TBH)
        shown = [s[1:] for s in sequences[:count]]
        return (*shown, *[s[-1].clone() for s in sequences])

    @staticmethod
    @once_differentiable
    def backward(ctx, *upstream):
        equations, lanes, dtype = ctx.arguments
        num_inputs, num_weights, count = ctx.sizes
        dsequences = [d.contiguous() for d in upstream[:count]]
        dh_TBH, dlast = dsequences[0], upstream[count:]
        *tensors, h_TBH = ctx.saved_tensors
        weights, tensors = tensors[:num_weights], tensors[num_weights:]
        sequences = tensors[: equations.num_states]
        saved = tensors[equations.num_states :]
        T, B, H = dh_TBH.shape
        dp, extras = (
            [dh_TBH.new_empty((T, B, blocks * H), dtype=dtype) for blocks in widths]
            for widths in (equations.inputs, equations.extras)
        )
        with torch.autocast(dh_TBH.device.type, enabled=False):
            dstate = _backward(
                equations, lanes, weights, sequences, saved, ctx.kept,
                dsequences, dlast, dp, extras,
            )  # fmt: skip
            if h_TBH is None:
                h_TBH = lanes.reset_all(sequences[0][:-1], 0, T)
            pairs = equations.pairs(h_TBH, saved, dp, extras)
            dweights = [_weight_gradient(a, d) for a, d in pairs]
            if lanes.index_TB is not None:
                dp = [
                    sum_by_row(d.flatten(0, 1), lanes.index_TB.flatten(), shape[0])
                    for d, (shape, _) in zip(dp, ctx.like, strict=False)
                ]
        gradients = [
            d.to(kind)
            for d, (_, kind) in zip([*dp, *dweights, *dstate], ctx.like, strict=True)
        ]
        return None, None, None, None, *gradients


def _walk(equations, lanes, inputs, weights, state, dtype, learns):
    """Return `(sequences, saved, cast_TBH, kept)`: a cell's way over all steps.

    `sequences` are the states, that before the first step in front.
    """
    T = len(inputs[0] if lanes.index_TB is None else lanes.index_TB)
    B, H = state[0].shape
    sequences = [_begin(s, T) for s in state]
    # Without a gradient to come one place serves all steps.
    saved = [
        state[0]
        .new_empty(
            (T if learns else 1, B, blocks * H),
            dtype=dtype if in_products else None,
        )
        .expand(T, -1, -1)
        for blocks, in_products in equations.saved
    ]
    cast_TBH = None
    if dtype != state[0].dtype:
        cast_TBH = state[0].new_empty((T, B, H), dtype=dtype)
    kept = _forward(
        equations, lanes, inputs, weights, sequences, saved, cast_TBH, learns
    )
    return sequences, saved, cast_TBH, kept


def _begin(s_BH, T: int):
    """Return room for the states before and after all steps, the first filled in."""
    s_TBH = s_BH.new_empty((T + 1, *s_BH.shape))
    s_TBH[0] = s_BH
    return s_TBH


def _forward(equations, lanes, inputs, weights, sequences, saved, cast_TBH, learns):
    """Fill in `sequences`, `saved` and `cast_TBH`; return what each step kept."""
    T = len(sequences[0]) - 1
    ready = _ready(weights, sequences[0].shape[1])
    states = list(zip(*(s.unbind(0) for s in sequences), strict=True))
    places = zip(*(s.unbind(0) for s in equations.views(saved)), strict=True)
    places = places if saved else iter([()] * T)
    casts = cast_TBH.unbind(0) if cast_TBH is not None else None
    kept = []
    for t, (p, place) in enumerate(zip(lanes.rows(inputs), places, strict=True)):
        before, after = lanes.reset(states[t], t), states[t + 1]
        h_BH = before[0] if casts is None else casts[t].copy_(before[0])
        one = equations.forward(p, h_BH, before, ready, after, place)
        if learns:
            kept.append(one)
        if lanes.masked(t):
            for new_BH, old_BH in zip(after, before, strict=True):
                new_BH.copy_(torch.where(lanes.mask_TB[t, :, None], new_BH, old_BH))
    return kept


def _backward(
    equations, lanes, weights, sequences, saved, kept, dsequences, dlast, dp, extras
):
    """Fill in `dp` and `extras`; return the gradient of the start state.

    `dsequences`: the gradients of the first state sequences, of one or of all.
    """
    T, B, _ = dsequences[0].shape
    ready = _ready([w.t() if w.ndim == 2 else w for w in weights], B)
    # The output's gradient goes into the step before, which is fastest there.
    upstream, *others = [d.unbind(0) for d in dsequences]
    outputs = list(zip(*(d.unbind(0) for d in (*dp, *extras)), strict=True))
    saved = equations.views(saved)
    dstate = [dlast[0] + upstream[-1], *dlast[1:]]
    _add_at(T - 1, others, dstate)
    at_once = max(1, _SLOPES_AT_ONCE // max(d[0].numel() for d in dp))
    for last in range(T, 0, -at_once):
        first = max(0, last - at_once)
        slopes = equations.slopes(
            [lanes.reset_all(s[first:last], first, last) for s in sequences],
            [s[first + 1 : last + 1] for s in sequences],
            [s[first:last] for s in saved],
        )
        slopes = list(zip(*(s.unbind(0) for s in slopes), strict=True))
        for t in reversed(range(first, last)):
            below = upstream[t - 1] if t else None
            special = lanes.special(t)
            dafter = dstate
            if lanes.masked(t):
                dafter = _where(lanes.mask_TB[t], dstate)
            dbefore = equations.backward(
                slopes[t - first], kept[t], dafter, ready,
                None if special else below,
                outputs[t][: len(dp)], outputs[t][len(dp) :],
            )  # fmt: skip
            if special:
                if lanes.masked(t):
                    left = _where(~lanes.mask_TB[t], dstate)
                    dbefore = [d + s for d, s in zip(dbefore, left, strict=True)]
                dbefore = list(lanes.reset(dbefore, t))
                if below is not None:
                    dbefore[0] = dbefore[0] + below
            dstate = list(dbefore)
            if t:
                _add_at(t - 1, others, dstate)
    return dstate


def _add_at(t: int, others, dstate: list) -> None:
    """Add the gradients of the states behind the output at step `t`."""
    for n, d in enumerate(others, 1):
        dstate[n] = dstate[n] + d[t]


def _ready(weights, B: int) -> list:
    """Return matrices as products of `B` rows, vectors as they are."""
    return [product(w, B) if w.ndim == 2 else w for w in weights]


def _where(valid_B, state):
    return [s_BH.masked_fill(~valid_B[:, None], 0) for s_BH in state]


def _weight_gradient(a_TBI, d_TBK):
    """Return the sum over steps and lanes of `d a^T`, or of `d` without an `a`."""
    if a_TBI is None:
        return d_TBK.sum((0, 1))
    return d_TBK.flatten(0, 1).t() @ a_TBI.flatten(0, 1)
