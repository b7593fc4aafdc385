"""A run of the twin as arrays and back: names, bits, what does not fit."""

import dataclasses

import numpy as np
import pytest
import torch

from compare.formats.twin import LAYOUT
from tests.compare.twin.pair import (
    B,
    advance,
    largest_difference,
    make_twin,
    settings,
)

FULL = {"dropout": 0.3, "cell": "mlstm"}


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_restored_run_goes_on_bit_for_bit(name, precision):
    # The scale has grown when the run is kept, and grows again after that.
    growing = {"initial_loss_scale": 2.0**8, "loss_scale_growth_steps": 2}
    config = settings(precision, name=name, model=FULL, **growing)
    run, step = make_twin(config)
    for _ in range(3):
        advance(run, step)
    kept = run.weights(), run.arrays(), run.progress()
    results = [float(advance(run, step).bpc) for _ in range(4)]
    other, other_step = make_twin(config)
    advance(other, other_step)
    other.restore(*kept)
    assert other.step == 3
    assert [float(advance(other, other_step).bpc) for _ in range(4)] == results
    for kind in ("weights", "arrays"):
        mine, theirs = getattr(other, kind)(), getattr(run, kind)()
        assert mine.keys() == theirs.keys()
        for key in mine:
            assert mine[key].dtype == theirs[key].dtype
            assert mine[key].tobytes() == theirs[key].tobytes(), key


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("norm", [False, True])
def test_weights_are_those_that_a_file_of_the_twin_holds(tied, norm):
    shape = {"weight_norm": norm, "tied_embedding": tied}
    config = settings(model=shape | ({"embedding_size": 16} if tied else {}))
    run, _ = make_twin(config)
    expected = LAYOUT.shapes(config.model, True)
    assert {name: array.shape for name, array in run.weights().items()} == expected
    arrays = run.arrays()
    moments = {name for name in arrays if name.startswith("optimizer/exp_avg/")}
    assert moments == {f"optimizer/exp_avg/{name}" for name in expected}
    rest = arrays.keys() - moments
    rest -= {f"optimizer/exp_avg_sq/{name}" for name in expected}
    states = {f"carried/{layer}/{k}" for layer in range(2) for k in range(2)}
    assert rest == {"optimizer/step", *states}
    assert arrays["carried/1/0"].shape == (B, 16)


def test_loss_scaling_adds_two_numbers():
    plain, _ = make_twin(settings())
    scaled, _ = make_twin(settings("mixed_float16"))
    added = scaled.arrays().keys() - plain.arrays().keys()
    assert added == {"loss_scale/value", "loss_scale/good_steps"}
    found = {name: scaled.arrays()[name] for name in added}
    assert found["loss_scale/value"].dtype == np.float32
    assert found["loss_scale/good_steps"].dtype == np.int64
    assert found["loss_scale/value"] == 2.0**15


def test_what_was_kept_does_not_change_with_the_next_update():
    run, step = make_twin(settings())
    advance(run, step)
    weights, arrays = run.weights(), run.arrays()
    copies = [{k: v.copy() for k, v in each.items()} for each in (weights, arrays)]
    advance(run, step)
    for each, copy in zip((weights, arrays), copies, strict=True):
        assert all((each[name] == copy[name]).all() for name in each)


@pytest.mark.parametrize("flaw", ["missing", "surplus", "shape", "weight", "scale"])
def test_state_that_does_not_fit_is_refused_by_name(flaw):
    run, _ = make_twin(settings())
    weights, arrays = run.weights(), run.arrays()
    if flaw == "missing":
        del arrays["carried/0/1"]
        word = "carried/0/1"
    elif flaw == "surplus":
        arrays["optimizer/momentum/embedding"] = np.zeros(3)
        word = "optimizer/momentum/embedding"
    elif flaw == "shape":
        arrays["optimizer/exp_avg/output.bias"] = np.zeros(3, np.float32)
        word = r"optimizer/exp_avg/output.bias has shape \(3,\)"
    elif flaw == "weight":
        del weights["output.bias"]
        word = "output.bias"
    else:
        arrays["loss_scale/value"] = np.float32(2)
        word = "loss_scale/value"
    with pytest.raises(ValueError, match=word):
        run.restore(weights, arrays, run.progress())


def test_learning_rate_goes_on_where_it_was():
    config = settings(warmup_steps=8)
    run, step = make_twin(config)
    for _ in range(5):
        advance(run, step)
    kept = run.weights(), run.arrays(), run.progress()
    other, other_step = make_twin(config)
    other.restore(*kept)
    both = (run, step), (other, other_step)
    rates = [advance(*each).learning_rate for each in both]
    assert rates[0] == rates[1] == pytest.approx(5e-4 * 6 / 8)


def test_start_follows_from_the_seed():
    config = settings()
    weights = [
        make_twin(dataclasses.replace(config, seed=seed))[0].weights()
        for seed in (1, 1, 2)
    ]
    assert largest_difference(weights[0], weights[1]) == 0
    assert largest_difference(weights[0], weights[2]) > 0


def test_no_random_state_is_needed():
    config = settings(model=FULL)
    losses = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        run, step = make_twin(config)
        losses.append([float(advance(run, step).bpc) for _ in range(3)])
    assert losses[0] == losses[1]
