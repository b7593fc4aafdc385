"""Optimizers by name, schedules, clipping, the scaling rule."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfsent.config import OptimizerConfig
from tfsent.training.optimizer import (
    WarmupDecay,
    clip_by_global_norm,
    make_optimizer,
)
from tfsent.training.schedule import peak_learning_rate


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("linear", [0.5, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0]),
        ("cosine", [0.5, 1.0, 1.0, 0.853553, 0.5, 0.146447, 0.0]),
        ("constant", [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_the_rate_rises_over_warmup_and_ends_as_its_shape_says(shape, expected):
    schedule = WarmupDecay(1.0, shape, warmup_steps=2, total_steps=6)
    rates = [float(schedule(step)) for step in range(7)]
    np.testing.assert_allclose(rates, expected, atol=1e-6)
    again = WarmupDecay.from_config(schedule.get_config())
    assert [float(again(step)) for step in range(7)] == rates


def test_the_rate_without_warmup_starts_at_its_peak():
    assert float(WarmupDecay(3.0, "linear", 0, 10)(0)) == 3.0


def test_the_scaling_rule_stops_at_its_cap():
    plain = OptimizerConfig(learning_rate=5e-4)
    scaled = OptimizerConfig(learning_rate=5e-4, scale_with_batch=True)
    assert peak_learning_rate(plain, 1024) == 5e-4
    assert peak_learning_rate(scaled, 256) == pytest.approx(1e-3)
    assert peak_learning_rate(scaled, 32768) == 3e-3


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop", "adamw", "nadam"])
def test_optimizers_are_known_by_their_keras_names(name):
    optimizer = make_optimizer(OptimizerConfig(name=name), 128, 10)
    assert type(optimizer).__name__.lower() == name


@pytest.mark.parametrize("name", ["adan", "", "learning_rate"])
def test_an_unknown_optimizer_is_refused_by_name(name):
    with pytest.raises(ValueError, match="optimizer.name is"):
        make_optimizer(OptimizerConfig(name=name), 128, 10)


def test_gradients_above_the_threshold_are_scaled_to_it():
    clipped, norm = clip_by_global_norm(
        [tf.constant([3.0, 0.0]), tf.constant([[4.0]])], 1.0
    )
    assert float(norm) == 5.0
    np.testing.assert_allclose(clipped[0], [0.6, 0.0], rtol=1e-6)
    np.testing.assert_allclose(clipped[1], [[0.8]], rtol=1e-6)


def test_gradients_below_the_threshold_stay_as_they_are():
    clipped, _ = clip_by_global_norm([tf.constant([3.0, 4.0])], math.inf)
    np.testing.assert_array_equal(clipped[0], [3.0, 4.0])


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_one_gradient_that_is_not_finite_leaves_none_finite(bad):
    clipped, norm = clip_by_global_norm(
        [tf.constant([bad, 1.0]), tf.constant([2.0])], 1.0
    )
    assert not math.isfinite(float(norm))
    assert not np.isfinite(np.concatenate(clipped)).any()
