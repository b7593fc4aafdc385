import os
import zipfile

import numpy as np
import pytest

from compare import containers
from compare.containers import Container
from tests.compare.containers import hostile
from tfsent.checkpoint import CheckpointError

ARRAYS = {"Wemb": np.arange(6, dtype="f4").reshape(2, 3), "b": np.arange(2.0)}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_are_read_plain_and_compressed(tmp_path, save):
    save(tmp_path / "m.npz", **ARRAYS, order=np.asfortranarray(ARRAYS["Wemb"]))
    found = containers.read(tmp_path / "m.npz")
    assert found.kind == "npz"
    assert np.array_equal(found.arrays.pop("order"), ARRAYS["Wemb"])
    for name, array in ARRAYS.items():
        assert found.arrays[name].dtype == array.dtype
        assert np.array_equal(found.arrays[name], array)


def test_what_is_written_numpy_reads(tmp_path):
    containers.write(tmp_path / "m.npz", Container("npz", dict(ARRAYS)))
    with np.load(tmp_path / "m.npz", allow_pickle=False) as found:
        assert set(found) == set(ARRAYS)
        assert all(np.array_equal(found[name], ARRAYS[name]) for name in ARRAYS)
    again = containers.read(tmp_path / "m.npz")
    assert all(np.array_equal(again.arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert os.listdir(tmp_path) == ["m.npz"]


def test_equal_arrays_make_equal_files(tmp_path):
    for name in ("a.npz", "b.npz"):
        containers.write(tmp_path / name, Container("npz", dict(ARRAYS)))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_object_arrays_are_not_unpickled(tmp_path):
    trace = tmp_path / "trace"
    array = np.array([hostile.Call(*hostile.touch(trace))], dtype=object)
    np.savez(tmp_path / "m.npz", w=array)
    with pytest.raises(CheckpointError, match="'w' has type object"):
        containers.read(tmp_path / "m.npz")
    assert not trace.exists()


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "m.npz", w=np.zeros(2**23))
    assert (tmp_path / "m.npz").stat().st_size < 100_000
    with pytest.raises(CheckpointError, match="unpacks to 67108"):
        containers.read(tmp_path / "m.npz")


def test_a_member_longer_than_it_says_is_refused(tmp_path):
    np.savez(tmp_path / "m.npz", w=np.zeros(8, "f4"))
    data = (tmp_path / "m.npz").read_bytes()
    (tmp_path / "m.npz").write_bytes(data.replace(b"(8,)", b"(7,)"))
    with pytest.raises(CheckpointError, match="m.npz"):
        containers.read(tmp_path / "m.npz")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(tmp_path, value):
    np.savez(tmp_path / "m.npz", a=np.zeros(3), w=np.array([0, value]))
    with pytest.raises(CheckpointError, match="'w' holds NaN or infinity"):
        containers.read(tmp_path / "m.npz")


def test_a_member_given_twice_is_refused(tmp_path):
    np.savez(tmp_path / "m.npz", w=np.zeros(3))
    with zipfile.ZipFile(tmp_path / "m.npz", "a") as archive:
        again = archive.read("w.npy")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("w.npy", again)
    with pytest.raises(CheckpointError, match="a member twice"):
        containers.read(tmp_path / "m.npz")


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    np.savez_compressed(tmp_path / "m.npz", **ARRAYS)
    data = (tmp_path / "m.npz").read_bytes()
    for end in range(0, len(data), 5):
        (tmp_path / "m.npz").write_bytes(data[:end])
        with pytest.raises(CheckpointError, match="m.npz"):
            containers.read(tmp_path / "m.npz")


def test_every_flipped_byte_in_an_array_is_noticed(tmp_path):
    np.savez(tmp_path / "m.npz", w=np.full(16, 1.5))
    data = (tmp_path / "m.npz").read_bytes()
    place = data.index(np.full(16, 1.5).tobytes())
    for offset in range(128):
        broken = bytearray(data)
        broken[place + offset] ^= 1
        (tmp_path / "m.npz").write_bytes(broken)
        with pytest.raises(CheckpointError, match="m.npz"):
            containers.read(tmp_path / "m.npz")


def test_a_link_is_refused(tmp_path):
    np.savez(tmp_path / "m.npz", **ARRAYS)
    (tmp_path / "l.npz").symlink_to(tmp_path / "m.npz")
    with pytest.raises(CheckpointError, match="is a link"):
        containers.read(tmp_path / "l.npz")


def test_members_with_climbing_names_write_nothing(tmp_path):
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "x.npy", np.zeros(3))
    data = (tmp_path / "x.npy").read_bytes()
    os.unlink(tmp_path / "x.npy")
    hostile.zip_with(tmp_path / "in/m.npz", {"../x.npy": data, "/x.npy": data})
    found = containers.read(tmp_path / "in/m.npz")
    assert found.arrays.keys() == {"../x", "/x"}
    assert os.listdir(tmp_path) == ["in"]
