"""What a run will take, by its settings; which flags make it take less."""

import json

import pytest

from tests.scripts.command import call
from tfsent.config import ModelConfig, OptimizerConfig, RunConfig, TrainingConfig
from tfsent.memory_plan import (
    KERAS,
    TORCH,
    Costs,
    Place,
    Vectors,
    on_device,
    plan,
    plan_to_fit,
    shown,
)

COSTS = Costs(
    process_bytes=100.0,
    loop_bytes=7.0,
    copies=2.0,
    pool=1.0,
    logits=3.0,
    vectors={"tanh": Vectors(5.0, 4.0), "mlstm": Vectors(11.0, 6.0)},
    shares={"float32": 1.0, "mixed_float16": 0.5},
    anew=2.0,
)


def config(precision="float32", optimizer="adam", cell="tanh", layers=2, **training):
    return RunConfig(
        model=ModelConfig(
            cell=cell,
            hidden_size=8,
            embedding_size=4,
            layers=layers,
            weight_norm=False,
        ),
        training=TrainingConfig(**{"batch_size": 12, "window": 16} | training),
        optimizer=OptimizerConfig(name=optimizer),
        precision=precision,
    )


# 256 x 4; 4 x 8 + 8 x 8 + 8; 8 x 8 + 8 x 8 + 8; 8 x 256 + 256.
PARAMETERS = 1024 + 104 + 136 + 2304


def test_a_pool_makes_activations_larger_and_nothing_else():
    plain = plan(config(), COSTS, Place(1, 0.0))
    pooled = plan(config(), COSTS._replace(pool=1.5), Place(1, 0.0))
    assert pooled == plain._replace(activations=1.5 * plain.activations)


def test_a_plan_counts_parameters_and_their_copies():
    found = plan(config(), COSTS, Place(1, 1000.0))
    assert found.parameters == PARAMETERS
    assert found.weights == 4 * PARAMETERS
    assert found.gradients == 4 * PARAMETERS * 3
    assert found.optimizer == 4 * PARAMETERS * 2
    assert found.process == 1100
    assert found.peak == sum(found[1:])
    assert plan(config(optimizer="sgd"), COSTS, Place(1, 0.0)).optimizer == 0


def test_activations_are_vectors_of_every_byte_and_the_states_between():
    """Twelve lanes of 16 bytes, two layers of 5, 4 in passing, 3 vectors of 256."""
    found = plan(config(), COSTS, Place(1, 0.0))
    states = (1 + 1) * 12 * 2 * 8
    assert found.activations == 4 * (12 * 16 * (14 * 8 + 3 * 256) + states)


@pytest.mark.parametrize(
    ("options", "devices", "numbers", "borders"),
    [
        ({"accumulation_steps": 3}, 1, 4 * 16 * (14 * 8 + 768), 4 + 12),
        ({}, 2, 6 * 16 * (14 * 8 + 768), 6 + 6),
        ({"recompute_segment": 4}, 1, 12 * 4 * (14 * 8 + 768), 4 * 12 + 12),
        ({"recompute_layers": True}, 1, 12 * 16 * (16 * 8 + 768), 12 + 12),
        ({"precision": "mixed_float16"}, 1, 6 * 16 * (14 * 8 + 768), 12 + 12),
    ],
)
def test_portions_devices_and_segments_shrink_them(options, devices, numbers, borders):
    found = plan(config(**options), COSTS, Place(devices, 0.0))
    assert found.activations == 4 * (numbers + borders * 2 * 8)


def test_gradients_that_are_added_up_take_a_copy_more():
    found = plan(config(accumulation_steps=2), COSTS, Place(1, 0.0))
    assert found.gradients == 4 * PARAMETERS * 4
    assert found.process == 107


def test_replicas_of_one_process_have_weights_of_their_own_and_share_the_lanes():
    one, two = (plan(config(), COSTS, Place(1, 0.0, replicas=n)) for n in (1, 2))
    assert two.weights == 2 * one.weights
    assert two.optimizer == 2 * one.optimizer
    assert two.activations == one.activations


def big(**training):
    return RunConfig(
        model=ModelConfig(hidden_size=512),
        training=TrainingConfig(**{"batch_size": 128, "window": 256} | training),
    )


@pytest.mark.parametrize("costs", [KERAS, TORCH])
def test_what_does_not_fit_is_told_the_cheapest_way_to(costs):
    whole = plan(big(), costs, Place(1, 0.0)).peak
    assert plan_to_fit(big(), costs, Place(1, 0.0, whole)).change is None
    tight = plan_to_fit(big(), costs, Place(1, 0.0, whole - 1)).change
    assert tight.flags == "--training.accumulation-steps 2"
    assert tight.plan == plan(big(accumulation_steps=2), costs, Place(1, 0.0))
    # Portions of fewer than 16 lanes are slow: segments come first.
    eighth = plan(big(accumulation_steps=8), costs, Place(1, 0.0)).peak
    tighter = plan_to_fit(big(), costs, Place(1, 0.0, eighth - 1)).change
    assert tighter.flags == "--training.recompute-segment 16"
    assert plan_to_fit(big(), costs, Place(1, 0.0, 1e6)).change is None


def test_where_segments_do_not_help_portions_get_smaller():
    """A window of a prime number of bytes has no segments."""
    prime = big(window=251)
    eighth = plan(big(window=251, accumulation_steps=8), TORCH, Place(1, 0.0)).peak
    change = plan_to_fit(prime, TORCH, Place(1, 0.0, eighth - 1)).change
    assert change.flags == "--training.accumulation-steps 16"
    short = big(recompute_segment=8)
    change = plan_to_fit(
        short, TORCH, Place(1, 0.0, plan(short, TORCH, Place(1, 0.0)).peak - 1)
    ).change
    assert "recompute-segment" not in change.flags


def test_what_never_fits_says_so():
    told = shown(plan_to_fit(big(), TORCH, Place(1, 0.0, 1e6)), as_json=False)
    assert "does not fit, in whatever portions" in told


def test_on_a_device_there_is_no_process():
    found = plan_to_fit(big(), on_device(KERAS), Place(1, 0))
    assert found.plan.process == 0
    assert "is not known" in shown(found, as_json=False)
    told = json.loads(shown(found, as_json=True))
    assert (told["free_bytes"], told["fits"]) == (None, None)


@pytest.mark.parametrize("script", ["train", "train_twin"])
def test_plan_prints_and_trains_nothing(script, tmp_path, capsys):
    out = tmp_path / "run"
    argv = ["--plan", "--json", "--model.hidden-size", "64", "--out", out]
    assert call(script, *argv) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parameters"] > 0
    assert told["fits"]
    assert told["peak_bytes"] > told["process_bytes"] > 5e7
    assert not out.exists()
