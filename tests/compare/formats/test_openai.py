import numpy as np
import pytest

from compare import containers
from compare.formats import format_of, openai, recognize
from tests.compare.formats import parts as made
from tfsent.checkpoint import CheckpointError, expected_shapes
from tfsent.config import ModelConfig


def _folder(path, arrays):
    path.mkdir()
    for name, array in arrays.items():
        np.save(path / f"{name}.npy", array)
    return path


def _read(path):
    container = containers.read(path)
    module, _ = recognize(container)
    assert module is openai
    return openai.read(container)


def test_fifteen_arrays_become_the_model_they_are(tmp_path):
    parts = made.draw(one_bias=True)
    checkpoint = _read(_folder(tmp_path / "model", made.openai(parts)))
    assert made.same(checkpoint.weights, made.ours(parts, weight_norm=True))
    assert checkpoint.model == ModelConfig(hidden_size=5, embedding_size=3)
    assert checkpoint.weights.keys() == expected_shapes(checkpoint.model).keys()
    assert checkpoint.origin[:4] == ("openai", "ifou", "float32", 256)
    assert checkpoint.config["data"] == {"text_rule": "openai"}


def test_what_was_read_is_written_byte_for_byte(tmp_path):
    source = _folder(tmp_path / "a", made.openai(made.draw(one_bias=True)))
    containers.write(tmp_path / "b", openai.write(_read(source), "openai"))
    for n in range(15):
        name = f"{n}.npy"
        assert (tmp_path / "b" / name).read_bytes() == (source / name).read_bytes()
    assert len(list((tmp_path / "b").iterdir())) == 15


def test_headers_padded_as_before_numpy_1_14_come_back(tmp_path):
    source = _folder(tmp_path / "a", made.openai(made.draw(one_bias=True)))
    array = np.load(source / "8.npy")
    text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (20,), }"
    text += b" " * (-(10 + len(text) + 1) % 16) + b"\n"
    old = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    (source / "8.npy").write_bytes(old + array.tobytes())
    order = np.asfortranarray(np.load(source / "7.npy"))
    np.save(source / "7.npy", order)
    containers.write(tmp_path / "b", openai.write(_read(source), "openai"))
    for name in ("7.npy", "8.npy"):
        assert (tmp_path / "b" / name).read_bytes() == (source / name).read_bytes()


def test_half_precision_arrays_come_back_as_such(tmp_path):
    parts = made.draw(one_bias=True, dtype=np.float16)
    source = _folder(tmp_path / "a", made.openai(parts))
    checkpoint = _read(source)
    assert checkpoint.origin.dtype == "float16"
    assert made.same(checkpoint.weights, made.ours(parts, weight_norm=True))
    containers.write(tmp_path / "b", openai.write(checkpoint, "openai"))
    assert (tmp_path / "b/1.npy").read_bytes() == (source / "1.npy").read_bytes()


@pytest.mark.parametrize("number", range(15))
def test_a_missing_array_is_named(tmp_path, number):
    arrays = made.openai(made.draw(one_bias=True))
    del arrays[str(number)]
    container = containers.Container("npy-folder", arrays, path=tmp_path)
    with pytest.raises(CheckpointError, match=f"misses the weight '{number}'"):
        openai.read(container)


@pytest.mark.parametrize("number", range(15))
def test_an_array_of_a_wrong_shape_is_refused(tmp_path, number):
    arrays = made.openai(made.draw(one_bias=True))
    wrong = np.concatenate([arrays[str(number)]] * 2)
    container = containers.Container(
        "npy-folder", arrays | {str(number): wrong}, path=tmp_path
    )
    with pytest.raises(CheckpointError, match="has shape"):
        openai.read(container)


def test_an_array_too_many_is_named(tmp_path):
    arrays = made.openai(made.draw(one_bias=True)) | {"15": np.zeros(3, "f4")}
    container = containers.Container("npy-folder", arrays, path=tmp_path)
    with pytest.raises(CheckpointError, match="without a place: .*'15'"):
        openai.read(container)


def test_an_array_of_another_type_is_named(tmp_path):
    arrays = made.openai(made.draw(one_bias=True))
    wide = arrays | {"8": arrays["8"].astype("f8")}
    container = containers.Container("npy-folder", wide, path=tmp_path)
    with pytest.raises(CheckpointError, match="'8' has type float64"):
        openai.read(container)
    mixed = arrays | {"8": arrays["8"].astype("f2")}
    container = containers.Container("npy-folder", mixed, path=tmp_path)
    with pytest.raises(CheckpointError, match="mixes types: .*'8' float16"):
        openai.read(container)


@pytest.mark.parametrize(
    ("settings", "lacks"),
    [
        ({"cell": "lstm"}, "mlstm"),
        ({"layers": 2}, "one layer"),
        ({"weight_norm": False}, "weight normalisation"),
        ({"tied_embedding": True, "embedding_size": 5}, "output matrix"),
    ],
)
def test_a_model_that_it_cannot_hold_is_refused(tmp_path, settings, lacks):
    base = _read(_folder(tmp_path / "m", made.openai(made.draw(one_bias=True))))
    settings = {"hidden_size": 5, "embedding_size": 3} | settings
    other = base.__class__(ModelConfig(**settings), {}, True, base.origin)
    with pytest.raises(ValueError, match=lacks):
        openai.write(other, "openai")


def test_a_model_without_decoder_is_refused(tmp_path):
    base = _read(_folder(tmp_path / "m", made.openai(made.draw(one_bias=True))))
    other = base.__class__(base.model, base.weights, False, base.origin)
    with pytest.raises(ValueError, match="a decoder"):
        openai.write(other, "openai")


def test_the_format_is_found_by_name():
    assert format_of("openai") is openai
    with pytest.raises(ValueError, match="'open-ai' is not known; any of .*openai"):
        format_of("open-ai")
