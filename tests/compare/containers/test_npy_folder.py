import os
import pickle

import numpy as np
import pytest

from compare import containers
from compare.containers import Container
from tests.compare.containers import hostile
from tfsent.checkpoint import CheckpointError


def _folder(path, **arrays):
    path.mkdir()
    for name, array in arrays.items():
        np.save(path / f"{name[1:]}.npy", array, allow_pickle=True)
    return path


def test_arrays_are_named_by_their_files(tmp_path):
    folder = _folder(tmp_path / "m", _0=np.eye(3, dtype="f4"), _14=np.arange(3))
    (folder / "README").write_text("not an array")
    found = containers.read(folder)
    assert found.kind == "npy-folder"
    assert found.arrays.keys() == {"0", "14"}
    assert np.array_equal(found.arrays["0"], np.eye(3))


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2", "<f8", "<i8", "|b1"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 3, 4)])
def test_files_come_back_byte_for_byte(tmp_path, dtype, order, shape):
    size = int(np.prod(shape))
    array = np.array(np.arange(size).reshape(shape).astype(dtype), order=order)
    folder = _folder(tmp_path / "m", _0=array)
    found = containers.read(folder)
    assert np.array_equal(found.arrays["0"], array)
    containers.write(tmp_path / "n", found)
    assert (tmp_path / "n/0.npy").read_bytes() == (folder / "0.npy").read_bytes()


def test_a_header_that_no_longer_fits_is_made_anew(tmp_path):
    found = containers.read(_folder(tmp_path / "m", _0=np.zeros(3, "f4")))
    found.arrays["0"] = np.ones((2, 2), "f4")
    containers.write(tmp_path / "n", found)
    assert np.array_equal(np.load(tmp_path / "n/0.npy"), np.ones((2, 2)))


def test_object_arrays_are_not_unpickled(tmp_path):
    trace = tmp_path / "trace"
    array = np.array([hostile.Call(*hostile.touch(trace))], dtype=object)
    folder = _folder(tmp_path / "m", _0=array)
    with pytest.raises(CheckpointError, match="0.npy: '0.npy' has type object"):
        containers.read(folder)
    assert not trace.exists()


def test_a_pickle_instead_of_an_array_is_not_run(tmp_path):
    trace = tmp_path / "trace"
    folder = _folder(tmp_path / "m")
    data = pickle.dumps(hostile.Call(*hostile.touch(trace)))
    (folder / "0.npy").write_bytes(data)
    with pytest.raises(CheckpointError, match="is no .npy"):
        containers.read(folder)
    assert not trace.exists()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused(tmp_path, value):
    folder = _folder(tmp_path / "m", _0=np.zeros(3), _3=np.array([0, value]))
    with pytest.raises(CheckpointError, match="'3.npy' holds NaN or infinity"):
        containers.read(folder)


def test_a_header_that_promises_more_than_the_file_holds_takes_no_memory(tmp_path):
    folder = _folder(tmp_path / "m", _0=np.zeros(3, "f4"))
    data = (folder / "0.npy").read_bytes()
    lie = data.replace(b"(3,)", b"(2000000000000,)")[:128]
    (folder / "0.npy").write_bytes(lie + data[128:])
    with pytest.raises(CheckpointError, match="has shape .*bytes, but holds"):
        containers.read(folder)


@pytest.mark.parametrize("shape", [b"(-3,)", b"(3.0,)", b"('3',)", b"(True,)", b"[3]"])
def test_shapes_that_are_none_are_refused(tmp_path, shape):
    folder = _folder(tmp_path / "m", _0=np.zeros(3, "f4"))
    data = (folder / "0.npy").read_bytes()
    (folder / "0.npy").write_bytes(data.replace(b"(3,)", shape.ljust(4)))
    with pytest.raises(CheckpointError, match="0.npy"):
        containers.read(folder)


def test_a_header_is_data_and_no_expression(tmp_path):
    folder = _folder(tmp_path / "m", _0=np.zeros(3, "f4"))
    trace = tmp_path / "trace"
    text = f"{{'descr': open({str(trace)!r}, 'w')}}".encode()
    head = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    (folder / "0.npy").write_bytes(head)
    with pytest.raises(CheckpointError, match="no sound .npy header"):
        containers.read(folder)
    assert not trace.exists()


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    folder = _folder(tmp_path / "m", _0=np.arange(6.0))
    data = (folder / "0.npy").read_bytes()
    for end in range(len(data)):
        (folder / "0.npy").write_bytes(data[:end])
        with pytest.raises(CheckpointError, match="0.npy"):
            containers.read(folder)
    (folder / "0.npy").write_bytes(data + b"\0")
    with pytest.raises(CheckpointError, match="but holds 49"):
        containers.read(folder)


def test_damage_is_refused_or_reads_as_numbers(tmp_path):
    folder = _folder(tmp_path / "m", _0=np.arange(6.0))
    data = (folder / "0.npy").read_bytes()
    refused = 0
    for place in range(128):
        for bit in (0, 3, 6):
            broken = bytearray(data)
            broken[place] ^= 1 << bit
            (folder / "0.npy").write_bytes(broken)
            try:
                containers.read(folder)
            except CheckpointError:
                refused += 1
    assert refused > 200


def test_a_link_among_the_files_is_refused(tmp_path):
    _folder(tmp_path / "a", _0=np.zeros(3))
    folder = _folder(tmp_path / "b")
    (folder / "0.npy").symlink_to(tmp_path / "a/0.npy")
    with pytest.raises(CheckpointError, match="is a link"):
        containers.read(folder)


def test_a_folder_that_is_there_is_not_overwritten(tmp_path):
    container = Container("npy-folder", {"0": np.zeros(3, "f4")})
    containers.write(tmp_path / "m", container)
    with pytest.raises(CheckpointError, match="exists; name a folder"):
        containers.write(tmp_path / "m", container)
    assert os.listdir(tmp_path) == ["m"]


def test_a_failed_write_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    container = Container("npy-folder", {"0": np.zeros(3, "f4")})
    with pytest.raises(OSError, match="No space left"):
        containers.write(tmp_path / "m", container)
    assert os.listdir(tmp_path) == []
