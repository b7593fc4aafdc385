"""Files of NVIDIA, written by torch.save as its code nests them."""

import argparse

import ml_dtypes
import numpy as np
import pytest
import torch

from compare import containers
from compare.formats import nvidia, recognize
from compare.formats.nvidia_tables import VARIANTS
from tests.compare.formats import parts as made
from tfsent.checkpoint import CheckpointError, expected_shapes

LANGUAGE_MODELS = ("nvidia-2018-03", "nvidia-2018-08", "nvidia-2018-12")
ORDER = {"mlstm": "ifuo", "lstm": "ifuo", "gru": "rzn", "tanh": "x", "relu": "x"}


def _saved(path, content):
    torch.save(made.tensors(content), path)
    return path


def _read(path, gates=None):
    container = containers.read(path)
    module, _ = recognize(container)
    assert module is nvidia
    return nvidia.read(container, gates)


def _again(checkpoint, name, path):
    containers.write(path, nvidia.write(checkpoint, name))
    return containers.read(path)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("weight_norm", [False, True])
@pytest.mark.parametrize("order", ["ifou", "ifuo"])
def test_an_mlstm_becomes_the_model_it_is(tmp_path, order, weight_norm, dtype):
    parts = made.draw(dtype=dtype, layers=2)
    path = _saved(tmp_path / "m.pt", made.nvidia(parts, order, weight_norm))
    checkpoint = _read(path, order)
    assert made.same(checkpoint.weights, made.ours(parts, weight_norm))
    shapes = expected_shapes(checkpoint.model)
    assert {n: a.shape for n, a in checkpoint.weights.items()} == shapes
    era = {"ifou": "nvidia-2018-03", "ifuo": "nvidia-2018-08"}[order]
    assert checkpoint.origin[:4] == (era, order, np.dtype(dtype).name, 256)
    assert checkpoint.config["data"] == {"text_rule": "nvidia"}
    assert checkpoint.decoder
    assert checkpoint.extras == {}


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("weight_norm", [False, True])
def test_other_cells_have_the_rows_of_pytorch(tmp_path, cell, weight_norm):
    parts = made.draw(cell, layers=2)
    path = _saved(tmp_path / "m.pt", made.nvidia(parts, ORDER[cell], weight_norm))
    checkpoint = _read(path)
    assert checkpoint.model.cell == cell
    assert checkpoint.origin.gates == ORDER[cell]
    assert made.same(checkpoint.weights, made.ours(parts, weight_norm))
    assert nvidia.candidates(containers.read(path)) == (ORDER[cell],)


@pytest.mark.parametrize("cell", ["tanh", "relu"])
def test_a_cell_of_one_block_must_be_told(tmp_path, cell):
    parts = made.draw(cell)
    path = _saved(tmp_path / "m.pt", made.nvidia(parts, "x"))
    assert nvidia.candidates(containers.read(path)) == ("tanh", "relu")
    with pytest.raises(CheckpointError, match="may be tanh or relu, which look alike"):
        _read(path)
    checkpoint = _read(path, cell)
    assert checkpoint.model.cell == cell
    assert checkpoint.origin.gates == ""
    assert made.same(checkpoint.weights, made.ours(parts))


def test_the_gates_of_an_mlstm_must_be_told(tmp_path):
    path = _saved(tmp_path / "m.pt", made.nvidia(made.draw(), "ifou"))
    assert nvidia.candidates(containers.read(path)) == ("ifuo", "ifou")
    with pytest.raises(CheckpointError, match="order ifuo or ifou; shapes do not tell"):
        _read(path)


@pytest.mark.parametrize("name", [n for n in VARIANTS if "2018-12" in n])
def test_files_younger_than_the_newer_order_need_not_be_told(tmp_path, name):
    container, gates = made.container(name, tmp_path)
    assert nvidia.candidates(container) == (gates,) == ("ifuo",)
    found = nvidia.read(container)
    assert found.origin[:2] == (name, "ifuo")
    assert made.same(found.weights, made.ours(made.draw(symbols=257)))
    # Whoever knows better may say so.
    assert nvidia.read(container, "ifou").origin.gates == "ifou"


def test_gates_of_another_cell_are_refused(tmp_path):
    path = _saved(tmp_path / "m.pt", made.nvidia(made.draw(), "ifou"))
    with pytest.raises(CheckpointError, match="gates 'zrn' are no order of i f o u"):
        _read(path, "zrn")


def test_swapped_rows_read_without_complaint_as_other_weights(tmp_path):
    # Shapes do not tell: who decides must look at the numbers.
    parts = made.draw()
    path = _saved(tmp_path / "m.pt", made.nvidia(parts, "ifou"))
    assert not made.same(_read(path, "ifuo").weights, made.ours(parts))


@pytest.mark.parametrize("symbols", [256, 257])
@pytest.mark.parametrize("decoder", [True, False])
def test_the_padding_row_is_kept_beside_the_model(tmp_path, symbols, decoder):
    parts = made.draw(symbols=symbols, dtype=np.float16)
    content = made.nvidia(parts, "ifuo", decoder=decoder)
    checkpoint = _read(_saved(tmp_path / "m.pt", content), "ifuo")
    assert checkpoint.decoder == decoder
    assert checkpoint.origin.symbols == symbols
    assert made.same(checkpoint.weights, made.ours(parts, decoder=decoder))
    rows = {"padding/embedding/weight": parts.embedding[0]}
    if decoder:
        rows["padding/output/weight"] = parts.output[0]
        rows["padding/output/bias"] = np.asarray(parts.bias[0])
    assert made.same(checkpoint.extras, rows if symbols == 257 else {})
    name = "nvidia-2018-12" if symbols == 257 else "nvidia-2018-08"
    assert checkpoint.origin.format == name


@pytest.mark.parametrize("name", LANGUAGE_MODELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float16, ml_dtypes.bfloat16])
@pytest.mark.parametrize("cell", ["mlstm", "lstm", "gru", "tanh"])
def test_a_language_model_comes_back_bit_for_bit(tmp_path, cell, dtype, name):
    symbols = 257 if name == "nvidia-2018-12" else 256
    parts = made.draw(cell, dtype=dtype, layers=2, symbols=symbols)
    order = "ifou" if (cell, name) == ("mlstm", "nvidia-2018-03") else ORDER[cell]
    gates = {"mlstm": order, "tanh": "tanh"}.get(cell)
    content = made.nvidia(parts, order, weight_norm=True)
    source = containers.read(_saved(tmp_path / "m.pt", content))
    checkpoint = nvidia.read(source, gates)
    back = _again(checkpoint, name, tmp_path / "n.pt")
    first, second = made.flat(content), dict(back.arrays)
    assert first.keys() == second.keys()
    assert set(source.nesting) == set(back.nesting)
    if cell != "gru":
        # Two biases are one here: what comes back is their sum, and a zero.
        for k in range(2):
            names = [f"encoder.rnn.rnns.{k}.b_{side}h" for side in "ih"]
            a, b = (sum(x[n].astype("f4") for n in names) for x in (first, second))
            assert a.tobytes() == b.tobytes()
            for biases in names:
                assert second[biases].dtype == dtype
                del first[biases], second[biases]
    assert made.same(first, second)
    once_more = nvidia.read(back, gates)
    assert made.same(once_more.weights, checkpoint.weights)
    assert made.same(once_more.extras, checkpoint.extras)
    assert once_more.origin.facts == checkpoint.origin.facts


def test_versions_differ_in_nothing_but_the_order_of_rows(tmp_path):
    parts = made.draw()
    content = made.nvidia(parts, "ifuo")
    checkpoint = _read(_saved(tmp_path / "m.pt", content), "ifuo")
    old = _again(checkpoint, "nvidia-2018-03", tmp_path / "old.pt").arrays
    wanted = made.flat(made.nvidia(parts, "ifou"))
    for name in ("encoder.rnn.rnns.0.w_ih", "encoder.rnn.rnns.0.w_hh"):
        assert old[name].tobytes() == np.ascontiguousarray(wanted[name]).tobytes()
        assert not np.array_equal(old[name], made.flat(content)[name])


def test_a_model_of_256_symbols_gets_no_padding_row(tmp_path):
    checkpoint = _read(
        _saved(tmp_path / "m.pt", made.nvidia(made.draw(), "ifuo")), "ifuo"
    )
    back = _again(checkpoint, "nvidia-2018-12", tmp_path / "n.pt")
    assert back.arrays["encoder.encoder.weight"].shape == (256, 3)


def test_versions_before_the_padding_symbol_get_none(tmp_path):
    content = made.nvidia(made.draw(symbols=257), "ifuo")
    checkpoint = _read(_saved(tmp_path / "m.pt", content), "ifuo")
    back = _again(checkpoint, "nvidia-2018-03", tmp_path / "n.pt")
    assert back.arrays["decoder.weight"].shape == (256, 5)


def test_a_lost_padding_row_is_refused(tmp_path):
    content = made.nvidia(made.draw(symbols=257), "ifuo")
    checkpoint = _read(_saved(tmp_path / "m.pt", content), "ifuo")
    checkpoint.extras.clear()
    with pytest.raises(ValueError, match="padding/embedding/weight is missing"):
        nvidia.write(checkpoint, "nvidia-2018-12")


@pytest.mark.parametrize("symbols", [256, 257])
def test_a_tied_output_is_found_and_written_again(tmp_path, symbols):
    parts = made.draw(hidden=5, inputs=5, symbols=symbols)
    parts = parts._replace(output=parts.embedding)
    content = made.nvidia(parts, "ifuo")
    checkpoint = _read(_saved(tmp_path / "m.pt", content), "ifuo")
    assert checkpoint.model.tied_embedding
    assert "output/weight" not in checkpoint.weights
    shapes = expected_shapes(checkpoint.model)
    assert {n: a.shape for n, a in checkpoint.weights.items()} == shapes
    back = _again(checkpoint, checkpoint.origin.format, tmp_path / "n.pt").arrays
    for name in ("encoder.encoder.weight", "decoder.weight", "decoder.bias"):
        assert back[name].tobytes() == made.flat(content)[name].tobytes()


def test_equal_widths_do_not_make_a_tied_output(tmp_path):
    content = made.nvidia(made.draw(hidden=5, inputs=5), "ifuo")
    checkpoint = _read(_saved(tmp_path / "m.pt", content), "ifuo")
    assert not checkpoint.model.tied_embedding


def test_the_settings_of_a_run_tell_relu_from_tanh(tmp_path):
    parts = made.draw("relu")
    sd = {"lm_encoder": made.nvidia(parts, "x", decoder=False)}
    sd["classifier"] = {"weight": np.ones((1, 5), "f4"), "bias": np.ones(1, "f4")}
    content = made.tensors({"sd": sd}) | {"args": argparse.Namespace(model="ReLU")}
    torch.save(content, tmp_path / "m.clf")
    assert nvidia.candidates(containers.read(tmp_path / "m.clf")) == ("relu",)
    assert _read(tmp_path / "m.clf").model.cell == "relu"
