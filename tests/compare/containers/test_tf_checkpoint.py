from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from compare import containers
from compare.containers import Container
from tfsent.checkpoint import CheckpointError

EMBEDDING = np.arange(12, dtype="f4").reshape(4, 3)


@pytest.fixture
def prefix(tmp_path):
    saved = tf.train.Checkpoint(
        embedding=tf.Variable(EMBEDDING),
        half=tf.Variable(np.ones(2, "f2")),
        count=tf.Variable(3, dtype="int64"),
    )
    saved.write(str(tmp_path / "ck"))
    return tmp_path / "ck"


def test_variables_are_read_by_the_names_of_their_objects(prefix):
    for path in (prefix, prefix.with_name("ck.index")):
        found = containers.read(path)
        assert found.kind == "tf-checkpoint"
        assert set(found.arrays) == {"embedding", "half", "count"}
        np.testing.assert_array_equal(found.arrays["embedding"], EMBEDDING)
        assert found.arrays["half"].dtype == np.float16
        assert found.arrays["count"] == 3


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_refused(tmp_path, value):
    tf.train.Checkpoint(w=tf.Variable([1.0, value])).write(str(tmp_path / "ck"))
    with pytest.raises(CheckpointError, match="NaN or infinity"):
        containers.read(tmp_path / "ck")


def test_what_is_no_number_is_refused(tmp_path):
    tf.train.Checkpoint(w=tf.Variable(["text"])).write(str(tmp_path / "ck"))
    with pytest.raises(CheckpointError, match="has type"):
        containers.read(tmp_path / "ck")


def test_missing_linked_and_torn_files_are_refused(tmp_path, prefix):
    data = prefix.with_name("ck.data-00000-of-00001")
    index = prefix.with_name("ck.index")
    content = data.read_bytes()
    for name, size in ((data, len(content) // 2), (index, 40)):
        whole = name.read_bytes()
        name.write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match="no sound TensorFlow|more than"):
            containers.read(prefix)
        name.write_bytes(whole)
    data.rename(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="no file of data beside it"):
        containers.read(prefix)
    data.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="is a link"):
        containers.read(prefix)


def test_damaged_data_is_seen_by_its_checksum(prefix):
    data = prefix.with_name("ck.data-00000-of-00001")
    content = bytearray(data.read_bytes())
    content[content.index(EMBEDDING.tobytes()) + 6] ^= 1
    data.write_bytes(content)
    with pytest.raises(CheckpointError, match="no sound TensorFlow checkpoint"):
        containers.read(prefix)


def test_paths_without_a_name_are_no_checkpoint():
    for path in (Path("/"), Path()):
        with pytest.raises(CheckpointError, match="is none of"):
            containers.read(path)


def test_writing_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="are read, not written"):
        containers.write(tmp_path / "ck", Container("tf-checkpoint", {}))
