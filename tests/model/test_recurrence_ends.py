"""Loops end with the last step that a mask lets read; what they give stays the same."""

import re

import numpy as np
import pytest
import tensorflow as tf

from tests.model.layer_gradients import B, E, H, T, inputs_of
from tests.tolerances import GRADIENT_F32
from tfsent.model.language_model import CELLS
from tfsent.model.lstm import EQUATIONS
from tfsent.model.recurrence import _backward, _forward, compiled


@pytest.mark.parametrize("cell", ["mlstm", "tanh"])
def test_unread_steps_repeat_the_last_state_and_pass_its_gradient_on(cell):
    layer = CELLS[cell](H, weight_norm=False, return_sequences=True)
    layer.build((None, None, E))
    arrays = {n: v.astype("f4") for n, v in inputs_of(cell, False).items()}
    for name, value in arrays.items():
        if name.startswith("w/"):
            getattr(layer, name[2:]).assign(value)
    more = 4
    x = np.pad(arrays["x"], ((0, 0), (0, more), (0, 0)))
    mask = np.arange(T + more)[None] < np.array([[T], [T - 2]])[:B]
    dh = np.random.default_rng(3).normal(size=(B, T + more, H)).astype("f4")
    found = []
    for steps in (T, T + more):
        upstream = dh[:, :T].copy()
        if steps == T:
            # Of a lane's last output: all that its repetitions get.
            upstream[:, -1] += dh[:, T:].sum(axis=1)
        else:
            upstream = dh
        with tf.GradientTape() as tape:
            h_BTH = layer(x[:, :steps], mask=mask[:, :steps])
            total = tf.reduce_sum(h_BTH * upstream)
        found.append([h_BTH, *tape.gradient(total, layer.trainable_variables)])
    whole = found[1][0].numpy()
    np.testing.assert_array_equal(whole[:, :T], found[0][0])
    for t in range(T, T + more):
        np.testing.assert_array_equal(whole[:, t], whole[:, T - 1])
    for one, other in zip(found[0][1:], found[1][1:], strict=True):
        error = np.abs(one - other).max() / np.abs(one).max()
        assert error < GRADIENT_F32.value


def test_mask_is_no_constant_of_a_program():
    """Were it one, each batch would be compiled anew: seconds instead of a step."""
    steps, lanes, units = 6, 3, 5
    inputs = tf.ones((steps, 4 * units, lanes))
    weights, state = [tf.ones((units, 4 * units))], [tf.ones((units, lanes))] * 2
    mask = tf.constant(np.arange(steps)[:, None, None] < [[[2, 4, 3]]])
    given = (inputs, weights, state, None, mask)
    forward = compiled(_forward, EQUATIONS)
    sequences, saved, last = forward(*given)
    told = [forward.experimental_get_compiler_ir(*given)(stage="hlo")]
    backward = compiled(_backward, EQUATIONS)
    given = (*given, sequences, saved, sequences[:1], last)
    told.append(backward.experimental_get_compiler_ir(*given)(stage="hlo"))
    for program in told:
        assert re.search(r"pred\[6,1,3\]\S* parameter\(", program)
