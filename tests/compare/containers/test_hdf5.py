import io

import h5py
import numpy as np
import pytest

from compare import containers
from compare.containers import Container, hdf5
from tfsent.checkpoint import CheckpointError

ARRAYS = {
    "vars.0": np.arange(6, dtype="f4").reshape(2, 3),
    "layers.lstm.vars.0": np.array([1.5, -2.0], "f2"),
    "layers.lstm.vars.1": np.array(7, "i8"),
}


def test_arrays_come_back_with_types_and_shapes(tmp_path):
    path = tmp_path / "m.weights.h5"
    containers.write(path, Container("hdf5", ARRAYS))
    found = containers.read(path)
    assert found.kind == "hdf5"
    assert found.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)


def soft(file, folder):
    file["a"] = h5py.SoftLink("/vars")


def external_link(file, folder):
    other = folder / "other.h5"
    with h5py.File(other, "w") as secret:
        secret["x"] = np.ones(3)
    file["a"] = h5py.ExternalLink(str(other), "x")


def external_data(file, folder):
    (folder / "data").write_bytes(bytes(12))
    external = [(str(folder / "data"), 0, 12)]
    file.create_dataset("a", (3,), "f4", external=external)


def virtual(file, folder):
    with h5py.File(folder / "other.h5", "w") as other:
        other["x"] = np.ones(3, "f4")
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "x", (3,))
    file.create_virtual_dataset("a", layout)


def circle(file, folder):
    group = file.create_group("g")
    group["again"] = group


def twice(file, folder):
    file["a"] = np.ones(3)
    file["b"] = file["a"]


def packed(file, folder):
    file.create_dataset("a", data=np.zeros(10**6, "f4"), compression="gzip")


def sparse(file, folder):
    file.create_dataset("a", (10**9,), "f4", chunks=(1024,))


def text(file, folder):
    file["a"] = "text"


def objects(file, folder):
    file.create_dataset("a", (2,), h5py.vlen_dtype(np.float32))


def references(file, folder):
    file["b"] = np.ones(2)
    file.create_dataset("a", data=file["b"].ref, dtype=h5py.ref_dtype)


def compound(file, folder):
    file["a"] = np.zeros(2, [("x", "f4"), ("y", "f4")])


def empty(file, folder):
    file["a"] = h5py.Empty("f4")


def named_type(file, folder):
    file["a"] = np.dtype("f4")


def nan(file, folder):
    file["a"] = np.array([1, np.nan])


def infinite(file, folder):
    file["a"] = np.array([1, -np.inf], "f2")


def deep(file, folder):
    file["/".join("g" * 40)] = np.ones(2)


@pytest.mark.parametrize(
    ("hostile", "message"),
    [
        (soft, "SoftLink"),
        (external_link, "ExternalLink"),
        (external_data, "data in another file"),
        (virtual, "data in another file"),
        (circle, "given twice"),
        (twice, "given twice"),
        (packed, "packed by filters"),
        (sparse, "more than the file"),
        (text, "type object"),
        (objects, "type object"),
        (references, "type object"),
        (compound, "no weight has"),
        (empty, "empty"),
        (named_type, "Datatype, no array"),
        (nan, "NaN or infinity"),
        (infinite, "NaN or infinity"),
        (deep, "nested too deep"),
    ],
)
def test_file_that_holds_more_than_plain_arrays_is_refused(tmp_path, hostile, message):
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        hostile(file, tmp_path)
    with pytest.raises(CheckpointError, match=message) as caught:
        containers.read(path)
    assert str(path) in str(caught.value)


def test_torn_and_linked_files_are_refused(tmp_path):
    data = hdf5.arrays_bytes(ARRAYS)
    path = tmp_path / "m.weights.h5"
    for size in range(8, len(data), 97):
        path.write_bytes(data[:size])
        with pytest.raises(CheckpointError, match="m.weights.h5"):
            containers.read(path)
    whole = tmp_path / "whole.h5"
    whole.write_bytes(data)
    link = tmp_path / "link.h5"
    link.symlink_to(whole)
    with pytest.raises(CheckpointError, match="is a link"):
        containers.read(link)


def test_damaged_structure_is_refused_or_seen(tmp_path):
    """Damage inside a value goes unnoticed, as the file has no hash; no crash."""
    data = hdf5.arrays_bytes(ARRAYS)
    rng = np.random.default_rng(0)
    path = tmp_path / "m.weights.h5"
    refused = 0
    for _ in range(150):
        torn = bytearray(data)
        place = int(rng.integers(len(torn)))
        torn[place] ^= 1 << int(rng.integers(8))
        try:
            hdf5.read_arrays(io.BytesIO(bytes(torn)), len(torn), path)
        except CheckpointError as error:
            refused += str(path) in str(error)
    assert refused > 5


TEXTS = {
    "": {"layer_names": ["a", "lstm"], "keras_version": "2.0.8"},
    "lstm": {"weight_names": ["x/kernel:0", "x/bias:0"]},
    "lstm.x": {"weight_names": []},
}


def test_names_of_layers_and_weights_come_back_in_order(tmp_path):
    arrays = {"lstm.x.kernel:0": np.ones(2, "f4"), "lstm.x.bias:0": np.ones(1, "f4")}
    path = tmp_path / "m.h5"
    containers.write(path, Container("hdf5", arrays, {hdf5.TEXTS: TEXTS}))
    with h5py.File(path) as file:
        assert file["lstm"].attrs["weight_names"].tolist()[0] == b"x/kernel:0"
    assert containers.read(path).facts == {hdf5.TEXTS: TEXTS}


@pytest.mark.parametrize(
    "value",
    [
        np.ones(3),
        np.array([[b"a", b"b"]]),
        np.zeros(2, [("name", "S4"), ("size", "i4")]),
        h5py.Empty("S4"),
    ],
)
def test_attribute_that_lists_no_names_is_refused(tmp_path, value):
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(2, "f4")
        file.attrs["layer_names"] = value
    with pytest.raises(CheckpointError, match="layer_names of the file"):
        containers.read(path)


def test_other_attributes_are_not_looked_at(tmp_path):
    path = tmp_path / "m.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.ones(2, "f4")
        file.attrs["model_config"] = "{}"
        file.attrs["layer_names"] = np.array([], "f8")
    assert containers.read(path).facts == {hdf5.TEXTS: {"": {"layer_names": []}}}
