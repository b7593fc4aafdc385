"""The update under a strategy: replicas, overflow, precision; and its traps.

Axes as in `tfsent.training.step`.
"""

import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tolerances
from tfsent.config import (
    MAX_LOSS_SCALE,
    MIN_LOSS_SCALE,
    DistributionConfig,
    ModelConfig,
    OptimizerConfig,
)
from tfsent.model import ByteLanguageModel, MultiplicativeLSTM
from tfsent.training.distribution import gather, make_strategy, scatter
from tfsent.training.optimizer import make_optimizer
from tfsent.training.precision import set_precision
from tfsent.training.run_state import RunState
from tfsent.training.step import TrainStep

B, T = 4, 6


def set_up(devices=1, precision="float32", clip_norm=1.0, name="sgd", **options):
    """Return the state of a small run and its compiled step."""
    model_options, steps = options.pop("model", {}), options.pop("steps", 100)
    options = {"learning_rate": 0.5, "schedule": "constant"} | options
    strategy = make_strategy(DistributionConfig(devices=devices))
    set_precision(precision)
    with strategy.scope():
        config = ModelConfig(
            **({"hidden_size": 8, "embedding_size": 4} | model_options)
        )
        model = ByteLanguageModel(config, seed=1)
        model.build(None)
        optimizer = make_optimizer(OptimizerConfig(name=name, **options), B, steps)
        optimizer.build(model.trainable_variables)
    run = RunState(model, optimizer, strategy, B)
    step = TrainStep(model, optimizer, strategy, clip_norm=clip_norm, seed=0)
    return run, step


def batch_of(step, rng_seed=0):
    rng = np.random.default_rng([rng_seed, step])
    bytes_BT1 = rng.integers(97, 123, (B, T + 1)).astype(np.uint8)
    reset_BT = rng.random((B, T)) < 0.1
    return bytes_BT1, reset_BT


def advance(run, step, batch=None):
    bytes_BT1, reset_BT = scatter(run.strategy, batch or batch_of(run.step))
    result, run.carried = step(bytes_BT1, reset_BT, run.carried, run.step)
    run.step += 1
    return result


def largest_difference(one, other):
    """Return the largest difference of any weight over the largest weight."""
    # Not max(): it passes over NaN.
    scale = np.max([np.abs(w).max() for w in other.values()])
    return np.max([np.abs(one[n] - other[n]).max() for n in other]) / scale


def scale_of(run):
    return float(keras.ops.convert_to_numpy(run.optimizer.dynamic_scale))


def replicas_of(variable):
    """Return a variable's value on every replica."""
    return [v.numpy() for v in variable.value.values]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "rate", "tolerance"),
    [
        ("sgd", 0.5, tolerances.MIRRORED_SGD),
        ("adam", 0.002, tolerances.MIRRORED_ADAM),
    ],
)
def test_two_replicas_equal_one_with_the_same_global_batch(name, rate, tolerance):
    runs = [set_up(devices=n, name=name, learning_rate=rate) for n in (1, 2)]
    start = runs[0][0].weights()
    for _ in range(20):
        one, two = (advance(*run) for run in runs)
        assert abs(float(one.bpc) - float(two.bpc)) < 1e-4
        assert float(two.gradient_norm) == pytest.approx(
            float(one.gradient_norm), rel=1e-3
        )
    one, two = (run.weights() for run, _ in runs)
    assert largest_difference(two, one) <= tolerance.value
    assert largest_difference(start, one) > 100 * tolerance.value
    states = [gather(run.strategy, run.carried) for run, _ in runs]
    for a, b in zip(*map(tf.nest.flatten, states), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


@pytest.mark.slow
def test_gradients_are_averaged_before_they_are_clipped():
    """The clipped update has the threshold as its norm, whatever each replica holds."""
    run, step = set_up(devices=2, clip_norm=1e-3, learning_rate=1.0)
    before = run.weights()
    result = advance(run, step)
    assert float(result.gradient_norm) > 2e-3
    after = run.weights()
    moved = math.sqrt(sum(np.sum((after[n] - before[n]) ** 2) for n in before))
    assert moved == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("replica", [0, 1])
def test_an_overflow_on_either_replica_changes_nothing_anywhere(replica):
    run, step = set_up(devices=2, precision="mixed_float16", name="adam")
    advance(run, step)
    before = run.weights()
    moments = [replicas_of(v) for v in run.optimizer.inner_optimizer.variables]
    scale = scale_of(run)
    # A carried state of infinity overflows the lanes of one replica alone.
    carried = gather(run.strategy, run.carried)
    half = B // 2
    carried[0][0][replica * half : (replica + 1) * half] = np.inf
    run.carried = scatter(run.strategy, carried)
    result = advance(run, step, (batch_of(1)[0], np.zeros((B, T), bool)))
    assert not bool(result.finite)
    for variable in run.model.trainable_variables:
        for value in replicas_of(variable):
            expected = before[_name_of(run.model, variable)]
            np.testing.assert_array_equal(value, expected)
    for variable, values in zip(
        run.optimizer.inner_optimizer.variables, moments, strict=True
    ):
        np.testing.assert_array_equal(replicas_of(variable), values)
    assert scale_of(run) == scale / 2
    state = tf.nest.flatten(gather(run.strategy, run.carried))
    assert all(np.isfinite(s).all() for s in state)
    result = advance(run, step)
    assert bool(result.finite)
    assert largest_difference(run.weights(), before) > 0


def _name_of(model, variable):
    return next(n for n, v in model.named_weights().items() if v is variable)


def test_the_loss_scale_keeps_its_bounds():
    run, step = set_up(precision="mixed_float16", loss_scale_growth_steps=1)
    run.optimizer.dynamic_scale.assign(MAX_LOSS_SCALE)
    zero = (np.zeros((B, T + 1), np.uint8), np.ones((B, T), bool))
    run.model.output_weight.assign(np.zeros(run.model.output_weight.shape))
    advance(run, step, zero)
    assert scale_of(run) <= MAX_LOSS_SCALE
    run.optimizer.dynamic_scale.assign(MIN_LOSS_SCALE)
    run.carried = tf.nest.map_structure(lambda s: s + np.inf, run.carried)
    result = advance(run, step, (zero[0], np.zeros((B, T), bool)))
    assert not bool(result.finite)
    assert scale_of(run) == MIN_LOSS_SCALE


def test_the_loss_scale_leaves_the_update_unchanged():
    updates = []
    for scale in (1.0, 2.0**12):
        run, step = set_up(
            precision="mixed_float16", initial_loss_scale=scale, clip_norm=0.05
        )
        before = run.weights()
        advance(run, step)
        after = run.weights()
        updates.append({n: after[n] - before[n] for n in after})
    difference = largest_difference(*updates)
    assert 0 < difference < tolerances.HALF_UPDATE.value


def test_the_step_takes_the_hand_written_gradient_under_a_strategy(monkeypatch):
    calls = []
    equations = MultiplicativeLSTM.equations

    def spy(*arguments):
        calls.append(1)
        return equations.backward(*arguments)

    monkeypatch.setattr(
        MultiplicativeLSTM, "equations", equations._replace(backward=spy)
    )
    advance(*set_up(devices=2))
    assert calls


@pytest.mark.slow
def test_dropout_differs_between_steps_and_replicas_but_not_between_runs():
    def first_steps():
        run, step = set_up(
            devices=2, model={"dropout": 0.5}, learning_rate=1e-12, schedule="constant"
        )
        # Equal lanes on both replicas: only the masks can tell them apart.
        bytes_BT1 = np.tile(np.arange(97, 97 + T + 1, dtype=np.uint8), (B, 1))
        return [
            float(advance(run, step, (bytes_BT1, np.ones((B, T), bool))).bpc)
            for _ in range(3)
        ]

    one = first_steps()
    assert len(set(one)) == 3
    assert first_steps() == one


def test_carried_state_reaches_the_next_window():
    run, step = set_up(learning_rate=1e-12)
    bytes_BT1, _ = batch_of(0)
    calm = np.zeros((B, T), bool)
    first = float(advance(run, step, (bytes_BT1, calm)).bpc)
    second = float(advance(run, step, (bytes_BT1, calm)).bpc)
    fresh = calm.copy()
    fresh[:, 0] = True
    third = float(advance(run, step, (bytes_BT1, fresh)).bpc)
    assert second != pytest.approx(first, abs=1e-6)
    assert third == pytest.approx(first, abs=1e-6)


def test_a_step_is_traced_once():
    run, step = set_up()
    for _ in range(4):
        advance(run, step)
    assert step._run.experimental_get_tracing_count() == 1
    assert step._gradients.experimental_get_tracing_count() == 1


# Traps of the libraries that the step works around. When one of these fails, the
# library was mended and the work-around can go.


def test_keras_still_sums_gradients_over_replicas(tensorflow):
    strategy = make_strategy(DistributionConfig(devices=2))
    with strategy.scope():
        variable = keras.Variable(0.0)
        optimizer = keras.optimizers.SGD(1.0)
        optimizer.build([variable])
    ours = make_optimizer(
        OptimizerConfig(name="sgd", learning_rate=1.0, schedule="constant"), B, 10
    )
    for each, expected in ((optimizer, -2.0), (ours, -1.0)):
        variable.assign(0.0)
        with strategy.scope():
            each.build([variable])

        @tf.function
        def update(each=each):
            strategy.run(lambda: each.apply([tf.constant(1.0)], [variable]))

        update()
        assert replicas_of(variable) == [expected, expected]


def test_keras_still_looks_for_overflow_on_the_first_replica_alone(tensorflow):
    strategy = make_strategy(DistributionConfig(devices=2))
    with strategy.scope():
        variable = keras.Variable(0.0)
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1.0))
        optimizer.build([variable])

    @tf.function
    def update():
        def replica():
            context = tf.distribute.get_replica_context()
            second = tf.equal(context.replica_id_in_sync_group, 1)
            optimizer.apply([tf.where(second, np.inf, 1.0)], [variable])

        strategy.run(replica)

    update()
    assert not np.isfinite(replicas_of(variable)).any()


def test_keras_still_clips_each_replica_by_itself(tensorflow):
    strategy = make_strategy(DistributionConfig(devices=2))
    with strategy.scope():
        variable = keras.Variable([0.0, 0.0])
        optimizer = keras.optimizers.SGD(1.0, global_clipnorm=1.0)
        optimizer.build([variable])

    @tf.function
    def update():
        def replica():
            context = tf.distribute.get_replica_context()
            own = tf.one_hot(context.replica_id_in_sync_group, 2) * 10
            optimizer.apply([own], [variable])

        strategy.run(replica)

    update()
    assert np.linalg.norm(replicas_of(variable)[0]) == pytest.approx(math.sqrt(2))


def test_keras_still_lets_the_loss_scale_leave_its_bounds():
    variable = keras.Variable(0.0)
    optimizer = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.SGD(1.0), initial_scale=MIN_LOSS_SCALE
    )
    optimizer.build([variable])
    optimizer.apply([tf.constant(np.inf)], [variable])
    assert float(optimizer.dynamic_scale) < MIN_LOSS_SCALE


@pytest.mark.slow
def test_half_precision_on_two_replicas_learns_as_float32_on_one():
    from tfsent.data.corpus import reviews
    from tfsent.data.text_rules import clean

    text = b"".join(clean(r.text, "openai") for r in reviews(2000))
    stream = np.frombuffer(text, np.uint8)
    lanes, window, steps = 16, 32, 300
    lane = len(stream) // lanes
    ends = []
    for devices, precision in ((1, "float32"), (2, "mixed_float16")):
        run, step = set_up(
            devices=devices, precision=precision, name="adam", learning_rate=5e-3,
            schedule="linear", steps=steps, model={"hidden_size": 32},
        )  # fmt: skip
        run = RunState(run.model, run.optimizer, run.strategy, lanes)
        losses = []
        for k in range(steps):
            starts = np.arange(lanes) * lane + k * window
            bytes_BT1 = np.stack([stream[s : s + window + 1] for s in starts])
            reset = np.zeros((lanes, window), bool)
            reset[:, 0] = k == 0
            losses.append(advance(run, step, (bytes_BT1, reset)).bpc)
        losses = [float(loss) for loss in losses]
        assert losses[0] > 7
        ends.append(np.mean(losses[-50:]))
    assert ends[0] < 4.0
    assert abs(ends[1] - ends[0]) < 0.02


def test_saved_moments_have_the_names_of_their_weights():
    run, _ = set_up(name="adam", precision="mixed_float16", model={"layers": 2})
    shapes = {name: array.shape for name, array in run.arrays().items()}
    weights = {name: array.shape for name, array in run.weights().items()}
    expected = {f"optimizer/momentum/{name}": s for name, s in weights.items()}
    expected |= {f"optimizer/velocity/{name}": s for name, s in weights.items()}
    scalars = (
        *("optimizer/iteration", "loss_scale/dynamic_scale"),
        *("loss_scale/step_counter",),
    )
    expected |= {name: () for name in scalars}
    expected |= {f"carried/{k}/{n}": (B, 8) for k in (0, 1) for n in (0, 1)}
    assert shapes == expected
    # Two layers have weights of equal names and shapes: the moments must be told apart.
    names = ["optimizer/momentum/layers/0/wh", "optimizer/momentum/layers/1/wh"]
    for k, layer in enumerate(run.model.recurrent_layers):
        index = [v is layer.wh for v in run.model.trainable_variables].index(True)
        run.optimizer.inner_optimizer._momentums[index].assign(
            np.full((8, 32), k + 1.0)
        )
    saved = run.arrays()
    assert [float(saved[name].mean()) for name in names] == [1.0, 2.0]
