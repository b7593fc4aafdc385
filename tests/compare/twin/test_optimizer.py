"""The twin's updates are Keras's: schedule, Adam, AdamW, SGD, clipping."""

import math

import numpy as np
import pytest
import torch

from compare.twin.optimizer import WarmupDecay, clip_by_global_norm, make_optimizer
from tests.tolerances import TWIN_UPDATES_F32
from tfsent.config import OptimizerConfig
from tfsent.training import optimizer as keras_side

keras, tf = keras_side.keras, keras_side.tf
UPDATES = 30


@pytest.mark.parametrize("shape", ["linear", "cosine", "constant"])
@pytest.mark.parametrize("warmup", [0, 3])
def test_the_rate_is_the_one_of_keras_at_every_step(shape, warmup):
    arguments = 3e-4, shape, warmup, 11
    ours, theirs = WarmupDecay(*arguments), keras_side.WarmupDecay(*arguments)
    for step in range(14):
        assert ours(step) == pytest.approx(float(theirs(step)), rel=1e-6)
    assert ours(0) == pytest.approx(1e-4 if warmup else 3e-4)


def gradients(update):
    """Return gradients from far above epsilon to far below it."""
    rng = np.random.default_rng(update)
    sizes = 10.0 ** rng.integers(-10, 1, (4, 3))
    return (rng.normal(size=(4, 3)) * sizes).astype(np.float32)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_updates_are_those_of_keras(name):
    config = OptimizerConfig(name=name, learning_rate=0.02, warmup_steps=4)
    start = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    theirs = keras.Variable(start)
    keras_optimizer = keras_side.make_optimizer(config, 8, UPDATES)
    keras_optimizer.build([theirs])
    ours = torch.nn.Parameter(torch.from_numpy(start.copy()))
    optimizer = make_optimizer(config, 8, UPDATES, [("w", ours)])
    for update in range(UPDATES):
        keras_optimizer.apply([tf.constant(gradients(update))], [theirs])
        ours.grad = torch.from_numpy(gradients(update))
        optimizer.prepare(torch.tensor(True))
        optimizer.inner.step()
        optimizer.updates += 1
        difference = np.abs(ours.detach().numpy() - np.asarray(theirs.value)).max()
        assert difference <= TWIN_UPDATES_F32.value
    assert np.abs(np.asarray(theirs.value) - start).max() > 0.01


def test_weight_decay_is_not_lost_to_rounding():
    """A weight without a gradient shrinks by 4e-3 of the rate, a step."""
    config = OptimizerConfig(name="adamw", learning_rate=5e-4, schedule="constant")
    weight = torch.nn.Parameter(torch.linspace(1, 2, 1000))
    start = weight.detach().double().numpy()
    optimizer = make_optimizer(config, 8, 10, [("w", weight)])
    for _ in range(300):
        weight.grad = torch.zeros(1000)
        optimizer.prepare(torch.tensor(True))
        optimizer.inner.step()
        optimizer.updates += 1
    lost = (start - weight.detach().numpy()).mean() / start.mean()
    assert lost == pytest.approx(300 * 5e-4 * 0.004, rel=0.02)


def test_a_skipped_update_decays_nothing():
    config = OptimizerConfig(name="adamw", learning_rate=0.1)
    weight = torch.nn.Parameter(torch.ones(3))
    make_optimizer(config, 8, 10, [("w", weight)]).prepare(torch.tensor(False))
    assert weight.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", ["rmsprop", "adan", "lion", ""])
def test_any_other_optimizer_is_refused_naming_the_three(name):
    with pytest.raises(ValueError, match=r"optimizer.name is.*adam, adamw and sgd"):
        make_optimizer(OptimizerConfig(name=name), 8, 10, [])


def test_moments_are_there_before_the_first_update():
    sizes = {"a": 2, "b": 3}
    named = [(n, torch.nn.Parameter(torch.ones(size))) for n, size in sizes.items()]
    optimizer = make_optimizer(OptimizerConfig(), 8, 10, named)
    shapes = {name: tuple(t.shape) for name, t in optimizer.slots().items()}
    assert shapes == {
        "exp_avg/a": (2,),
        "exp_avg_sq/a": (2,),
        "exp_avg/b": (3,),
        "exp_avg_sq/b": (3,),
    }
    assert make_optimizer(OptimizerConfig(name="sgd"), 8, 10, named).slots() == {}


def clip(arrays, threshold):
    """Clip on both sides; return the twin's gradients and norm, and Keras's."""
    ours = [torch.tensor(a) for a in arrays]
    norm = clip_by_global_norm(ours, torch.tensor(threshold))
    theirs, keras_norm = keras_side.clip_by_global_norm(
        [tf.constant(a) for a in arrays], threshold
    )
    return ours, float(norm), [t.numpy() for t in theirs], float(keras_norm)


def test_gradients_are_clipped_as_in_keras():
    arrays = [[3.0, 0.0], [4.0]]
    ours, norm, theirs, keras_norm = clip(arrays, 1.0)
    assert norm == keras_norm == 5.0
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-7)
    np.testing.assert_allclose(ours[0], [0.6, 0.0], rtol=1e-6)


@pytest.mark.parametrize("threshold", [5.0, 5.1, math.inf])
def test_gradients_within_the_threshold_stay_as_they_are(threshold):
    ours, *_ = clip([[3.0], [4.0]], threshold)
    assert [float(g) for g in ours] == [3.0, 4.0]


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("threshold", [1.0, math.inf])
def test_one_gradient_that_is_not_finite_leaves_none_finite(bad, threshold):
    ours, norm, theirs, keras_norm = clip([[bad, 1.0], [2.0]], threshold)
    assert not math.isfinite(norm)
    assert not math.isfinite(keras_norm)
    assert not np.isfinite(np.concatenate(ours)).any()
    assert not np.isfinite(np.concatenate(theirs)).any()
