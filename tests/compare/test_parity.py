"""What both frameworks are asked is equal, and a difference in any answer is found."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from compare import checks, containers, formats, parity
from compare.checks import Check
from compare.convert import convert
from compare.formats import twin
from compare.formats.blocks import reorder
from compare.parity import measure_parity
from compare.questions import (
    NEXT_STEPS,
    Answers,
    Trace,
    carried_of,
    first_lanes,
    questions,
    with_decoder,
)
from compare.reading import read_model
from compare.twin import optimizer
from tests.compare.sample_models import checkpoint_of, run_config, state_of

PROBE_BT1 = np.arange(64 * 129, dtype=np.uint8).reshape(64, 129)


def run_of(steps=None, done=40, **optimizer):
    """Return a run in its middle, as it was read."""
    model = checkpoint_of(training=True)
    config = run_config()
    config["optimizer"] |= optimizer
    config["training"]["steps"] = steps
    arrays = dict(model.training.arrays)
    arrays["optimizer/iteration"] = np.array(done, "i8")
    training = model.training._replace(arrays=arrays)
    return dataclasses.replace(model, config=config, training=training)


def test_the_updates_are_the_next_of_the_run():
    asked = questions(run_of(steps=100, learning_rate=0.01), PROBE_BT1)
    assert asked.total_steps == 100
    assert asked.config.optimizer.schedule == "linear"
    assert asked.config.optimizer.learning_rate == 0.01
    assert asked.training["optimizer/iteration"] == 40
    assert asked.notes == ()


@pytest.mark.parametrize(("steps", "done"), [(100, 81), (100, 100), (None, 40)])
def test_a_run_at_its_end_is_updated_at_a_tenth_of_its_peak_and_says_so(steps, done):
    asked = questions(run_of(steps, done, learning_rate=0.01), PROBE_BT1)
    assert asked.config.optimizer.schedule == "constant"
    assert asked.config.optimizer.learning_rate == 0.001
    assert "a tenth of its peak, 0.001" in asked.notes[0]


def test_the_peak_is_that_of_the_batch_of_the_run():
    run = run_of(100, learning_rate=0.001, scale_with_batch=True)
    run.config["training"]["batch_size"] = 256
    assert questions(run, PROBE_BT1).config.optimizer.learning_rate == 0.002


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda run: dataclasses.replace(run, training=None), "No training state"),
        (lambda run: run.config["optimizer"].update(name="rmsprop"), "rmsprop"),
        (lambda run: run.training.arrays.pop("optimizer/iteration"), "older version"),
    ],
)
def test_without_a_state_that_crosses_the_updates_start_anew(change, word):
    run = run_of(100)
    changed = change(run)
    asked = questions(changed if type(changed) is type(run) else run, PROBE_BT1)
    assert asked.training is None
    assert asked.config.optimizer.name == "adam"
    assert asked.config.optimizer.learning_rate == 5e-4
    assert list(asked.traces) == ["zero state"]
    assert word in asked.notes[0]


def test_dropout_is_off_and_told():
    model = dataclasses.replace(checkpoint_of().model, dropout=0.5)
    run = dataclasses.replace(run_of(100), model=model)
    asked = questions(run, PROBE_BT1)
    assert asked.config.model.dropout == 0
    assert "Dropout is off" in asked.notes[0]


def test_a_carried_state_is_read_from_too_in_its_first_lanes():
    asked = questions(run_of(100), PROBE_BT1)
    bytes_BT, state = asked.traces["carried state"]
    assert len(bytes_BT) == len(state[0][0])
    expected = state_of(checkpoint_of().model)["carried/0/1"][: len(bytes_BT)]
    np.testing.assert_array_equal(state[0][1], expected)


def test_every_window_follows_the_one_before():
    batches = questions(run_of(100), PROBE_BT1).batches
    assert len(batches) == NEXT_STEPS
    for before, after in zip(batches, batches[1:], strict=False):
        np.testing.assert_array_equal(before.bytes_BT1[:, -1], after.bytes_BT1[:, 0])


def test_loss_scaling_is_left_out_of_updates_in_float32():
    state = state_of(checkpoint_of().model, scaled=True)
    kept = first_lanes(state, 2)
    assert not [name for name in kept if name.startswith("loss_scale/")]
    assert {len(tensor) for layer in carried_of(kept) for tensor in layer} == {2}


def test_a_model_without_decoder_gets_the_same_fixed_one_each_time():
    whole = checkpoint_of()
    bare = dataclasses.replace(
        whole,
        decoder=False,
        weights={n: w for n, w in whole.weights.items() if not n.startswith("output")},
    )
    one, other = with_decoder(bare), with_decoder(bare)
    assert one.weights.keys() == whole.weights.keys()
    np.testing.assert_array_equal(
        one.weights["output/weight"], other.weights["output/weight"]
    )
    assert with_decoder(whole) is whole


def answers(seed=0):
    draw = np.random.default_rng(seed)
    states = [
        tuple(draw.standard_normal((5, 2, 7)).astype("f4") for _ in "hc")
        for _ in range(2)
    ]
    trace = Trace(states, draw.standard_normal((5, 2, 256)).astype("f4"))
    gradients = {name: draw.standard_normal((3, 7)).astype("f4") for name in "ab"}
    moves = {name: draw.standard_normal((3, 7)).astype("f4") for name in "ab"}
    return Answers({"zero state": trace}, gradients, [2.0, 1.5, 1.25], moves)


def verdicts(keras, twin):
    found = [
        *parity._trace_checks(keras, twin),
        checks.gradient_check(keras, twin),
        checks.move_check(keras, twin),
        checks.loss_check(keras, twin),
    ]
    return {check.name: check for check in found}


def test_equal_answers_pass_every_check():
    checks = verdicts(answers(), answers())
    assert len(checks) == 8
    assert all(check.passed and check.value == 0 for check in checks.values())


def place_of(answer, name):
    """Return the array of an answer that a check of this name looks at."""
    trace = answer.traces["zero state"]
    if name == "gradients":
        return answer.gradients["b"]
    if name == "first update":
        return answer.moves["b"]
    if name.startswith("logits"):
        return trace.logits
    return trace.states[int(name[len("h of layer ")])]["hc".index(name[0])]


@pytest.mark.parametrize("by", [0.1, math.nan, math.inf])
@pytest.mark.parametrize(
    "name",
    [
        "h of layer 1, from the zero state",
        "c of layer 0, from the zero state",
        "logits, from the zero state",
        "gradients",
        "first update",
    ],
)
def test_a_difference_in_one_number_fails_its_check(name, by):
    keras, twin = answers(), answers()
    place_of(twin, name).flat[-3] += by
    failed = [n for n, check in verdicts(keras, twin).items() if not check.passed]
    assert failed == [name]


@pytest.mark.parametrize("by", [2e-4, math.nan])
def test_another_loss_fails_its_check(by):
    keras, twin = answers(), answers()
    twin.losses[1] += by
    failed = [check for check in verdicts(keras, twin).values() if not check.passed]
    assert [check.where for check in failed] == ["update 2"]


@pytest.mark.parametrize("by", [2.0**-24, 0.0])
def test_stored_arrays_are_equal_bit_for_bit(by):
    one = {"w": np.ones((3, 7), "f4")}
    other = {"w": one["w"].copy()}
    other["w"][1, 2] -= by
    assert checks.exact("w", one, other).passed is (by == 0)
    assert not checks.exact("w", {"w": 0 * one["w"]}, {"w": -0.0 * one["w"]}).passed
    assert not checks.exact("w", one, {}).passed
    assert not checks.exact("w", one, {"w": np.ones((7, 3), "f4")}).passed


def test_no_number_passes_no_tolerance():
    assert not Check("h", math.nan, 1.0, "").passed
    assert Check("h", 1.0, 1.0, "").passed


@pytest.fixture(scope="module")
def keras_run(tmp_path_factory):
    """Path of a run in its middle: 7 units."""
    path = tmp_path_factory.mktemp("run") / "run"
    run = run_of(100)
    arrays = dict(run.training.arrays)
    for name, array in arrays.items():
        if "/momentum/" in name:
            arrays[name] = np.float32(1e-3) * array
        elif "/velocity/" in name:
            arrays[name] = np.float32(1e-5) * np.square(array)
    run = dataclasses.replace(run, training=run.training._replace(arrays=arrays))
    containers.write(path, formats.format_of("keras").write(run, "keras"))
    return path


@pytest.fixture(scope="module")
def twin_run(keras_run, tmp_path_factory):
    """Path of the same run, of the twin."""
    path = tmp_path_factory.mktemp("twin") / "run"
    convert(keras_run, path, "twin")
    return path


def failed(found):
    return [check.name for check in found.checks if not check.passed]


@pytest.mark.slow
def test_a_run_and_its_conversion_are_equal_in_both_frameworks(keras_run, twin_run):
    source, target = read_model(keras_run), read_model(twin_run)
    there, back = measure_parity(source, target), measure_parity(target, source)
    assert failed(there) == failed(back) == []
    assert there.keras == "source"
    assert back.keras == "target"
    assert len(there.losses["keras"]) == len(there.losses["twin"]) == NEXT_STEPS
    assert there.losses["keras"][-1] != there.losses["keras"][0]
    assert there.gradients.keys() == source.checkpoint.weights.keys()
    assert there.traces.keys() == {"zero state", "carried state"}


@pytest.mark.slow
def test_a_weight_perturbed_in_the_file_fails_what_depends_on_it(keras_run, twin_run):
    target = read_model(twin_run)
    arrays = target.container.arrays
    name = "weights.layers.0.parametrizations.wh.original1"
    changed = arrays[name].copy()
    changed[3, 4] += 1e-3
    container = dataclasses.replace(target.container, arrays=arrays | {name: changed})
    again = target._replace(container=container, checkpoint=twin.read(container))
    names = failed(measure_parity(read_model(keras_run), again))
    assert {"weights, as stored", "gradients"} <= {*names}
    assert [name for name in names if name.startswith("c of layer 0")]


@pytest.mark.slow
def test_gates_swapped_between_file_and_framework_fail(keras_run, twin_run):
    # The file reads back as it was written, and PyTorch computes something else.
    target = read_model(twin_run)
    arrays = dict(target.container.arrays)
    for name, array in arrays.items():
        if array.shape[:1] == (28,):
            arrays[name] = reorder(array, 0, "ifuo", "ifou")
    container = dataclasses.replace(target.container, arrays=arrays)
    names = failed(
        measure_parity(read_model(keras_run), target._replace(container=container))
    )
    assert "weights, as stored" not in names
    assert "h of layer 0, from the zero state" in names
    assert "gradients" in names


def without_training(read):
    checkpoint = dataclasses.replace(read.checkpoint, training=None)
    return read._replace(checkpoint=checkpoint)


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["epsilon", "clip", "moment"])
def test_another_optimizer_fails_the_updates_alone(
    fault, keras_run, twin_run, monkeypatch
):
    source, target = read_model(keras_run), read_model(twin_run)
    if fault == "epsilon":
        # As PyTorch's Adam has it by itself: beside the corrected root.
        source, target = without_training(source), without_training(target)
        own = optimizer.EPSILON * math.sqrt(1 - 0.999)
        monkeypatch.setattr(optimizer, "EPSILON", own)
    elif fault == "clip":
        norm = torch.nn.utils.get_total_norm
        monkeypatch.setattr(
            torch.nn.utils, "get_total_norm", lambda gradients: 4 * norm(gradients)
        )
    else:
        name = "training.optimizer/exp_avg/output.bias"
        moment = 1.05 * target.container.arrays[name]
        arrays = target.container.arrays | {name: moment}
        container = dataclasses.replace(target.container, arrays=arrays)
        target = target._replace(container=container)
    names = failed(measure_parity(source, target))
    assert "first update" in names
    assert set(names) <= {"first update", "loss of the next 20 updates"}


@pytest.mark.slow
def test_a_model_without_decoder_is_compared_and_it_is_told(keras_run, tmp_path):
    model = read_model(keras_run).checkpoint
    weights = {n: w for n, w in model.weights.items() if not n.startswith("output")}
    bare = dataclasses.replace(model, weights=weights, decoder=False, training=None)
    containers.write(tmp_path / "a", formats.format_of("keras").write(bare, "keras"))
    convert(tmp_path / "a", tmp_path / "b", "twin")
    found = measure_parity(read_model(tmp_path / "a"), read_model(tmp_path / "b"))
    assert failed(found) == []
    assert "No decoder" in found.notes[0]


def test_models_of_other_shapes_are_refused(keras_run, tmp_path):
    other = checkpoint_of(layers=2)
    containers.write(tmp_path / "b", formats.format_of("keras").write(other, "keras"))
    with pytest.raises(ValueError, match="layers is 1 in the one and 2 in the other"):
        measure_parity(read_model(keras_run), read_model(tmp_path / "b"))
