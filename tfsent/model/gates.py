"""The four gates of an LSTM: from pre-activations to the state, and back.

Shared by the LSTM and the multiplicative LSTM, which differ only in what they
multiply before the gates.

Axes: H hidden units; where they and the lanes lie is the form's.
"""

from __future__ import annotations

from keras import ops

from tfsent.config import GATES
from tfsent.model.forms import Form


def gates_step(gate, form: Form):
    """Return the function that takes an LSTM from its products to its next state.

    Args:
        gate: What i, f and o pass through, an `activations.Gate`.
        form: How to write it.

    Returns:
        `(p, z, c, reset) -> (state, activated gates)`: from the input projection,
        whose first 4 H units are the gates', what the state adds to them, the cell
        state before the step, and the lanes that begin anew after it. The state is
        what `Form.left` makes of h and c, in the dtype of c; the list of gates has
        that of p.
    """

    @form.fuse
    def step(p, z, c, reset):
        own = form.units(p, 0, z.shape[form.axis])
        z = ops.cast(own, c.dtype) + ops.cast(z, c.dtype)
        i, f, o, u = form.split(z, len(GATES))
        i, f, o, u = gate.forward(i), gate.forward(f), gate.forward(o), ops.tanh(u)
        c = f * c + i * u
        state = form.left([o * ops.tanh(c), c], reset)
        return state, [ops.cast(a, p.dtype) for a in (i, f, o, u)]

    return step


def gates_output(saved, c):
    """Return the output of a step whose cell state was changed after it.

    Args:
        saved: What the step saved, the activated gates first.
        c: The cell state put in the place of the step's own.
    """
    return ops.cast(saved[GATES.index("o")], c.dtype) * ops.tanh(c)


def gates_slopes(gate, form: Form):
    """Return the function that takes the gradient of an LSTM's state to its products.

    Returns:
        `(gates, c before, c, dafter) -> (dz, dc before)`; `dafter` is what
        `Form.arrived` takes, dz has the dtype of the activated gates, all else that
        of the state.
    """

    @form.fuse
    def slopes(gates, before_c, c, dafter):
        dh, dc = form.arrived(dafter)
        i, f, o, u = (ops.cast(a, dc.dtype) for a in gates)
        # Recomputed: saving it costs H * B * T numbers and gains nothing measurable.
        tanh_c = ops.tanh(c)
        dc = dc + dh * o * (1 - tanh_c * tanh_c)
        dz = form.concatenate(
            [
                gate.backward(dc * u, i),
                gate.backward(dc * before_c, f),
                gate.backward(dh * tanh_c, o),
                dc * i * (1 - u * u),
            ]
        )
        return ops.cast(dz, gates[0].dtype), dc * f

    return slopes
