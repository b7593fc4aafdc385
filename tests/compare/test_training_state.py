import numpy as np
import pytest
import torch

from compare import training_state
from compare.formats.twin import to_twin
from compare.formats.twin_table import table_of
from compare.twin.language_model import ByteLanguageModel
from compare.twin.optimizer import make_optimizer
from tests.compare.sample_models import (
    KINDS,
    assert_same_arrays,
    model_config,
    state_of,
    weights_of,
)
from tfsent.checkpoint import CheckpointError
from tfsent.config import OptimizerConfig


def cross(state, model, optimizer="adam"):
    return training_state.to_twin(state, table_of(model), model, optimizer)


def back(state, model, optimizer="adam"):
    table = table_of(model)
    return training_state.to_keras(state, table, model, optimizer, "the run")


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "Adam"])
@pytest.mark.parametrize("scaled", [False, True])
def test_state_comes_back_bit_for_bit(optimizer, scaled):
    for kind in KINDS:
        model = model_config(**kind)
        state = state_of(model, 3, optimizer.lower(), scaled)
        assert_same_arrays(
            back(cross(state, model, optimizer), model, optimizer), state
        )


def test_moments_lie_exactly_like_their_weights():
    model = model_config(layers=2)
    weights = weights_of(model)
    state = {f"optimizer/momentum/{n}": w for n, w in weights.items()}
    state |= {f"optimizer/velocity/{n}": 2 * w for n, w in weights.items()}
    state["optimizer/iteration"] = np.array(5)
    found = cross(state, model)
    for name, weight in to_twin(weights, model).items():
        np.testing.assert_array_equal(found[f"optimizer/exp_avg/{name}"], weight)
        np.testing.assert_array_equal(found[f"optimizer/exp_avg_sq/{name}"], 2 * weight)


def test_names_are_those_of_the_twin():
    model = model_config(cell="gru", layers=2, tied_embedding=True)
    twin = ByteLanguageModel(model)
    named = list(twin.named_parameters())
    slots = make_optimizer(OptimizerConfig(), 4, 10, named).slots()
    found = cross(state_of(model, scaled=True), model)
    moments = {n: a.shape for n, a in found.items() if n.startswith("optimizer/exp")}
    assert moments == {f"optimizer/{n}": tuple(t.shape) for n, t in slots.items()}
    rest = found.keys() - moments.keys()
    scale = {"loss_scale/value", "loss_scale/good_steps"}
    assert rest == {"optimizer/step", "carried/0/0", "carried/1/0"} | scale


def test_scalars_and_carried_states_cross_unchanged():
    model = model_config()
    state = state_of(model, 3, scaled=True)
    found = cross(state, model)
    for here, there in (
        ("optimizer/iteration", "optimizer/step"),
        ("loss_scale/dynamic_scale", "loss_scale/value"),
        ("loss_scale/step_counter", "loss_scale/good_steps"),
        ("carried/0/1", "carried/0/1"),
    ):
        assert_same_arrays({"x": found[there]}, {"x": state[here]})


@pytest.mark.parametrize("name", ["rmsprop", "nadam", "lion"])
def test_optimizer_without_counterpart_is_refused_by_name(name):
    model = model_config()
    state = {"optimizer/iteration": np.array(1)}
    with pytest.raises(
        ValueError, match=f"optimizer '{name}' has no exact counterpart"
    ):
        cross(state, model, name)
    with pytest.raises(
        ValueError, match=f"optimizer '{name}' has no exact counterpart"
    ):
        back(state, model, name)


def without(state, name):
    return {n: a for n, a in state.items() if n != name}


def test_incomplete_or_strange_state_is_refused():
    model = model_config()
    state = state_of(model, scaled=True)
    there = cross(state, model)
    with pytest.raises(ValueError, match="misses 'optimizer/iteration'"):
        cross(without(state, "optimizer/iteration"), model)
    with pytest.raises(ValueError, match="loss_scale/dynamic_scale.*no other"):
        cross(without(state, "loss_scale/step_counter"), model)
    with pytest.raises(ValueError, match="without a counterpart: .*optimizer/trace"):
        cross(state | {"optimizer/trace": np.zeros(3, "f4")}, model)
    lost = "optimizer/exp_avg/embedding.weight"
    with pytest.raises(CheckpointError, match="misses the weight 'embedding.weight'"):
        back(without(there, lost), model)
    with pytest.raises(CheckpointError, match="'embedding.weight' has shape"):
        back(there | {lost: there[lost].T}, model)
    half = {n: a.astype("f2") for n, a in there.items() if "/exp_avg/" in n}
    with pytest.raises(CheckpointError, match="exp_avg is float16, not float32"):
        back(there | half, model)


def test_torch_reads_the_moments_as_they_are():
    model = model_config(cell="lstm")
    found = cross(state_of(model), model)
    for array in found.values():
        torch.from_numpy(np.asarray(array))
