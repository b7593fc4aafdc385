"""Files of features: what is written is what is read."""

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors import safe_open

from tfsent.transfer.feature_files import write_features

ROWS = np.arange(15, dtype=np.float32).reshape(5, 3)


def chunks():
    yield ROWS[:2]
    yield ROWS[2:2]
    yield ROWS[2:]


def read_npy(path):
    return np.load(path, allow_pickle=False)


def read_safetensors(path):
    with safe_open(path, "np") as file:
        assert file.metadata() == {"feature": "cell-mean"}
        return file.get_tensor("features")


def read_parquet(path):
    table = pq.read_table(path)
    assert table.schema.metadata[b"feature"] == b"cell-mean"
    return np.array(table["features"].to_pylist(), np.float32).reshape(-1, 3)


READERS = {
    "npy": read_npy,
    "safetensors": read_safetensors,
    "parquet": read_parquet,
}


@pytest.mark.parametrize("suffix", READERS)
def test_rows_come_back(suffix, tmp_path):
    path = tmp_path / f"f.{suffix}"
    write_features(path, chunks(), ROWS.shape, "cell-mean")
    np.testing.assert_array_equal(READERS[suffix](path), ROWS)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", READERS)
def test_no_row_at_all_is_a_file_too(suffix, tmp_path):
    path = tmp_path / f"f.{suffix}"
    write_features(path, [], (0, 3), "cell-mean")
    assert READERS[suffix](path).shape == (0, 3)


@pytest.mark.parametrize("suffix", READERS)
def test_what_fails_half_way_leaves_the_old_file(suffix, tmp_path):
    path = tmp_path / f"f.{suffix}"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="5 rows of features; 6 were said"):
        write_features(path, chunks(), (6, 3), "cell-mean")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [
        (path.name, b"old")
    ]


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"\.npy, \.safetensors, \.parquet"):
        write_features(tmp_path / "f.csv", chunks(), ROWS.shape, "cell-mean")
