"""Steps one after another outside of XLA give what the compiled loops give."""

import numpy as np
import pytest
import tensorflow as tf

from tests.tolerances import GRADIENT_BF16, GRADIENT_F32
from tfsent.config import ModelConfig, TrainingConfig
from tfsent.model.language_model import CELLS, ByteLanguageModel
from tfsent.training import precision
from tfsent.training.gradients import BatchGradients

B, T = 3, 7
BY_CELL = pytest.mark.parametrize(
    "cell",
    [
        "mlstm",
        *[pytest.param(c, marks=pytest.mark.slow) for c in CELLS if c != "mlstm"],
    ],
)
"""A compilation of some seconds each: the cell that matters most is always tried."""


def loss_and_gradients(cell, unrolled, resets, policy="float32"):
    """Return nats, gradients and the state of two layers, from a state not zero."""
    precision.set_precision(policy)
    try:
        model = ByteLanguageModel(
            ModelConfig(cell=cell, hidden_size=6, embedding_size=4, layers=2), seed=1
        )
        model.build(None)
    finally:
        precision.set_precision("float32")
    model.unrolled = unrolled
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        noise = rng.normal(0, 0.1, variable.shape)
        variable.assign(variable + noise.astype("f4"))
    bytes_BT1 = tf.constant(rng.integers(0, 256, (B, T + 1)), tf.int32)
    state = tf.nest.map_structure(
        lambda s: tf.constant(rng.normal(0, 0.3, s.shape), tf.float32),
        model.zero_state(B),
    )
    reset_BT = rng.random((B, T)) < 0.3 if resets else np.zeros((B, T), bool)
    if resets:
        reset_BT[0, 0] = True  # before the first step, and twice in a lane
        reset_BT[1, 2:4] = True

    @tf.function(jit_compile=not unrolled, autograph=False)
    def run(weights, state):
        return BatchGradients(model)._of_segment(
            weights,
            [tf.zeros([2], tf.uint32) for _ in model.non_trainable_variables],
            bytes_BT1,
            tf.constant(reset_BT),
            state,
            tf.constant(1.0),
            [tf.fill(s.shape, 0.1) for s in tf.nest.flatten(state)],
        )

    found = run([v.value for v in model.trainable_variables], state)
    return [np.asarray(a, "f8") for a in tf.nest.flatten(found)]


@pytest.mark.parametrize("resets", [False, True])
@BY_CELL
def test_unrolled_and_compiled_agree(cell, resets):
    ours = loss_and_gradients(cell, True, resets)
    theirs = loss_and_gradients(cell, False, resets)
    for one, other in zip(ours, theirs, strict=True):
        assert np.abs(other).max() > 0
        assert np.abs(one - other).max() < GRADIENT_F32.value * np.abs(other).max()


@BY_CELL
def test_bfloat16_rounds_and_no_more(cell):
    ours = loss_and_gradients(cell, True, True, "mixed_bfloat16")
    exact = loss_and_gradients(cell, True, True)
    assert any((one != other).any() for one, other in zip(ours, exact, strict=True))
    for one, other in zip(ours, exact, strict=True):
        assert np.abs(one - other).max() < GRADIENT_BF16.value * np.abs(other).max()


@pytest.mark.parametrize(
    ("asked", "window", "native", "expected"),
    [
        ("mixed_bfloat16", 256, True, True),
        ("mixed_bfloat16", 256, False, False),
        ("mixed_bfloat16", 100_000, True, False),
        ("mixed_float16", 256, True, False),
        ("float32", 256, True, False),
    ],
)
def test_steps_are_unrolled_where_it_pays(asked, window, native, expected, monkeypatch):
    monkeypatch.setattr(precision, "_multiplies_bfloat16", lambda: native)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    training = TrainingConfig(window=window)
    assert precision.unrolls(asked, training) is expected
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["GPU:0"])
    assert not precision.unrolls(asked, training)


def test_of_a_window_in_segments_a_segment_counts(monkeypatch):
    monkeypatch.setattr(precision, "_multiplies_bfloat16", lambda: True)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    segments = TrainingConfig(window=4096, recompute_segment=64)
    assert precision.unrolls("mixed_bfloat16", segments)
