"""Training that changes the framework half-way goes on as if it had not.

Moments, counters, loss scale and carried states cross through
`compare.training_state`, weights through the table of `compare.formats`.
"""

from pathlib import Path

import numpy as np
import pytest

from compare import training_state
from compare.formats.twin_table import table_of
from compare.models import our_arrays, twin_arrays
from tests.compare.twin.pair import (
    advance,
    batch_of,
    largest_difference,
    make_pair,
    settings,
    to_keras,
    to_twin,
)
from tests.tolerances import CROSSING_F16, CROSSING_F32

STEPS = 20
CASES = [
    ("adam", "mlstm", "float32"),
    ("adamw", "gru", "float32"),
    ("sgd", "lstm", "float32"),
    ("adam", "mlstm", "mixed_float16"),
]


def cross(source, target, config, to):
    """Move all that `source` holds into `target`, a run of the other framework."""
    name, model = config.optimizer.name, config.model
    table, weights, arrays = table_of(model), source.weights(), source.arrays()
    if to == "twin":
        weights = twin_arrays(weights, model)
        arrays = training_state.to_twin(arrays, table, model, name)
    else:
        weights = our_arrays(weights, model)
        arrays = training_state.to_keras(arrays, table, model, name, Path("run"))
    target.restore(weights, arrays, source.progress())


def losses_of(run, step, num):
    """Return the BPC of the next steps; one of them overflows under loss scaling."""
    results = [advance(run, step, batch_of(run.step)) for _ in range(num)]
    return [float(result.bpc) for result in results], results


@pytest.mark.slow
@pytest.mark.parametrize(("name", "cell", "precision"), CASES)
def test_either_half_may_be_made_by_either_framework(name, cell, precision):
    config = settings(
        precision,
        name=name,
        learning_rate={"sgd": 0.3}.get(name, 5e-3),
        clip_norm=0.5,
        warmup_steps=30,  # The rate still rises: the position must cross too.
        model={"cell": cell},
        initial_loss_scale=2.0**11,
        loss_scale_growth_steps=13,  # Within the second half, counted from the first.
    )
    tolerance = CROSSING_F32 if precision == "float32" else CROSSING_F16
    keras, twin = make_pair(config, 2 * STEPS)
    first = {"keras": losses_of(*keras, STEPS), "twin": losses_of(*twin, STEPS)}
    # Fresh runs of the same shapes, to be filled from the other framework.
    to_be_keras, to_be_twin = make_pair(config, 2 * STEPS)
    cross(keras[0], to_be_twin[0], config, "twin")
    cross(twin[0], to_be_keras[0], config, "keras")
    second = {
        "keras": losses_of(*keras, STEPS),
        "twin": losses_of(*twin, STEPS),
        "keras, then twin": losses_of(*to_be_twin, STEPS),
        "twin, then keras": losses_of(*to_be_keras, STEPS),
    }
    start = first["twin"][0]
    assert np.abs(np.subtract(first["keras"][0], start)).max() <= tolerance.value
    losses, results = second["twin"]
    assert start[0] - losses[-1] > 0.1
    for others, their_results in second.values():
        assert np.abs(np.subtract(others, losses)).max() <= tolerance.value
        for one, other in zip(their_results, results, strict=True):
            assert float(one.loss_scale) == float(other.loss_scale)
            assert float(one.learning_rate) == pytest.approx(
                float(other.learning_rate), rel=1e-6
            )
    if precision != "float32":
        assert len({float(each.loss_scale) for each in results}) > 1
    weights = twin[0].weights()
    for run in (keras[0], to_be_keras[0]):
        there = to_twin(run.weights(), config.model)
        assert largest_difference(there, weights) <= tolerance.value
    assert largest_difference(to_be_twin[0].weights(), weights) <= tolerance.value


def test_there_and_back_changes_no_bit():
    config = settings("mixed_float16", model={"cell": "mlstm"})
    (keras, _), (twin, step) = make_pair(config)
    for _ in range(3):
        advance(twin, step)
    cross(twin, keras, config, "keras")
    (_, _), (back, _) = make_pair(config)
    cross(keras, back, config, "twin")
    for before, after in (
        (twin.weights(), back.weights()),
        (twin.arrays(), back.arrays()),
    ):
        assert before.keys() == after.keys()
        for name, array in before.items():
            assert array.tobytes() == after[name].tobytes(), name


def test_weights_and_moments_cross_as_a_second_way_has_them():
    config = settings(model={"cell": "mlstm"})
    (keras, _), (twin, step) = make_pair(config)
    for _ in range(3):
        advance(twin, step)
    cross(twin, keras, config, "keras")
    ours = keras.weights()
    expected = to_keras(twin.weights(), config.model, ours)
    assert largest_difference(ours, expected) == 0
    for here, there in (("momentum", "exp_avg"), ("velocity", "exp_avg_sq")):
        moments = {
            name.removeprefix(f"optimizer/{there}/"): array
            for name, array in twin.arrays().items()
            if name.startswith(f"optimizer/{there}/")
        }
        found = {name: keras.arrays()[f"optimizer/{here}/{name}"] for name in ours}
        expected = to_keras(moments, config.model, ours)
        assert largest_difference(found, expected) == 0
        assert max(np.abs(array).max() for array in found.values()) > 0
