import dataclasses

import numpy as np
import pytest
import torch

from compare import containers, formats
from compare.checkpoint import Origin
from compare.containers import Container
from compare.formats import twin
from compare.twin.gates import GATES
from compare.twin.language_model import ByteLanguageModel
from tests.compare.sample_models import (
    CELLS,
    KINDS,
    assert_same_arrays,
    assert_same_model,
    checkpoint_of,
    model_config,
)
from tfsent.checkpoint import CheckpointError


def write(checkpoint, path):
    content = twin.write(checkpoint, "twin", path.suffix)
    containers.write(path, content)
    return path


def read(path, gates=None):
    container = containers.read(path)
    module, _ = formats.recognize(container)
    assert module is twin
    return module.read(container, gates)


def by_hand(weights, model):
    """The twin's state dict, spelled out without the table."""
    found = {}
    for name, w in weights.items():
        *_, last = name.split("/")
        if last in ("wx", "wh", "b", "bh", "gx", "gh") and model.cell != "tanh":
            blocks = np.split(w, 3 if model.cell == "gru" else 4, axis=-1)
            order = (1, 0, 2) if model.cell == "gru" else (0, 1, 3, 2)
            w = np.concatenate([blocks[k] for k in order], axis=-1)
        dotted = name.replace("/", ".")
        layer = dotted.rpartition(".")[0]
        if last in ("gx", "gh", "gmx", "gmh"):
            found[f"{layer}.parametrizations.w{last[1:]}.original0"] = w[:, None]
        elif last.startswith("w") and len(last) < 4 and model.weight_norm:
            found[f"{layer}.parametrizations.{last}.original1"] = w.T
        elif name == "embedding/weight" or w.ndim == 1:
            found[dotted] = w
        else:
            found[dotted] = w.T
    return found


@pytest.mark.parametrize("cell", ["mlstm", "lstm", "gru", "tanh"])
@pytest.mark.parametrize("norm", [True, False])
def test_names_axes_and_gates_are_those_spelled_out(cell, norm):
    checkpoint = checkpoint_of(cell=cell, weight_norm=norm, layers=2)
    found = twin.to_twin(checkpoint.weights, checkpoint.model)
    assert_same_arrays(found, by_hand(checkpoint.weights, checkpoint.model))


def test_layout_lists_the_parameters_of_every_model():
    for kind in KINDS:
        model = model_config(**kind)
        for decoder in (True, False):
            made = ByteLanguageModel(model, decoder=decoder).named_parameters()
            shapes = {name: tuple(p.shape) for name, p in made}
            assert twin.LAYOUT.shapes(model, decoder) == shapes


def test_layout_names_gain_direction_and_axis():
    norms = twin.LAYOUT.norms(twin.LAYOUT.shapes(model_config(), True))
    assert len(norms) == 4
    head = "layers.0.parametrizations.wmh"
    assert (f"{head}.original0", f"{head}.original1", 1) in norms


def test_gate_order_is_that_of_the_twin():
    assert twin.GATES["mlstm"] == twin.GATES["lstm"] == "".join(GATES)


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_plain_state_dict_fits_the_twin_and_comes_back(tmp_path, suffix):
    for k, kind in enumerate(KINDS):
        checkpoint = checkpoint_of(**kind)
        path = write(checkpoint, tmp_path / f"{k}{suffix}")
        arrays = containers.read(path).arrays
        tensors = {n: torch.from_numpy(a) for n, a in arrays.items()}
        ByteLanguageModel(checkpoint.model).load_state_dict(tensors)
        gates = kind["cell"] if kind["cell"] in ("tanh", "relu") else None
        assert_same_model(read(path, gates), checkpoint)


def test_state_dict_of_the_twin_itself_is_read(tmp_path):
    model = ByteLanguageModel(model_config(cell="gru", layers=2), seed=3)
    torch.save(model.state_dict(), tmp_path / "m.pt")
    found = read(tmp_path / "m.pt")
    assert found.model == model.config
    expected = {n: p.detach().numpy() for n, p in model.named_parameters()}
    assert_same_arrays(twin.to_twin(found.weights, found.model), expected)


def test_header_of_safetensors_keeps_settings_and_origin(tmp_path):
    checkpoint = checkpoint_of(dropout=0.25, cell="relu")
    config = checkpoint.config | {"data": {"text_rule": "nvidia"}}
    origin = Origin("nvidia-2018-12", "", "float16", 256, {"nesting": ["encoder"]})
    checkpoint = dataclasses.replace(checkpoint, config=config, origin=origin)
    found = read(write(checkpoint, tmp_path / "m.safetensors"))
    assert_same_model(found, checkpoint)
    assert found.config["data"] == {"text_rule": "nvidia"}
    assert found.origin == origin


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_model_without_decoder_stays_without(tmp_path, suffix):
    whole = checkpoint_of()
    weights = {n: w for n, w in whole.weights.items() if not n.startswith("output")}
    checkpoint = dataclasses.replace(whole, weights=weights, decoder=False)
    assert_same_model(read(write(checkpoint, tmp_path / f"m{suffix}")), checkpoint)


def test_tied_output_that_is_not_the_embedding_is_refused(tmp_path):
    checkpoint = checkpoint_of(tied_embedding=True)
    content = twin.write(checkpoint, "twin", ".safetensors")
    arrays = dict(content.arrays)
    arrays["output.weight"] = arrays["output.weight"] + 1
    with pytest.raises(CheckpointError, match="'output.weight' is not 'embedding"):
        twin.read(Container("safetensors", arrays, content.facts))
    # Without settings it is another model, whose matrices happen to be as wide.
    assert not twin.read(Container("torch", arrays)).model.tied_embedding


def test_cell_of_one_block_must_be_told(tmp_path):
    path = write(checkpoint_of(cell="tanh"), tmp_path / "m.pt")
    assert twin.candidates(containers.read(path)) == ("tanh", "relu")
    with pytest.raises(CheckpointError, match="--gates tanh or --gates relu"):
        read(path)


def test_run_folder_comes_back_with_state_and_extras(tmp_path):
    extras = {
        "padding/output/bias": np.array(0.5, "f2"),
        "classifier/neurons": np.array([3, 5]),
    }
    for k, kind in enumerate(KINDS):
        checkpoint = dataclasses.replace(
            checkpoint_of(k, training=True, scaled=k % 2 == 0, **kind), extras=extras
        )
        found = read(write(checkpoint, tmp_path / str(k)))
        assert_same_model(found, checkpoint)
        assert_same_arrays(found.training.arrays, checkpoint.training.arrays)
        assert found.training.progress == checkpoint.training.progress
        assert found.config == checkpoint.config
        assert found.origin == checkpoint.origin


def test_candidates_are_one_order_a_cell(tmp_path):
    expected = ("ifuo", "ifuo", "rzn", "", "")
    for cell, order in zip(CELLS, expected, strict=True):
        path = write(checkpoint_of(cell=cell), tmp_path / cell)
        assert twin.candidates(containers.read(path)) == (order,)


def test_order_that_the_user_tells_is_obeyed(tmp_path):
    path = write(checkpoint_of(), tmp_path / "m.pt")
    plain, told = read(path), read(path, "ifou")
    before, after = (c.weights["layers/0/b"] for c in (plain, told))
    i, f, o, u = np.split(before, 4)
    np.testing.assert_array_equal(after, np.concatenate([i, f, u, o]))
    assert told.origin.gates == "ifou"


def test_arrays_beside_the_model_have_no_place_in_a_file():
    extras = {"padding/output/bias": np.zeros((), "f2")}
    checkpoint = dataclasses.replace(checkpoint_of(), extras=extras)
    with pytest.raises(ValueError, match=r"\.pt file has no place for padding"):
        twin.write(checkpoint, "twin", ".pt")


def change(arrays, name, value):
    return {n: a for n, a in arrays.items() if n != name} | (
        {} if value is None else {name: value}
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("layers.0.b", None, "misses the weight 'layers.0.b'"),
        ("layers.0.b", np.zeros(27, "f4"), r"'layers.0.b' has shape \(27,\)"),
        ("layers.0.b", np.zeros(28, "i4"), "'layers.0.b' has type int32"),
        ("layers.0.c", np.zeros(28, "f4"), "without a place: .*layers.0.c"),
        ("layers.0.parametrizations.wh.original1", np.zeros(28, "f4"), "no matrix"),
        ("embedding.weight", np.zeros((200, 3), "f4"), r"'embedding.weight' has shape"),
    ],
)
def test_what_is_no_such_model_is_refused(name, value, message):
    content = twin.write(checkpoint_of(), "twin", ".pt")
    arrays = change(content.arrays, name, value)
    with pytest.raises(CheckpointError, match=message):
        twin.read(Container("torch", arrays))


def test_strange_facts_are_refused():
    content = twin.write(checkpoint_of(), "twin", ".pt")
    with pytest.raises(CheckpointError, match="holds 'optimizer'"):
        twin.read(Container("torch", content.arrays, {"optimizer": 3}))
    config = twin.write(checkpoint_of(), "twin", ".safetensors").facts["config"]
    for facts, message in (
        ({"format": "x"}, "no facts of an origin"),
        (3, "no facts of an origin"),
    ):
        broken = {"config": config | {"converted": facts}}
        with pytest.raises(CheckpointError, match=message):
            twin.read(Container("safetensors", content.arrays, broken))
