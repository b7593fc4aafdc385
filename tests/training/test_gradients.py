"""Portions of lanes and segments of windows: the same update in less memory.

Keras and the twin alike; `LESS` are the ways to need less.
"""

import functools

import numpy as np
import pytest
import tensorflow as tf

from tests.tolerances import LESS_MEMORY_F32, LESS_MEMORY_LOSS_F32
from tfsent.config import (
    DistributionConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    TrainingConfig,
)
from tfsent.data.batches import Batch, check_lanes

B, T, STEPS = 8, 12, 10
LESS = {
    "portions": {"accumulation_steps": 4},
    "segments": {"recompute_segment": 3},
    "layers": {"recompute_layers": True},
    "all": {
        "accumulation_steps": 2,
        "recompute_segment": 4,
        "recompute_layers": True,
    },
}


def build(framework, config):
    if framework == "torch":
        from compare.twin.build import build_run
    else:
        from tfsent.training.build import build_run
    return build_run(config, 100)


def settings(
    precision="float32", devices=1, cell="mlstm", dropout=0.0, name="adam", **training
):
    return RunConfig(
        model=ModelConfig(
            cell=cell, hidden_size=16, embedding_size=5, layers=2, dropout=dropout
        ),
        training=TrainingConfig(batch_size=B, window=T, **training),
        optimizer=OptimizerConfig(
            name=name, learning_rate=0.01, clip_norm=0.3, initial_loss_scale=2.0**10
        ),
        distribution=DistributionConfig(devices=devices),
        precision=precision,
    )


def batch_of(step):
    rng = np.random.default_rng(step)
    bytes_BT1 = rng.integers(97, 123, (B, T + 1)).astype(np.uint8)
    return Batch(bytes_BT1, rng.random((B, T)) < 0.1)


@functools.cache
def run_of(framework, steps=STEPS, **options):
    """Return the losses of updates, and all that they changed; do not change them."""
    run, step = build(framework, settings(**options))
    losses = []
    for k in range(steps):
        losses.append(float(run.update(step, batch_of(k)).bpc))
        run.step += 1
    return np.array(losses), {**run.weights(), **run.arrays()}


def largest_difference(one, other):
    assert one.keys() == other.keys()
    return np.max([np.abs(one[name] - other[name]).max() for name in one])


SLOW = pytest.mark.slow
WAYS = [
    ("keras", "mlstm", "all"),
    *[pytest.param("keras", "mlstm", w, marks=SLOW) for w in LESS if w != "all"],
    *[("torch", cell, way) for cell in ("mlstm", "gru") for way in LESS],
]
BOTH = pytest.mark.parametrize(
    "framework", [pytest.param("keras", marks=SLOW), "torch"]
)


@pytest.mark.parametrize(("framework", "cell", "way"), WAYS)
def test_updates_in_less_memory_are_those_of_the_whole_batch(framework, cell, way):
    losses, whole = run_of(framework, cell=cell)
    less_losses, less = run_of(framework, cell=cell, **LESS[way])
    assert np.abs(less_losses - losses).max() <= LESS_MEMORY_LOSS_F32.value
    assert largest_difference(less, whole) <= LESS_MEMORY_F32.value
    assert losses[0] - losses[-1] > 0.1


@pytest.fixture
def eagerly():
    """Every function of TensorFlow line by line, so that its values can be seen."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def ways_back(framework, monkeypatch):
    """Return a list of the states before and after each segment, as it is taken back.

    It is filled by the updates to come.
    """
    if framework == "torch":
        from compare.twin.step import TrainStep as Owner

        place = 2
    else:
        from tfsent.training.gradients import BatchGradients as Owner

        place = 4
    whole, seen = Owner._of_segment, []

    def spied(self, *arguments):
        found = whole(self, *arguments)
        seen.append([flat(arguments[place]), flat(found[-1])])
        return found

    monkeypatch.setattr(Owner, "_of_segment", spied)
    return seen


def flat(state):
    return [np.array(s_BH.detach() if hasattr(s_BH, "detach") else s_BH)
            for layer in state for s_BH in layer]  # fmt: skip


@BOTH
def test_a_segment_taken_back_ends_where_the_next_one_began(
    framework, monkeypatch, eagerly
):
    """With dropout too: the same masks on both ways, and others in other segments."""
    seen = ways_back(framework, monkeypatch)
    run_of(framework, steps=1, dropout=0.4, recompute_segment=3)
    assert len(seen) == 4
    for (before, _), (_, after) in zip(seen, seen[1:], strict=False):
        for began, ended in zip(before, after, strict=True):
            np.testing.assert_allclose(began, ended, rtol=0, atol=1e-7)
    assert np.abs(seen[0][0][0] - seen[1][0][0]).max() > 1e-2


@BOTH
def test_dropout_is_the_same_where_layers_are_computed_anew(framework):
    options = {"dropout": 0.4, "recompute_segment": 3}
    one, _ = run_of(framework, **options)
    other, _ = run_of(framework, **options, recompute_layers=True)
    np.testing.assert_allclose(one, other, atol=LESS_MEMORY_LOSS_F32.value)


@SLOW
def test_masks_of_portions_are_those_of_as_many_devices():
    one, _ = run_of("keras", dropout=0.4, accumulation_steps=2)
    other, _ = run_of("keras", dropout=0.4, devices=2)
    np.testing.assert_allclose(one, other, atol=LESS_MEMORY_LOSS_F32.value)


@SLOW
@pytest.mark.parametrize("way", ["portions", "all"])
def test_portions_on_two_devices_are_one_batch(way):
    losses, whole = run_of("keras")
    less_losses, less = run_of("keras", devices=2, **LESS[way])
    assert np.abs(less_losses - losses).max() <= LESS_MEMORY_LOSS_F32.value
    assert largest_difference(less, whole) <= LESS_MEMORY_F32.value


@pytest.mark.parametrize(
    "options",
    [
        LESS["all"],
        pytest.param({}, marks=SLOW),
        pytest.param({"devices": 2, **LESS["portions"]}, marks=SLOW),
    ],
    ids=str,
)
def test_unrolled_updates_are_those_of_compiled_loops(options, monkeypatch):
    """Without dropout: XLA draws other masks from a seed than TensorFlow."""
    losses, whole = run_of("keras", **options)
    monkeypatch.setattr("tfsent.training.build.unrolls", lambda *_: True)
    other_losses, other = run_of.__wrapped__("keras", **options)
    assert np.abs(other_losses - losses).max() <= LESS_MEMORY_LOSS_F32.value
    assert largest_difference(other, whole) <= LESS_MEMORY_F32.value


@pytest.mark.parametrize("way", ["portions", "segments", "all"])
@BOTH
def test_an_overflow_in_one_portion_skips_the_whole_update(framework, way):
    run, step = build(framework, settings("mixed_float16", **LESS[way]))
    run.update(step, batch_of(0))
    state = run.arrays()
    state["carried/0/0"][B - 1] = np.inf
    before = run.weights()
    run.restore(before, state, run.progress())
    calm = Batch(batch_of(1).bytes_BT1, np.zeros((B, T), bool))
    result = run.update(step, calm)
    assert not bool(result.finite)
    after = run.weights()
    assert all((after[name] == before[name]).all() for name in before)
    left = {n: a for n, a in run.arrays().items() if n.startswith("carried/")}
    assert all(np.isfinite(array).all() for array in left.values())
    assert (left["carried/0/0"][B - 1] == 0).all()
    assert (left["carried/0/0"][: B - 1] != 0).any()
    assert bool(run.update(step, batch_of(2)).finite)


def test_portions_that_cannot_be_dealt_to_devices_are_refused():
    check_lanes(8, 2, 4)
    with pytest.raises(ValueError, match=r"batch_size is 8, .*16 will do"):
        check_lanes(8, 2, 8)
    with pytest.raises(ValueError, match=r"devices 2; 4 will do"):
        check_lanes(5, 2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accumulation_steps": 3}, r"accumulation_steps is 3, no divisor.*; 2 will"),
        ({"accumulation_steps": 0}, r"accumulation_steps is 0; at least 1"),
        ({"recompute_segment": 5}, r"recompute_segment is 5, no divisor.*; 4 will do"),
        ({"recompute_segment": 0}, r"recompute_segment is 0; at least 1"),
    ],
)
def test_portions_and_segments_that_leave_a_rest_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        TrainingConfig(batch_size=B, window=T, **options)
