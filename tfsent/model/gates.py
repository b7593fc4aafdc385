"""The four gates of an LSTM: from pre-activations to the state, and back.

Shared by the LSTM and the multiplicative LSTM, which differ only in what they
multiply before the gates.

Axes: B lanes, H hidden units, G = 4 H gate columns.
"""

from __future__ import annotations

from keras import ops

from tfsent.config import GATES


def split_gates(z_GB):
    """Return the blocks of `z_GB` along its first axis, in the order of `GATES`."""
    return ops.split(z_GB, len(GATES), axis=0)


def gates_forward(gate, z_GB, c_HB):
    """Return `(h, c, activated gates)` of an LSTM from its gate pre-activations.

    Args:
        gate: What i, f and o pass through, an `activations.Gate`.
        z_GB: float[G, B]. The pre-activations.
        c_HB: float[H, B]. The cell state before the step.
    """
    i, f, o, u = split_gates(z_GB)
    i, f, o, u = gate.forward(i), gate.forward(f), gate.forward(o), ops.tanh(u)
    c_HB = f * c_HB + i * u
    return o * ops.tanh(c_HB), c_HB, ops.concatenate([i, f, o, u], axis=0)


def gates_output(saved, c_HB):
    """Return the output of a step whose cell state was changed after it.

    Args:
        saved: What the step saved, the activated gates first.
        c_HB: float[H, B]. The cell state put in the place of the step's own.
    """
    o = split_gates(saved[0])[GATES.index("o")]
    return ops.cast(o, c_HB.dtype) * ops.tanh(c_HB)


def gates_backward(gate, gates_GB, before_c_HB, c_HB, dh_HB, dc_HB):
    """Return `(dz, dc before)` of an LSTM from the gradients of its state."""
    i, f, o, u = split_gates(gates_GB)
    # Recomputed: saving it costs H * B * T numbers and gains nothing measurable.
    tanh_c = ops.tanh(c_HB)
    dc_HB = dc_HB + dh_HB * o * (1 - tanh_c * tanh_c)
    dz_GB = ops.concatenate(
        [
            gate.backward(dc_HB * u, i),
            gate.backward(dc_HB * before_c_HB, f),
            gate.backward(dh_HB * tanh_c, o),
            dc_HB * i * (1 - u * u),
        ],
        axis=0,
    )
    return dz_GB, dc_HB * f
