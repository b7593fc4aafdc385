"""What a folder holds comes back, and nothing damaged is read."""

import json

import numpy as np
import pytest

from tfsent.checkpoint import CheckpointError
from tfsent.supervised.fitted_folder import (
    Content,
    check_arrays,
    num_outputs,
    read_folder,
    write_folder,
)

NAMES = ("classes", "figures", "kind")


def content(**facts):
    given = {"classes": ["a", "b"], "kind": "binary", "figures": {"x": 0.1}}
    arrays = {"weights": np.arange(6.0).reshape(3, 2), "table": np.float32([[1]])}
    return Content(arrays, {"word": ["good", "\u00e9", "a b"]}, {**given, **facts})


def read(folder):
    return read_folder(folder, "planted", NAMES)


def test_content_comes_back_as_it_was(tmp_path):
    given = content()
    write_folder(tmp_path / "new" / "one", "planted", given)
    found = read(tmp_path / "new" / "one")
    assert (found.words, found.facts) == (given.words, given.facts)
    for name, array in given.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert found.arrays[name].dtype == array.dtype
    names = {path.name for path in (tmp_path / "new" / "one").iterdir()}
    assert names == {"weights.safetensors", "vocabulary.json", "manifest.json"}


@pytest.mark.parametrize("name", ["weights.safetensors", "vocabulary.json"])
def test_a_flipped_bit_is_found(tmp_path, name):
    write_folder(tmp_path, "planted", content())
    data = bytearray((tmp_path / name).read_bytes())
    data[-9] ^= 1
    (tmp_path / name).write_bytes(data)
    with pytest.raises(CheckpointError, match=name):
        read(tmp_path)


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "vocabulary.json", "manifest.json"]
)
def test_a_missing_file_is_named(tmp_path, name):
    write_folder(tmp_path, "planted", content())
    (tmp_path / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        read(tmp_path)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"kind": "other"}, "kind"),
        ({"kind": ["binary"]}, "kind"),
        ({"classes": ["a", "a"]}, "classes"),
        ({"classes": ["a", "b", "c"]}, "classes"),
        ({"classes": "ab"}, "classes"),
        ({"classes": [1, 2]}, "classes"),
        ({"figures": 3}, "figures"),
        ({"surplus": 1}, "surplus"),
    ],
)
def test_unsound_facts_are_refused(tmp_path, facts, message):
    write_folder(tmp_path, "planted", content(**facts))
    with pytest.raises(CheckpointError, match=message):
        read(tmp_path)


@pytest.mark.parametrize(
    "words", [{"word": ["a", "a"]}, {"word": [""]}, {"word": [1]}, {"word": "ab"}]
)
def test_unsound_words_are_refused(tmp_path, words):
    given = content()
    write_folder(tmp_path, "planted", Content(given.arrays, words, given.facts))
    with pytest.raises(CheckpointError, match="vocabulary.json"):
        read(tmp_path)


def test_another_kind_of_classifier_is_refused(tmp_path):
    write_folder(tmp_path, "other", content())
    with pytest.raises(CheckpointError, match="planted"):
        read(tmp_path)


def test_a_manifest_that_was_edited_is_refused(tmp_path):
    write_folder(tmp_path, "planted", content())
    facts = json.loads((tmp_path / "manifest.json").read_text())
    facts["classes"] = ["b", "a"]
    (tmp_path / "manifest.json").write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match="manifest.json"):
        read(tmp_path)


def test_a_write_that_is_cut_off_leaves_nothing_that_is_read(tmp_path):
    write_folder(tmp_path, "planted", content())
    broken = content()
    broken.arrays["weights"][0, 0] = np.nan
    with pytest.raises(CheckpointError, match="NaN"):
        write_folder(tmp_path, "planted", broken)
    with pytest.raises(CheckpointError, match="manifest.json"):
        read(tmp_path)


def test_arrays_of_other_shapes_or_types_are_refused(tmp_path):
    arrays = {"weights": np.zeros((3, 2)), "table": np.zeros((1, 1), np.float32)}
    shapes = {"weights": (3, 2), "table": (1, 1)}
    check_arrays(tmp_path, arrays, shapes, ["table"])
    for wrong in (
        {**arrays, "weights": np.zeros((2, 3))},
        {**arrays, "table": np.zeros((1, 1))},
        {**arrays, "more": np.zeros(1)},
        {"weights": arrays["weights"]},
    ):
        with pytest.raises(CheckpointError, match="weights.safetensors"):
            check_arrays(tmp_path, wrong, shapes, ["table"])


def test_two_classes_have_one_output():
    assert num_outputs({"kind": "binary", "classes": ["a", "b"]}) == 1
    assert num_outputs({"kind": "multilabel", "classes": ["a"]}) == 1
    assert num_outputs({"kind": "multiclass", "classes": ["a", "b", "c"]}) == 3
