"""Files of NVIDIA that are not whole, or hold more than a model."""

import numpy as np
import pytest
import torch

from compare import containers
from compare.formats import nvidia
from compare.formats.nvidia_tables import VARIANTS
from tests.compare.formats import parts as made
from tfsent.checkpoint import CheckpointError


def _saved(path, content):
    torch.save(made.tensors(content), path)
    return path


def _read(path, gates):
    return nvidia.read(containers.read(path), gates)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_every_weight_that_is_missing_is_named_as_in_the_file(tmp_path, name):
    container, gates = made.container(name, tmp_path)
    head = VARIANTS[name].classifier
    for missing in container.arrays:
        if missing.startswith(head) or missing.endswith("decoder.weight"):
            continue
        arrays = {n: a for n, a in container.arrays.items() if n != missing}
        short = containers.Container("torch", arrays, container.facts, tmp_path)
        with pytest.raises(CheckpointError, match=f"misses the weight '{missing}'"):
            nvidia.read(short, gates)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_a_weight_too_many_is_named(tmp_path, name):
    container, gates = made.container(name, tmp_path)
    extra = f"{VARIANTS[name].encoder}rnn.rnns.0.w_ho"
    arrays = container.arrays | {extra: np.zeros((5, 5), "f4")}
    more = containers.Container("torch", arrays, container.facts, tmp_path)
    with pytest.raises(CheckpointError, match="without a place: .*w_ho"):
        nvidia.read(more, gates)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_a_weight_given_twice_is_named(tmp_path, name):
    container, gates = made.container(name, tmp_path)
    extra = f"{VARIANTS[name].encoder}rnn.rnns.0.w_ih_v"
    arrays = container.arrays | {extra: np.zeros((20, 3), "f4")}
    more = containers.Container("torch", arrays, container.facts, tmp_path)
    with pytest.raises(CheckpointError, match="without a place: .*w_ih_v"):
        nvidia.read(more, gates)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_every_weight_of_a_wrong_shape_is_named(tmp_path, name):
    container, gates = made.container(name, tmp_path)
    model = tuple(VARIANTS[name][:2])
    for wrong, array in container.arrays.items():
        if not wrong.startswith(model):
            continue
        arrays = container.arrays | {wrong: np.concatenate([array] * 2)}
        bad = containers.Container("torch", arrays, container.facts, tmp_path)
        with pytest.raises(CheckpointError, match="shape|257|blocks"):
            nvidia.read(bad, gates)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("optimizer", {"state": {"exp_avg": np.zeros(3, "f4")}}),
        ("optim_sd", {"iter": 7}),
        ("rng", np.zeros(8, "u1")),
        ("epoch", 3),
    ],
)
def test_anything_else_in_the_file_is_named(tmp_path, key, value):
    content = made.nvidia(made.draw(), "ifuo") | {key: value}
    path = _saved(tmp_path / "m.pt", content)
    with pytest.raises(CheckpointError, match=f"holds '{key}.*no place in a model"):
        _read(path, "ifuo")


def test_a_model_of_words_is_refused(tmp_path):
    content = made.nvidia(made.draw(symbols=300), "ifuo")
    path = _saved(tmp_path / "m.pt", content)
    with pytest.raises(CheckpointError, match=r"encoder.encoder.weight.*no model of b"):
        _read(path, "ifuo")
