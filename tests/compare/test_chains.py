"""The whole way round, file to file: what comes back is what went in, bit for bit."""

import numpy as np
import pytest
import torch

from compare.convert import convert
from tests.compare.formats.parts import draw, nvidia, openai, tensors
from tfsent.checkpoint import load_weights, save_weights


def stored(value, name=""):
    """Return flat name -> array of a nested dictionary of tensors."""
    if isinstance(value, dict):
        found = {}
        for key, inner in value.items():
            found |= stored(inner, f"{name}.{key}")
        return found
    return {name: value}


def assert_comes_back(found, expected):
    """Every array has its type and bits; two biases may come back as one, summed."""
    found, expected = stored(found), stored(expected)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        if name.endswith("b_ih"):
            other = name.replace("b_ih", "b_hh")
            sums = [
                each[name].float() + each[other].float() for each in (found, expected)
            ]
            assert torch.equal(*sums), name
        elif not name.endswith("b_hh"):
            assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize("weight_norm", [True, False], ids=["v and g", "merged"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16], ids=["float32", "float16"])
@pytest.mark.parametrize(
    ("name", "order", "symbols", "decoder"),
    [
        ("nvidia-2018-03", "ifou", 256, True),
        ("nvidia-2018-08", "ifuo", 256, True),
        ("nvidia-2018-12", "ifuo", 257, True),
        ("nvidia-2018-12", "ifuo", 257, False),
    ],
)
def test_nvidia_to_twin_to_keras_to_nvidia(
    name, order, symbols, decoder, dtype, weight_norm, tmp_path
):
    parts = draw(layers=2, symbols=symbols, dtype=dtype)
    content = tensors(nvidia(parts, order, weight_norm, decoder))
    torch.save(content, tmp_path / "in.pt")
    convert(tmp_path / "in.pt", tmp_path / "twin", "twin", gates=order)
    convert(tmp_path / "twin", tmp_path / "keras", "keras")
    convert(tmp_path / "keras", tmp_path / "out.pt", name)
    assert_comes_back(torch.load(tmp_path / "out.pt", weights_only=True), content)
    weights, config = load_weights(tmp_path / "keras")
    assert config["model"]["weight_norm"] is weight_norm
    assert any(key.endswith("/gh") for key in weights) is weight_norm


def test_openai_to_keras_to_openai(tmp_path):
    (tmp_path / "in").mkdir()
    for name, array in openai(draw()).items():
        np.save(tmp_path / "in" / f"{name}.npy", array)
    convert(tmp_path / "in", tmp_path / "keras", "keras")
    convert(tmp_path / "keras", tmp_path / "out", "openai")
    for k in range(15):
        before, after = (tmp_path / side / f"{k}.npy" for side in ("in", "out"))
        assert before.read_bytes() == after.read_bytes(), k


@pytest.mark.parametrize("middle", ["twin", "twin.pt", "twin.safetensors"])
def test_keras_to_twin_to_keras(middle, tmp_path):
    for name, array in openai(draw(inputs=4)).items():
        (tmp_path / "in").mkdir(exist_ok=True)
        np.save(tmp_path / "in" / f"{name}.npy", array)
    convert(tmp_path / "in", tmp_path / "from", "keras")
    weights, config = load_weights(tmp_path / "from")
    save_weights(tmp_path / "keras", weights, config)
    convert(tmp_path / "keras", tmp_path / middle, "twin")
    convert(tmp_path / middle, tmp_path / "back", "keras")
    found, _ = load_weights(tmp_path / "back")
    assert found.keys() == weights.keys()
    for name, array in weights.items():
        assert found[name].tobytes() == array.tobytes(), name
