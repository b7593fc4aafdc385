"""NVIDIA's first version and guillitte's port: cells of Linear modules."""

import argparse

import numpy as np
import pytest
import torch

from compare import containers
from compare.formats import guillitte, nvidia, recognize
from tests.compare.formats import parts as made
from tfsent.checkpoint import CheckpointError


def _nvidia(parts, weight_norm=False):
    inner = {
        f"rnn.{n}": a for n, a in made.linear(parts, "layers.0", weight_norm).items()
    }
    return {"embedder.weight": parts.embedding} | inner


def _guillitte(parts, weight_norm=False):
    rnn = made.linear(parts, "layer_0", weight_norm)
    return {"rnn": rnn, "embed": {"weight": parts.embedding}}


LAYOUTS = {
    "nvidia-2017-12": (nvidia, _nvidia, "nvidia"),
    "guillitte": (guillitte, _guillitte, "openai"),
}


def _saved(path, content):
    torch.save(made.tensors(content), path)
    return path


def _parts(cell, **more):
    return made.draw(cell, one_bias=cell == "mlstm", **more)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("cell", ["mlstm", "lstm"])
@pytest.mark.parametrize("weight_norm", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_file_becomes_the_model_it_is_and_comes_back(
    tmp_path, name, cell, weight_norm, dtype
):
    module, build, rule = LAYOUTS[name]
    parts = _parts(cell, dtype=dtype)
    content = build(parts, weight_norm)
    container = containers.read(_saved(tmp_path / "m.pt", content))
    assert recognize(container)[0] is module
    gates = {"mlstm": "ifou", "lstm": "ifuo"}[cell]
    assert module.candidates(container) == (gates,)
    checkpoint = module.read(container)
    assert made.same(checkpoint.weights, made.ours(parts, weight_norm))
    assert checkpoint.origin[:4] == (name, gates, np.dtype(dtype).name, 256)
    assert checkpoint.config["data"] == {"text_rule": rule}
    containers.write(tmp_path / "n.pt", module.write(checkpoint, name))
    back = containers.read(tmp_path / "n.pt")
    assert set(back.nesting) == set(container.nesting)
    wanted, found = made.flat(content), dict(back.arrays)
    if cell == "lstm":
        for side in ("bias_ih", "bias_hh"):
            (key,) = (n for n in found if n.endswith(side))
            del found[key], wanted[key]
    assert made.same(found, wanted)
    assert made.same(module.read(back).weights, checkpoint.weights)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_second_layer_is_refused_since_layers_add_up(tmp_path, name):
    module, build, _ = LAYOUTS[name]
    content = build(_parts("mlstm"))
    rnn = content.get("rnn", content)
    for key in [k for k in rnn if "layer" in k]:
        rnn[key.replace("layers.0", "layers.1").replace("_0", "_1")] = rnn[key]
    container = containers.read(_saved(tmp_path / "m.pt", content))
    with pytest.raises(CheckpointError, match="more than one layer"):
        module.read(container)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_missing_or_surplus_weight_is_named(tmp_path, name):
    module, build, _ = LAYOUTS[name]
    container = containers.read(_saved(tmp_path / "m.pt", build(_parts("mlstm"))))
    for missing in container.arrays:
        arrays = {n: a for n, a in container.arrays.items() if n != missing}
        short = containers.Container("torch", arrays, path=tmp_path)
        if module.recognize(short) is None:
            assert "embed" in missing
        elif not missing.endswith("h2o.weight"):
            with pytest.raises(CheckpointError, match=f"misses the weight '{missing}'"):
                module.read(short)
    more = container.arrays | {"rnn.h2o.scale": np.ones(3, "f4")}
    with pytest.raises(CheckpointError, match="without a place: .*h2o.scale"):
        module.read(containers.Container("torch", more, path=tmp_path))


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_model_of_two_layers_is_not_written(tmp_path, name):
    module, _, _ = LAYOUTS[name]
    content = made.nvidia(made.draw(layers=2), "ifou")
    two = nvidia.read(containers.read(_saved(tmp_path / "m.pt", content)), "ifou")
    with pytest.raises(ValueError, match="an untied mlstm or lstm of one layer, not"):
        module.write(two, name)


def test_weights_under_state_dict_are_found(tmp_path):
    parts = _parts("mlstm")
    path = _saved(tmp_path / "m.pt", {"state_dict": _nvidia(parts)})
    checkpoint = nvidia.read(containers.read(path))
    assert made.same(checkpoint.weights, made.ours(parts))


def test_anything_beside_the_weights_is_named(tmp_path):
    path = _saved(tmp_path / "m.pt", _nvidia(_parts("mlstm")) | {"epoch": 3})
    with pytest.raises(CheckpointError, match="holds 'epoch'"):
        nvidia.read(containers.read(path))


def test_the_options_of_guillitte_come_back(tmp_path):
    content = made.tensors(_guillitte(_parts("mlstm")))
    content |= {"opt": argparse.Namespace(rnn_size=5, cuda=False), "epoch": 4}
    torch.save(content, tmp_path / "m.pt")
    source = containers.read(tmp_path / "m.pt")
    back = guillitte.write(guillitte.read(source), "guillitte")
    containers.write(tmp_path / "n.pt", back)
    again = containers.read(tmp_path / "n.pt")
    assert (
        again.facts
        == source.facts
        == {
            "opt.rnn_size": 5,
            "opt.cuda": False,
            "epoch": 4,
        }
    )
    assert again.namespaces == ("opt",)
