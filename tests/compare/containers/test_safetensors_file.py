import os

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from compare import containers
from compare.containers import Container
from tfsent.checkpoint import CheckpointError

ARRAYS = {
    "encoder.weight": np.arange(6, dtype="f4").reshape(2, 3),
    "half": np.arange(3, dtype="f2"),
    "steps": np.asarray(7),
}


def test_a_file_of_the_library_is_read(tmp_path):
    save_file(ARRAYS, tmp_path / "m.safetensors", {"format": "pt"})
    found = containers.read(tmp_path / "m.safetensors")
    assert found.kind == "safetensors"
    assert found.facts == {"metadata": {"format": "pt"}}
    for name, array in ARRAYS.items():
        assert found.arrays[name].dtype == array.dtype
        assert np.array_equal(found.arrays[name], array)


def test_arrays_types_and_facts_come_back(tmp_path):
    brain = np.arange(4).astype(ml_dtypes.bfloat16)
    facts = {"thresholds": [0.5], "none": None, "metadata": {"format": "pt"}}
    container = Container("safetensors", ARRAYS | {"brain": brain}, facts)
    containers.write(tmp_path / "m.safetensors", container)
    found = containers.read(tmp_path / "m.safetensors")
    assert found.facts == facts
    assert found.arrays["brain"].dtype == ml_dtypes.bfloat16
    assert found.arrays["brain"].tobytes() == brain.tobytes()
    library = load_file(tmp_path / "m.safetensors")
    assert all(np.array_equal(library[name], ARRAYS[name]) for name in ARRAYS)
    assert os.listdir(tmp_path) == ["m.safetensors"]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(tmp_path, value):
    save_file({"w": np.array([0, value])}, tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match="'w' holds NaN or infinity"):
        containers.read(tmp_path / "m.safetensors")


def test_a_file_cut_off_anywhere_is_refused(tmp_path):
    save_file(ARRAYS, tmp_path / "m.safetensors")
    data = (tmp_path / "m.safetensors").read_bytes()
    for end in range(len(data)):
        (tmp_path / "m.safetensors").write_bytes(data[:end])
        with pytest.raises(CheckpointError, match="m.safetensors"):
            containers.read(tmp_path / "m.safetensors")


def test_a_link_is_refused(tmp_path):
    save_file(ARRAYS, tmp_path / "m.safetensors")
    (tmp_path / "l.safetensors").symlink_to(tmp_path / "m.safetensors")
    with pytest.raises(CheckpointError, match="is a link"):
        containers.read(tmp_path / "l.safetensors")
