import json
import zipfile

import numpy as np
import pytest

from compare import containers
from compare.containers import Container, hdf5
from compare.containers.keras_file import OBJECT, SETTINGS
from tfsent.checkpoint import CheckpointError

WEIGHTS = {"vars.0": np.arange(6, dtype="f4").reshape(2, 3)}
FACTS = {OBJECT: {"registered_name": "x", "config": {}}, SETTINGS: {"seed": 3}}


def members():
    return {
        "metadata.json": b"{}",
        "config.json": json.dumps(FACTS[OBJECT]).encode(),
        "model.weights.h5": hdf5.arrays_bytes(WEIGHTS),
    }


def archive(path, contents, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in contents.items():
            file.writestr(name, content)
    return path


def test_weights_and_settings_come_back(tmp_path):
    path = tmp_path / "m.keras"
    containers.write(path, Container("keras", WEIGHTS, FACTS))
    found = containers.read(path)
    assert found.kind == "keras"
    assert found.facts == FACTS
    np.testing.assert_array_equal(found.arrays["vars.0"], WEIGHTS["vars.0"])


def test_equal_models_make_equal_files(tmp_path):
    paths = [tmp_path / "a.keras", tmp_path / "b.keras"]
    for path in paths:
        containers.write(path, Container("keras", WEIGHTS, FACTS))
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"assets/x": b"1"}, "members that no model needs: .*assets/x"),
        ({"../../evil": b"1"}, "members that no model needs: .*evil"),
        ({"config.json": None}, "holds no config.json"),
        ({"model.weights.h5": None}, "holds no model.weights.h5"),
        ({"config.json": b"[]"}, "holds no JSON object"),
        ({"config.json": b'{"a": 1, "a": 2}'}, "given twice"),
        ({"config.json": b'{"a": NaN}'}, "NaN is no JSON number"),
        ({"config.json": b'{"a":' * 10**5}, "no sound JSON"),
        ({"config.json": b" " * 2**21}, "unpacks to"),
        ({"model.weights.h5": b"no HDF5"}, "no sound HDF5"),
    ],
)
def test_strange_archive_is_refused(tmp_path, change, message):
    contents = {n: c for n, c in (members() | change).items() if c is not None}
    path = archive(tmp_path / "m.keras", contents)
    with pytest.raises(CheckpointError, match=message) as caught:
        containers.read(path)
    assert str(path) in str(caught.value)


def test_bomb_is_refused_before_it_is_unpacked(tmp_path):
    contents = members() | {"model.weights.h5": bytes(2**26)}
    path = archive(tmp_path / "m.keras", contents, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 2**20
    with pytest.raises(CheckpointError, match="unpacks to 671"):
        containers.read(path)


def test_member_given_twice_is_refused(tmp_path):
    path = archive(tmp_path / "m.keras", members())
    file = zipfile.ZipFile(path, "a")
    with pytest.warns(UserWarning, match="Duplicate name"):
        file.writestr("config.json", b"{}")
    file.close()
    with pytest.raises(CheckpointError, match="members that no model needs"):
        containers.read(path)


def test_damaged_member_is_seen_by_its_checksum(tmp_path):
    path = archive(tmp_path / "m.keras", members())
    data = bytearray(path.read_bytes())
    place = data.index(WEIGHTS["vars.0"].tobytes()) + 5
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="no sound archive"):
        containers.read(path)


def test_torn_and_linked_files_are_refused(tmp_path):
    whole = archive(tmp_path / "whole.keras", members())
    data = whole.read_bytes()
    path = tmp_path / "m.keras"
    for size in range(0, len(data), 211):
        path.write_bytes(data[:size])
        with pytest.raises(CheckpointError, match=r"m\.keras"):
            containers.read(path)
    path.unlink()
    path.symlink_to(whole)
    with pytest.raises(CheckpointError, match="is a link"):
        containers.read(path)
