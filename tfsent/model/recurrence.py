"""A cell over time: the fast scan and its hand-written gradient.

The loop knows no cell. A cell gives its `Equations`: one step forward, one step
backward, and which pairs of sequences multiply to the gradient of each weight.

What makes it fast, with the share of a 2048-cubed float32 product that a whole
training step reached on 2 cores (B=32, H=512) unless said otherwise:

- Input projections are computed for all time steps before the loop.
- The backward loop computes gradients of pre-activations only; a weight's
  gradient is one product over all B * T. Automatic differentiation adds a
  (H, 4H) matrix at every step instead: .26 against .42.
- States are [H, B] and weights stand on the left, transposed once before the
  loop: .50 against .42. Transposing inside the product costs half: .30.
- Both loops are one XLA program each.

Axes: B lanes, T time steps, H hidden units, P columns of the input projection,
I input rows and K columns of a recurrent weight, 1 an axis of size one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from tfsent.model.forms import LANES_FIRST, LANES_LAST, Form, reset_state


class Equations(NamedTuple):
    """One cell, as pure functions on tensors, in a form of `tfsent.model.forms`.

    Written here with lanes last.

    Attributes:
        num_states: Tensors of the state; the first is the output h.
        forward: `(p_PB, state, weights_t) -> (state, saved)`. `weights_t` are the
            transposed recurrent matrices [K, I] and the vectors [K, 1]; `saved`
            is a tuple of tensors, kept for the way back.
        backward: `(p_PB, before, after, saved, dafter, weights) ->
            (dp_PB, dbefore, extras)`. `before`, `after`: the state around the
            step; `dafter`: its gradient; `dbefore` may have the dtype of products.
            `weights` are [I, K]; `extras` is a tuple of tensors that `products`
            needs besides `dp_PB`.
        products: `(before, saved, dp, extras) -> pairs`, on stacked sequences
            with a leading time axis. For each recurrent matrix a pair (a, d): its
            gradient is the sum over lanes and steps of `a d^T`. For each vector
            a pair (None, d): the sum of d.
        output: `(saved, c) -> h`. The output of a step whose cell state was changed
            after it; None where there is no cell state.
        lanes_first: The same cell in the other form, for `tfsent.model.unrolled`. Its
            weights are all [I, K], and `dp` is a tuple of blocks. `forward` takes the
            lanes that begin anew after the step, bool[B, 1], and returns two states:
            that after the step and that before the next. `dafter` is an
            `Arriving`.
    """

    num_states: int
    forward: Callable[..., tuple]
    backward: Callable[..., tuple]
    products: Callable[..., list]
    output: Callable[..., Any] | None = None
    lanes_first: Any = None


def in_both_forms(equations: Callable[[Form], Equations]) -> Equations:
    """Return a cell with lanes last that has the same with lanes first beside it."""
    return equations(LANES_LAST)._replace(lanes_first=equations(LANES_FIRST))


def recur(
    equations: Equations,
    p_TPB,
    weights: Sequence[Any],
    state: Sequence[Any],
    reset_TB=None,
    mask_TB=None,
):
    """Return the states of a cell at every step and after the last one.

    Products take the dtype of `weights`; everything else, the carried state
    included, is computed in the dtype of `state` (float32 under mixed precision,
    where fusing makes it free).

    Args:
        equations: The cell.
        p_TPB: float[T, P, B]. Input projections, biases added.
        weights: Recurrent weights, each float[I, K] or float[K].
        state: Start state, each float[B, H].
        reset_TB: bool[T, B]. True: the state of the lane is zero before the step.
        mask_TB: bool[T, B]. False: the step leaves the state of the lane as it is.

    Returns:
        `(h_THB, state)`: the output at every step, and the last state, each
        float[B, H], all in the dtype of `state`.
    """
    (h_THB,), state = _recur(equations, p_TPB, weights, state, reset_TB, mask_TB, 1)
    return h_THB, state


def recur_states(
    equations: Equations,
    p_TPB,
    weights: Sequence[Any],
    state: Sequence[Any],
    reset_TB=None,
    mask_TB=None,
):
    """Return all states of a cell at every step and after the last one.

    Arguments as for `recur`. Takes more memory on the way back than `recur`: a
    gradient of every state at every step.

    Returns:
        `(sequences, state)`: every state tensor at every step, each float[T, H, B];
        the last state, each float[B, H].
    """
    count = equations.num_states
    return _recur(equations, p_TPB, weights, state, reset_TB, mask_TB, count)


def _recur(equations, p_TPB, weights, state, reset_TB, mask_TB, count):
    """Return `(sequences, state)`, the sequences of the first `count` states."""
    reset_T1B, mask_T1B = (
        None if flag is None else ops.expand_dims(flag, 1)
        for flag in (reset_TB, mask_TB)
    )
    num_weights = len(weights)
    forward = compiled(_forward, equations)
    backward = compiled(_backward, equations)

    def pure(*tensors):
        # An eager tape would ask the compiled function for a gradient of its own.
        p_TPB, *tensors = [ops.stop_gradient(tensor) for tensor in tensors]
        weights, state = tensors[:num_weights], tensors[num_weights:]
        sequences, saved, last = forward(p_TPB, weights, state, reset_T1B, mask_T1B)

        def gradient(*upstream):
            # TensorFlow passes the gradients one by one, JAX as one tuple.
            if len(upstream) == 1 and isinstance(upstream[0], tuple | list):
                (upstream,) = upstream
            dp_TPB, dweights, dstate = backward(
                p_TPB, weights, state, reset_T1B, mask_T1B,
                sequences, saved, list(upstream[:count]), list(upstream[count:]),
            )  # fmt: skip
            return (dp_TPB, *dweights, *dstate)

        return (*sequences[:count], *last), gradient

    state_HB = [ops.transpose(s_BH) for s_BH in state]
    found = ops.custom_gradient(pure)(p_TPB, *weights, *state_HB)
    return list(found[:count]), tuple(ops.transpose(s_HB) for s_HB in found[count:])


def pooled(
    equations: Equations,
    p_TPB,
    weights: Sequence[Any],
    state: Sequence[Any],
    reset_TB,
    wanted: Sequence[tuple[int, str]],
):
    """Return states pooled from step to step, and the last state; has no gradient.

    Args:
        equations: The cell.
        p_TPB: float[T, P, B]. Input projections, biases added.
        weights: Recurrent weights, each float[I, K] or float[K].
        state: Start state, each float[H, B].
        reset_TB: bool[T, B]. True: the state is zero before the step, and pooling
            begins anew.
        wanted: Pairs of a state tensor's number and "last", "sum", "max" or "min".

    Returns:
        `(sequences, state)`: for each pair float[T, H, B], at every step what was
        pooled since the last reset or the start; the state after the last step.
    """
    weights_t = _transposed(weights)
    reset_T1B = ops.expand_dims(reset_TB, 1)
    n = equations.num_states

    def step(t, carry):
        before = _reset(carry[:n], reset_T1B, t)
        after, _ = equations.forward(p_TPB[t], before, weights_t)
        begins = ops.logical_or(reset_T1B[t], ops.equal(t, 0))
        pools = []
        for (number, pooling), old in zip(wanted, carry[n:], strict=True):
            new = after[number]
            if pooling == "sum":
                new = ops.where(begins, new, old + new)
            elif pooling == "max":
                new = ops.where(begins, new, ops.maximum(old, new))
            elif pooling == "min":
                new = ops.where(begins, new, ops.minimum(old, new))
            pools.append(new)
        return [*after, *pools], pools

    carry = [*state, *[state[number] for number, _ in wanted]]
    last, sequences = _scan(step, carry, ops.shape(p_TPB)[0])
    return sequences, last[:n]


@functools.cache
def compiled(function: Callable, equations: Equations) -> Callable:
    """Return `function` of one cell as an XLA program, on the backend in use."""
    bound = functools.partial(function, equations)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(bound, jit_compile=True, autograph=False)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(bound)
    return bound


def _forward(equations, p_TPB, weights, state, reset_T1B, mask_T1B):
    """Return `(state sequences, saved sequences, last state)`, all [.., H, B]."""
    weights_t = _transposed(weights)

    def step(t, state):
        before = _reset(state, reset_T1B, t)
        after, saved = equations.forward(p_TPB[t], before, weights_t)
        if mask_T1B is not None:
            after = [
                ops.where(mask_T1B[t], new, old)
                for new, old in zip(after, before, strict=True)
            ]
        return after, (*after, *saved)

    steps = ops.shape(p_TPB)[0]
    ends = steps if mask_T1B is None else _steps_read(mask_T1B, reset_T1B)
    last, outputs = _scan(step, list(state), steps, ends)
    n = equations.num_states
    sequences = outputs[:n]
    if mask_T1B is not None:
        read_T11 = ops.arange(steps, dtype="int32")[:, None, None] < ends
        sequences = [
            ops.where(read_T11, sequence, end)
            for sequence, end in zip(sequences, last, strict=True)
        ]
    return sequences, outputs[n:], last


def _steps_read(mask_T1B, reset_T1B):
    """Return the number of steps up to the last one that does anything in any lane.

    Known when the program runs, not when it is compiled: one program serves batches
    of any length up to that of its arrays, and its loops cost what is read.
    """
    acts_T1B = mask_T1B
    if reset_T1B is not None:
        acts_T1B = ops.logical_or(mask_T1B, reset_T1B)
    acts_T = ops.any(acts_T1B, axis=(1, 2))
    number_T = ops.arange(ops.shape(acts_T)[0], dtype="int32") + 1
    return ops.max(ops.where(acts_T, number_T, 0))


def _transposed(weights):
    """Return weights as `Equations.forward` takes them."""
    # Once a step; as an operand of the product XLA's CPU backend would use a
    # plain loop for it.
    return [ops.transpose(w) if len(w.shape) == 2 else w[:, None] for w in weights]


def _backward(
    equations,
    p_TPB,
    weights,
    state,
    reset_T1B,
    mask_T1B,
    sequences,
    saved,
    dsequences,
    dlast,
):
    """Return `(dp_TPB, gradients of weights, gradients of the start state)`.

    `dsequences`: the gradients of the first state sequences, of one or of all.
    """
    steps = ops.shape(p_TPB)[0]
    shifted = [
        ops.concatenate([ops.expand_dims(first, 0), sequence[:-1]], 0)
        for first, sequence in zip(state, sequences, strict=True)
    ]
    before = reset_state(reset_T1B, shifted)

    ends, dstate = steps, list(dlast)
    if mask_T1B is not None:
        # Steps that no lane reads repeat the last state: their gradients are its own.
        ends = _steps_read(mask_T1B, reset_T1B)
        unread_T11 = ops.arange(steps, dtype="int32")[:, None, None] >= ends
        for n, d_THB in enumerate(dsequences):
            unread_THB = ops.where(unread_T11, d_THB, ops.zeros_like(d_THB))
            dstate[n] = dstate[n] + ops.sum(unread_THB, axis=0)

    def step(t, dstate):
        dafter = list(dstate)
        for n, d_THB in enumerate(dsequences):
            dafter[n] = dafter[n] + d_THB[t]
        dkept = None
        if mask_T1B is not None:
            dkept = [ops.where(mask_T1B[t], ops.zeros_like(d), d) for d in dafter]
            dafter = [ops.where(mask_T1B[t], d, ops.zeros_like(d)) for d in dafter]
        dp_PB, dbefore, extras = equations.backward(
            p_TPB[t],
            [b[t] for b in before],
            [s[t] for s in sequences],
            [s[t] for s in saved],
            dafter,
            weights,
        )
        dbefore = [ops.cast(d, s.dtype) for d, s in zip(dbefore, dstate, strict=True)]
        if dkept is not None:
            dbefore = [d + kept for d, kept in zip(dbefore, dkept, strict=True)]
        return _reset(dbefore, reset_T1B, t), (dp_PB, *extras)

    dstate, (dp_TPB, *extras) = _scan(step, dstate, steps, ends, backwards=True)
    pairs = equations.products(before, saved, dp_TPB, extras)
    dweights = [
        ops.cast(_product(a, d, w.dtype), w.dtype)
        for (a, d), w in zip(pairs, weights, strict=True)
    ]
    return ops.cast(dp_TPB, p_TPB.dtype), dweights, dstate


def _scan(step, carry, steps, ends=None, backwards=False):
    """Run `step(t, carry) -> (carry, outputs)` and stack the outputs over time.

    Of `steps` places the first `ends` are filled (default: all), the others zero.

    `keras.ops.scan` demands, on TensorFlow, outputs with the structure of the
    carry. Buffers updated in place cost nothing under XLA, on either backend.
    With `backwards` the steps are taken from the last to the first.
    """
    ends = steps if ends is None else ends
    _, shapes = step(ops.zeros((), "int32"), carry)  # traced for shapes, unused
    # Not `s.shape`: the batch may be unknown, as in `Model.fit` and in an export.
    # Zeros that are no constant: XLA would make one array of equal constants and give
    # every loop a copy of it, in its own time and memory.
    zero = ops.sum(carry[0][:1, :1]) * 0
    buffers = [
        ops.broadcast_to(ops.cast(zero, s.dtype), (steps, *ops.shape(s)))
        for s in shapes
    ]

    def body(t, carry, buffers):
        carry, outputs = step(t, carry)
        buffers = [
            ops.slice_update(b, (t, 0, 0), ops.expand_dims(out, 0))
            for b, out in zip(buffers, outputs, strict=True)
        ]
        return t - 1 if backwards else t + 1, list(carry), buffers

    # Counted down, not taken from `ends`: in a slice's place TensorFlow would make
    # `ends`, and with it the mask, a constant of the program: one for every batch.
    start = ops.cast(ends - 1, "int32") if backwards else ops.zeros((), "int32")
    _, carry, buffers = ops.while_loop(
        lambda t, carry, buffers: t >= 0 if backwards else t < ends,
        body,
        (start, list(carry), buffers),
    )
    return carry, buffers


def _reset(state, reset_T1B, t):
    return reset_state(None if reset_T1B is None else reset_T1B[t], state)


def _product(a_TIB, d_TKB, dtype):
    """Return the sum over steps and lanes of `a d^T`, or of `d` without an `a`."""
    if a_TIB is None:
        return ops.sum(d_TKB, axis=(0, 2))
    a_TBI = ops.transpose(ops.cast(a_TIB, dtype), (0, 2, 1))
    d_TBK = ops.transpose(ops.cast(d_TKB, dtype), (0, 2, 1))
    return ops.matmul(
        ops.transpose(ops.reshape(a_TBI, (-1, a_TIB.shape[1]))),
        ops.reshape(d_TBK, (-1, d_TKB.shape[1])),
    )
