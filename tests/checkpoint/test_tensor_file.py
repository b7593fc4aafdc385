import json
import struct

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from tests.checkpoint.small_model import assert_same, small_state
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.snapshot import open_together
from tfsent.checkpoint.tensor_file import (
    MAX_HEADER_BYTES,
    STATE_DTYPES,
    WEIGHT_DTYPES,
    read_header,
    read_tensors,
    tensor_chunks,
)

NAME = "some.safetensors"
F32 = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def write(folder, arrays, dtypes=STATE_DTYPES, metadata=None):
    path = folder / NAME
    chunks = tensor_chunks(arrays, metadata or {}, dtypes, path)
    path.write_bytes(b"".join(bytes(chunk) for chunk in chunks))
    return path


def read(folder, dtypes=STATE_DTYPES):
    with open_together(folder, [NAME]) as files:
        return read_tensors(files[NAME], read_header(files[NAME], dtypes))


def raw(folder, header, data=b"\0" * 8, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    length = len(text) if length is None else length
    (folder / NAME).write_bytes(struct.pack("<Q", length) + text + data)


def test_every_type_and_shape_comes_back_bit_for_bit(tmp_path):
    arrays = {
        f"{kind}/{shape}": np.arange(np.prod(shape, dtype=int)).reshape(shape)
        for kind in range(3)
        for shape in [(), (0,), (3,), (2, 5), (4, 0, 2)]
    }
    dtypes = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?"]
    arrays = {
        f"{name}/{dtype}": array.astype(dtype)
        for name, array in arrays.items()
        for dtype in dtypes
    }
    write(tmp_path, arrays)
    assert_same(read(tmp_path), arrays)


def test_arrays_larger_than_a_portion_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr("tfsent.checkpoint.tensor_file.CHUNK_BYTES", 24)
    monkeypatch.setattr("tfsent.checkpoint.snapshot.CHUNK_BYTES", 7)
    write(tmp_path, small_state())
    assert_same(read(tmp_path), small_state())


def test_strided_and_big_endian_arrays_come_back_with_their_values(tmp_path):
    array = np.arange(12.0).reshape(3, 4)
    write(tmp_path, {"t": array.T, "s": array[:, ::2], "b": array.astype(">f8")})
    found = read(tmp_path)
    np.testing.assert_array_equal(found["t"], array.T)
    np.testing.assert_array_equal(found["s"], array[:, ::2])
    np.testing.assert_array_equal(found["b"], array)


def test_the_library_reads_what_is_written_here(tmp_path):
    path = write(tmp_path, small_state(), metadata={"format": "x"})
    assert_same(safetensors.numpy.load_file(path), small_state())
    with safetensors.safe_open(path, "numpy") as file:
        assert file.metadata() == {"format": "x"}


def test_what_the_library_writes_is_read_here(tmp_path):
    state = {name: np.asarray(array) for name, array in small_state().items()}
    safetensors.numpy.save_file(state, tmp_path / NAME, {"a": "b"})
    assert_same(read(tmp_path), state)


def test_every_finite_bfloat16_is_read_as_the_float32_it_is(tmp_path):
    bits = np.arange(2**16, dtype=np.uint16).view(ml_dtypes.bfloat16)
    finite = bits[np.isfinite(bits.astype("f4"))]
    write(tmp_path, {"w": finite}, WEIGHT_DTYPES)
    assert_same(read(tmp_path, WEIGHT_DTYPES), {"w": finite.astype("f4")})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ml_dtypes.bfloat16])
def test_nan_and_infinity_are_neither_written_nor_read(tmp_path, dtype, value):
    dtypes = (*STATE_DTYPES, "BF16")
    array = np.zeros((3, 5), dtype)
    path = write(tmp_path, {"w": array}, dtypes)
    array[1, 2] = value
    data = path.read_bytes()
    path.write_bytes(data[: -array.nbytes] + array.tobytes())
    with pytest.raises(CheckpointError, match="'w' holds NaN or infinity"):
        read(tmp_path, dtypes)
    with pytest.raises(CheckpointError, match="'w' holds NaN or infinity"):
        write(tmp_path, {"w": array}, dtypes)


@pytest.mark.parametrize("dtype", ["c8", "U3", "O", "M8[s]", ml_dtypes.bfloat16])
def test_types_that_would_not_come_back_are_refused(tmp_path, dtype):
    with pytest.raises(CheckpointError, match="'w' has type"):
        write(tmp_path, {"w": np.zeros(2, dtype)})


HOSTILE = {
    "empty file": b"",
    "seven bytes": b"\x02" * 7,
    "no header": struct.pack("<Q", 0),
    "huge length": (json.dumps({}).encode(), 2**63 - 1),
    "all ones": (b"{}", 2**64 - 1),
    "length past the end": (b"{}", 11),
    "over the limit": (json.dumps({"a": F32}).encode() + b" " * MAX_HEADER_BYTES, None),
    "no json": (b"{,}", None),
    "no utf-8": (b'{"\xff": 1}', None),
    "a list": (b"[]", None),
    "deep list": (b'{"a":' + b"[" * 10**6 + b"]" * 10**6 + b"}", None),
    "deep object": (b'{"a":' * 10**5 + b"1" + b"}" * 10**5, None),
    "a million digits": (b'{"a":' + b"9" * 10**6 + b"}", None),
    "name twice": (
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        None,
    ),
    "field twice": (
        b'{"a":{"dtype":"F16","dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        None,
    ),
    "many names": (
        b"{" + b",".join(b'"%d":0' % n for n in range(300_000)) + b"}",
        None,
    ),
    "overlap": {"a": F32, "b": F32},
    "gap": {"a": F32 | {"shape": [1], "data_offsets": [4, 8]}},
    "tail unused": {"a": F32 | {"shape": [1], "data_offsets": [0, 4]}},
    "past the end": {"a": F32 | {"shape": [4], "data_offsets": [0, 16]}},
    "negative offset": {"a": F32 | {"data_offsets": [-8, 0]}},
    "swapped offsets": {"a": F32 | {"data_offsets": [8, 0]}},
    "three offsets": {"a": F32 | {"data_offsets": [0, 4, 8]}},
    "no offsets": {"a": {"dtype": "F32", "shape": [2]}},
    "more than asked": {"a": F32 | {"more": 1}},
    "negative shape": {"a": F32 | {"shape": [-1, -2]}},
    "shape of bools": {"a": F32 | {"shape": [True, 2]}},
    "shape of floats": {"a": F32 | {"shape": [2.0]}},
    "shape NaN": {"a": F32 | {"shape": [float("nan")]}},
    "shape too large": {"a": F32 | {"shape": [2**62, 4]}},
    "empty but large": {
        "a": F32,
        "b": F32 | {"shape": [0, 2**62, 2**62], "data_offsets": [8, 8]},
    },
    "many axes": {"a": F32 | {"shape": [1] * 64 + [2]}},
    "shape unlike offsets": {"a": F32 | {"shape": [3]}},
    "shape a text": {"a": F32 | {"shape": "2"}},
    "unknown type": {"a": F32 | {"dtype": "F128"}},
    "type a list": {"a": F32 | {"dtype": ["F32"]}},
    "entry a number": {"a": 1},
    "metadata a number": {"__metadata__": 1, "a": F32},
    "metadata of numbers": {"__metadata__": {"format": 1}, "a": F32},
    "terminal codes": {"\x1b[2J\ud800": F32 | {"dtype": "\x1b[2J"}},
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_header_is_refused_with_the_path(tmp_path, kind):
    hostile = HOSTILE[kind]
    if isinstance(hostile, bytes):
        (tmp_path / NAME).write_bytes(hostile)
    elif isinstance(hostile, tuple):
        raw(tmp_path, hostile[0], length=hostile[1])
    else:
        raw(tmp_path, hostile)
    with pytest.raises(CheckpointError) as caught:
        read(tmp_path)
    message = str(caught.value)
    assert message.startswith(str(tmp_path / NAME))
    assert len(message) < len(str(tmp_path)) + 300
    assert message.isprintable()


def test_sound_header_written_by_hand_is_read(tmp_path):
    raw(tmp_path, {"a": F32})
    assert_same(read(tmp_path), {"a": np.zeros(2, "f4")})
