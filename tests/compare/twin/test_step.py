"""The twin's update beside Keras's; overflow, precision, dropout, carried state.

Axes as in `compare.twin.step`.
"""

import math

import numpy as np
import pytest
import torch

from compare.twin.language_model import ByteLanguageModel
from tests.compare.twin.pair import (
    B,
    T,
    advance,
    batch_of,
    largest_difference,
    make_pair,
    make_twin,
    settings,
    to_twin,
)
from tests.tolerances import TWIN_LOSS_F16, TWIN_LOSS_F32, TWIN_WEIGHTS_F32
from tfsent.config import MAX_LOSS_SCALE, MIN_LOSS_SCALE
from tfsent.data.batches import Batch
from tfsent.training.distribution import gather, scatter

STEPS = 50
RATES = {"adam": 5e-3, "adamw": 5e-3, "sgd": 0.3}


def carried(run):
    """Return the twin's carried state, a list of arrays."""
    return [t.numpy() for layer in run.carried for t in layer]


def overflow(run, lane):
    """Give the carried state of one lane of the twin an infinity."""
    run.carried[0][0][lane] = math.inf


def overflow_keras(run, lane):
    state = gather(run.strategy, run.carried)
    state[0][0][lane] = math.inf
    run.carried = scatter(run.strategy, state)


def calm(batch):
    return Batch(batch.bytes_BT1, np.zeros_like(batch.reset_BT))


def scale_of(run):
    return run.scaler.get_scale()


def set_scale(run, scale):
    run.scaler.load_state_dict(run.scaler.state_dict() | {"scale": scale})


@pytest.mark.parametrize(
    ("name", "cell"), [("adam", "mlstm"), ("adamw", "gru"), ("sgd", "mlstm")]
)
def test_fifty_updates_are_those_of_keras(name, cell):
    config = settings(
        name=name,
        learning_rate=RATES[name],
        clip_norm=0.3,
        warmup_steps=5,
        model={"cell": cell},
    )
    (keras, keras_step), (twin, twin_step) = make_pair(config, STEPS)
    first, clipped = None, 0
    for _ in range(STEPS):
        theirs, ours = advance(keras, keras_step), advance(twin, twin_step)
        assert abs(float(ours.bpc) - float(theirs.bpc)) <= TWIN_LOSS_F32.value
        assert float(ours.gradient_norm) == pytest.approx(
            float(theirs.gradient_norm), rel=1e-5
        )
        rate = pytest.approx(float(theirs.learning_rate), rel=1e-6)
        assert ours.learning_rate == rate
        first = first or float(ours.bpc)
        clipped += float(ours.gradient_norm) > 0.3
    assert first - float(ours.bpc) > 1
    assert clipped > STEPS / 2
    weights = to_twin(keras.weights(), config.model)
    assert largest_difference(twin.weights(), weights) <= TWIN_WEIGHTS_F32.value


def test_an_overflow_is_skipped_where_keras_skips_it_with_the_same_scale():
    config = settings(
        "mixed_float16",
        learning_rate=5e-3,
        initial_loss_scale=2.0**10,
        loss_scale_growth_steps=3,
    )
    (keras, keras_step), (twin, twin_step) = make_pair(config, STEPS)
    skipped, scales = [], []
    for step in range(14):
        batch = calm(batch_of(step))
        if step in (2, 7, 8):
            overflow(twin, step % B)
            overflow_keras(keras, step % B)
        theirs = advance(keras, keras_step, batch)
        ours = advance(twin, twin_step, batch)
        assert bool(ours.finite) == bool(theirs.finite)
        assert float(ours.loss_scale) == float(theirs.loss_scale)
        rate = pytest.approx(float(theirs.learning_rate), rel=1e-6)
        assert ours.learning_rate == rate
        if bool(ours.finite):
            assert abs(float(ours.bpc) - float(theirs.bpc)) <= TWIN_LOSS_F16.value
        else:
            skipped.append(step)
        scales.append(float(ours.loss_scale))
    assert skipped == [2, 7, 8]
    assert twin.optimizer.updates == 11
    assert set(scales) == {256.0, 512.0, 1024.0}
    ours, theirs = twin.arrays(), keras.arrays()
    assert ours["loss_scale/value"] == theirs["loss_scale/dynamic_scale"]
    assert ours["loss_scale/good_steps"] == theirs["loss_scale/step_counter"]
    assert ours["optimizer/step"] == theirs["optimizer/iteration"]


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_an_overflow_changes_nothing_but_the_scale(name):
    config = settings("mixed_float16", name=name, learning_rate=5e-3)
    run, step = make_twin(config)
    advance(run, step)
    before, arrays = run.weights(), run.arrays()
    overflow(run, 2)
    result = advance(run, step, calm(batch_of(1)))
    assert not bool(result.finite)
    assert largest_difference(run.weights(), before) == 0
    after = run.arrays()
    for key in arrays:
        if key.startswith("optimizer/"):
            np.testing.assert_array_equal(after[key], arrays[key])
    assert scale_of(run) == float(result.loss_scale) / 2
    assert after["loss_scale/good_steps"] == 0
    assert bool(advance(run, step).finite)
    assert largest_difference(run.weights(), before) > 0
    assert run.optimizer.updates == 2


def test_a_lane_that_overflowed_starts_anew_and_no_other():
    run, step = make_twin(settings("mixed_float16"))
    overflow(run, 2)
    advance(run, step, calm(batch_of(0)))
    for state_BH in carried(run)[:2]:
        assert (state_BH[2] == 0).all()
        assert np.abs(state_BH[[0, 1, 3]]).min() > 0


def test_without_loss_scaling_an_overflow_is_told_and_kept():
    run, step = make_twin(settings())
    overflow(run, 2)
    result = advance(run, step, calm(batch_of(0)))
    assert not bool(result.finite)
    assert float(result.loss_scale) == 1.0
    assert not np.isfinite(carried(run)[0][2]).all()


def test_the_loss_scale_keeps_its_bounds():
    run, step = make_twin(settings("mixed_float16", loss_scale_growth_steps=1))
    set_scale(run, MAX_LOSS_SCALE)
    with torch.no_grad():
        run.model.output.weight.zero_()
    assert bool(advance(run, step).finite)
    assert scale_of(run) == MAX_LOSS_SCALE
    set_scale(run, MIN_LOSS_SCALE)
    overflow(run, 0)
    assert not bool(advance(run, step, calm(batch_of(1))).finite)
    assert scale_of(run) == MIN_LOSS_SCALE


def test_pytorch_still_lets_the_loss_scale_leave_its_bounds():
    """A trap; when this fails, `keep_bounds` can go."""
    scaler = torch.amp.GradScaler("cpu", init_scale=MIN_LOSS_SCALE)
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    scaler.scale(weight.sum() * math.inf).backward()
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() < MIN_LOSS_SCALE


def test_the_loss_scale_leaves_the_update_unchanged():
    updates = []
    for scale in (1.0, 2.0**8):
        config = settings(
            "mixed_float16", name="sgd", initial_loss_scale=scale, clip_norm=0.05
        )
        run, step = make_twin(config)
        before = run.weights()
        result = advance(run, step)
        after = run.weights()
        updates.append({n: after[n] - before[n] for n in after})
        moved = math.sqrt(sum(np.sum(u**2) for u in updates[-1].values()))
        assert moved == pytest.approx(0.05 * 5e-4, rel=1e-2)
        assert float(result.gradient_norm) > 0.1
    size = max(np.abs(u).max() for u in updates[0].values())
    assert largest_difference(*updates) < 0.01 * size


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_computes_in_half_precision(precision):
    results = []
    for each in ("float32", precision):
        run, step = make_twin(settings(each, clip_norm=0.0))
        results.append(float(advance(run, step).gradient_norm))
    assert results[0] == pytest.approx(results[1], rel=0.02)
    assert results[0] != results[1]


def test_dropout_follows_from_seed_and_step():
    def losses(first, seed):
        config = settings(model={"dropout": 0.5}, learning_rate=1e-12)
        run, step = make_twin(config)
        step._seed = seed
        run.step = first
        batch = Batch(batch_of(0).bytes_BT1, np.ones((B, T), bool))
        found = []
        for _ in range(3):
            torch.rand(3)  # Whatever else draws numbers makes no difference.
            found.append(float(advance(run, step, batch).bpc))
        return found

    start = losses(0, seed=0)
    assert len(set(start)) == 3
    assert losses(0, seed=0) == start
    assert losses(1, seed=0)[:2] == start[1:]
    assert losses(0, seed=1)[0] != start[0]


def test_carried_state_reaches_the_next_window_and_its_gradient_does_not():
    run, step = make_twin(settings(learning_rate=1e-12))
    batch = calm(batch_of(0))
    first, second = (float(advance(run, step, batch).bpc) for _ in range(2))
    assert not any(t.requires_grad for layer in run.carried for t in layer)
    fresh = Batch(batch.bytes_BT1, batch.reset_BT.copy())
    fresh.reset_BT[:, 0] = True
    third = float(advance(run, step, fresh).bpc)
    assert second != pytest.approx(first, abs=1e-5)
    assert third == pytest.approx(first, abs=1e-6)


def test_weights_are_those_of_the_model_that_was_given():
    run, step = make_twin(settings())
    assert isinstance(run.model, ByteLanguageModel)
    before = run.weights()
    advance(run, step)
    moved = [n for n, w in run.weights().items() if (w != before[n]).any()]
    assert moved == list(before)
