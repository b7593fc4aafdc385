import json
import os
import pickle
import threading

import ml_dtypes
import numpy as np
import pytest

from tests.checkpoint.small_model import assert_same, save, small_config, small_weights
from tfsent.checkpoint import (
    CheckpointError,
    StateStore,
    expected_shapes,
    load_weights,
    read_config,
    save_weights,
)
from tfsent.checkpoint.manifest import manifest_bytes
from tfsent.checkpoint.tensor_file import WEIGHT_DTYPES, tensor_chunks
from tfsent.config import ModelConfig

CELLS = ["mlstm", "lstm", "gru", "tanh", "relu"]


@pytest.fixture
def run(tmp_path):
    return save_weights(tmp_path / "run", small_weights(), small_config())


def rewrite(run, weights, metadata=None):
    """Replace the weights by others, past all checks, and drop the manifest."""
    metadata = {"format": "tfsent", "version": "1"} if metadata is None else metadata
    path = run / "weights.safetensors"
    chunks = tensor_chunks(weights, metadata, WEIGHT_DTYPES, path)
    path.write_bytes(b"".join(bytes(chunk) for chunk in chunks))
    (run / "manifest.json").unlink(missing_ok=True)


def change_config(run, change):
    path = run / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    (run / "manifest.json").unlink(missing_ok=True)


def assert_refused(path, *parts):
    with pytest.raises(CheckpointError) as caught:
        load_weights(path)
    for part in (str(path), *parts):
        assert part in str(caught.value)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("weight_norm", [True, False])
def test_weights_of_every_cell_come_back_bit_for_bit(tmp_path, cell, weight_norm):
    model = {"cell": cell, "weight_norm": weight_norm, "layers": 2}
    weights = small_weights(**model)
    save_weights(tmp_path, weights, small_config(**model))
    found, config = load_weights(tmp_path)
    assert_same(found, weights)
    assert config == json.loads(json.dumps(small_config(**model)))


def test_shapes_are_those_of_the_published_model():
    shapes = expected_shapes(ModelConfig(hidden_size=4096))
    assert shapes["layers/0/wx"] == (64, 4 * 4096)
    assert shapes["layers/0/gmh"] == (4096,)
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 86_319_360


def test_shapes_of_a_gru_have_a_recurrent_bias_and_no_gain_for_absent_matrices():
    model = ModelConfig(cell="gru", hidden_size=7, embedding_size=3, layers=2)
    shapes = expected_shapes(model)
    layer = {n.split("/")[2]: s for n, s in shapes.items() if n.startswith("layers/1")}
    assert layer == {
        "wx": (7, 21),
        "wh": (7, 21),
        "b": (21,),
        "bh": (21,),
        "gx": (21,),
        "gh": (21,),
    }


def test_tied_embedding_has_no_output_matrix(tmp_path):
    model = {"embedding_size": 7, "tied_embedding": True}
    weights = small_weights(**model)
    assert "output/weight" not in weights
    save_weights(tmp_path, weights, small_config(**model))
    assert_same(load_weights(tmp_path)[0], weights)


@pytest.mark.parametrize("dtype", ["f2", ml_dtypes.bfloat16])
def test_narrow_weights_are_read_as_float32(tmp_path, dtype):
    weights = {name: a.astype(dtype) for name, a in small_weights().items()}
    save_weights(tmp_path, weights, small_config())
    wide = {name: a.astype("f4") for name, a in weights.items()}
    assert_same(load_weights(tmp_path)[0], wide)


def test_weights_file_and_checkpoint_folder_load_like_the_run(run):
    assert_same(load_weights(run / "weights.safetensors")[0], small_weights())
    checkpoint = save(StateStore(run, keep=2), 3)
    assert_same(load_weights(checkpoint)[0], small_weights(3))
    assert_same(load_weights(str(run))[0], small_weights())


def test_saved_weights_bring_names_in_order_and_metadata(run):
    data = (run / "weights.safetensors").read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert header.pop("__metadata__") == {"format": "tfsent", "version": "1"}
    assert list(header) == sorted(header)


def test_saving_again_replaces_weights_and_leaves_nothing_else(run):
    save_weights(run, small_weights(5), small_config())
    assert_same(load_weights(run)[0], small_weights(5))
    names = ["config.json", "manifest.json", "weights.safetensors"]
    assert sorted(os.listdir(run)) == names


def test_configuration_can_be_read_alone(run):
    assert read_config(run / "config.json")["model"] == small_config()["model"]


def test_negative_gain_is_accepted(tmp_path):
    weights = small_weights()
    weights["layers/0/gmx"][:] = -1
    save_weights(tmp_path, weights, small_config())
    assert_same(load_weights(tmp_path)[0], weights)


@pytest.mark.parametrize("length", [0.0, 1e-30], ids=["zero", "vanishing square"])
@pytest.mark.parametrize("gain", ["gx", "gh", "gmx", "gmh"])
def test_column_without_norm_under_a_gain_is_refused(run, gain, length):
    weights = small_weights()
    name = f"layers/0/{'w' + gain[1:]}"
    weights[name][:, 4] = length
    rewrite(run, weights)
    assert_refused(run, f"column 4 of {name} has norm 0", f"layers/0/{gain}")
    with pytest.raises(CheckpointError, match=f"column 4 of {name}"):
        save_weights(run, weights, small_config())


def test_row_of_zeros_and_column_without_gain_are_accepted(tmp_path):
    weights = small_weights(weight_norm=False)
    weights["layers/0/wh"][:, 4] = 0
    save_weights(tmp_path / "a", weights, small_config(weight_norm=False))
    weights = small_weights()
    weights["layers/0/wh"][2] = 0
    save_weights(tmp_path / "b", weights, small_config())
    assert_same(load_weights(tmp_path / "b")[0], weights)


def test_missing_surplus_and_misshapen_weights_are_named(run):
    weights = small_weights()
    bias = weights.pop("output/bias")
    rewrite(run, weights)
    assert_refused(run, "misses", "output/bias")
    rewrite(run, weights | {"output/bias": bias, "layers/1/wx": bias})
    assert_refused(run, "without a place", "layers/1/wx")
    rewrite(run, weights | {"output/bias": bias[:-1]})
    assert_refused(run, "output/bias has shape (255,)", "(256,)")


def test_unsound_weights_are_not_written(run):
    weights = small_weights(1)
    weights["layers/0/b"][3] = np.nan
    with pytest.raises(CheckpointError, match="layers/0/b.*NaN"):
        save_weights(run, weights, small_config())
    assert_same(load_weights(run)[0], small_weights())
    with pytest.raises(CheckpointError, match="misses"):
        save_weights(run, {}, small_config())
    wide = {name: a.astype("f8") for name, a in small_weights().items()}
    with pytest.raises(CheckpointError, match="type F64"):
        save_weights(run, wide, small_config())


def test_damaged_tensor_byte_is_caught_by_the_manifest(run):
    path = run / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)
    assert_refused(run, "weights.safetensors", "hash")
    (run / "manifest.json").unlink()
    load_weights(run)  # Without a manifest nothing could tell.


def test_manifest_that_does_not_list_the_weights_is_refused(run):
    (run / "manifest.json").write_bytes(manifest_bytes({}))
    assert_refused(run, "not listed")


@pytest.mark.parametrize(
    "body", [{"files": 3}, {"files": {"a": 3}}, {"files": {"a": {}}}]
)
def test_sealed_manifest_of_another_make_is_refused(run, body, monkeypatch):
    sealed = json.loads(manifest_bytes({})) | body
    del sealed["sha256"]
    from tfsent.checkpoint import manifest

    sealed["sha256"] = manifest._own_hash(sealed)
    (run / "manifest.json").write_text(json.dumps(sealed))
    assert_refused(run, "manifest.json")


def test_newer_versions_are_refused_naming_both(run):
    change_config(run, lambda config: config.update(format_version=7))
    assert_refused(run, "config.json", "version 7", "newer than 1")
    save_weights(run, small_weights(), small_config())
    rewrite(run, small_weights(), {"format": "tfsent", "version": "8"})
    assert_refused(run, "weights.safetensors", "version 8", "newer than 1")
    (run / "manifest.json").write_text('{"format_version": 9}')
    assert_refused(run, "manifest.json", "version 9", "newer than 1")


def test_configuration_without_version_is_read(run):
    change_config(run, lambda config: config.pop("format_version"))
    assert_same(load_weights(run)[0], small_weights())


def test_weights_of_another_format_are_refused(run):
    rewrite(run, small_weights(), {"format": "pt"})
    assert_refused(run, "'pt'", "convert.py")


BAD_MODELS = {
    "no section": None,
    "size a text": {"hidden_size": "7"},
    "size a float": {"hidden_size": 7.0},
    "size a bool": {"layers": True},
    "size negative": {"hidden_size": -7},
    "size huge": {"hidden_size": 10**9},
    "layers without end": {"layers": 10**12},
    "unknown cell": {"cell": "__import__"},
    "unknown setting": {"hiden_size": 7},
    "dropout a text": {"dropout": "0"},
    "dropout negative": {"dropout": -1},
}


@pytest.mark.parametrize("kind", BAD_MODELS)
def test_model_section_that_cannot_be_is_refused(run, kind):
    change = BAD_MODELS[kind]

    def apply(config):
        if change is None:
            del config["model"]
        else:
            config["model"].update(change)

    change_config(run, apply)
    assert_refused(run, "config.json", "model")


@pytest.mark.parametrize(
    "text", [b"", b"\xff", b"[]", b'{"a":1,"a":2}', b'{"a":NaN}', b"[" * 10**5]
)
def test_configuration_that_is_no_json_object_is_refused(run, text):
    (run / "manifest.json").unlink()
    (run / "config.json").write_bytes(text)
    assert_refused(run, "config.json")


@pytest.mark.parametrize("more", ["NaN", "-Infinity", '1, "more": 2'])
def test_configuration_that_readers_could_understand_differently_is_refused(run, more):
    (run / "manifest.json").unlink()
    path = run / "config.json"
    path.write_text(path.read_text().replace("{", '{"more": 1, ', 1))
    load_weights(run)
    path.write_text(path.read_text().replace('"more": 1', f'"more": {more}', 1))
    assert_refused(run, "config.json")


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "config.json", "manifest.json"]
)
def test_links_are_refused(run, tmp_path, name):
    outside = tmp_path / "outside"
    (run / name).rename(outside)
    (run / name).symlink_to(outside)
    assert_refused(run, name, "is a link")


def test_link_to_a_run_folder_is_followed(run, tmp_path):
    (tmp_path / "link").symlink_to(run)
    assert_same(load_weights(tmp_path / "link")[0], small_weights())


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json"])
def test_pipe_and_folder_in_place_of_a_file_are_refused(run, name):
    (run / name).unlink()
    os.mkfifo(run / name)
    assert_refused(run, name, "no regular file")
    (run / name).unlink()
    (run / name).mkdir()
    assert_refused(run, name, "no regular file")


def test_file_of_lying_size_is_refused_before_it_is_read(run):
    (run / "manifest.json").unlink()
    os.truncate(run / "weights.safetensors", 2**41)
    assert_refused(run, "weights.safetensors", "bytes")
    os.truncate(run / "weights.safetensors", 0)
    os.truncate(run / "config.json", 2**41)
    assert_refused(run, "config.json", "bytes")


def test_path_that_is_no_model_is_refused(tmp_path, run):
    assert_refused(tmp_path / "nowhere", "no such folder")
    assert_refused(tmp_path, "holds no weights.safetensors")
    other = tmp_path / "model.keras"
    other.write_bytes(b"PK")
    assert_refused(other, "no run folder")
    (run / "weights.safetensors").unlink()
    assert_refused(run, "has not ended", "checkpoints/best")


def test_best_is_found_while_a_better_one_takes_over(tmp_path):
    store = StateStore(tmp_path, keep=2)
    best = store.save_best(save(store, 1), 2.0)
    best.rename(best.with_name("best.before"))
    assert_same(load_weights(best)[0], small_weights(1))


def test_readers_see_whole_models_while_final_weights_are_replaced(tmp_path):
    save_weights(tmp_path, small_weights(0), small_config())
    stop = threading.Event()
    found, errors = set(), []
    known = {small_weights(n)["output/bias"].tobytes(): n for n in range(2)}

    def read():
        while not stop.is_set():
            try:
                weights, _ = load_weights(tmp_path)
                found.add(known[weights["output/bias"].tobytes()])
            except Exception as error:
                errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(20):
        save_weights(tmp_path, small_weights(n % 2), small_config())
    stop.set()
    for reader in readers:
        reader.join()
    assert errors == []
    assert found == {0, 1}


def test_error_survives_the_way_between_processes():
    error = pickle.loads(pickle.dumps(CheckpointError("/a/b", "is bad.")))
    assert isinstance(error, ValueError)
    assert str(error) == "/a/b: is bad."
