"""Weights in another layout, and models without a decoder."""

import json

import numpy as np
import pytest

from tests.checkpoint.small_model import assert_same, small_config, small_weights
from tfsent.checkpoint import (
    CheckpointError,
    Layout,
    StateStore,
    expected_shapes,
    load_weights,
    read_checkpoint,
    save_weights,
)
from tfsent.checkpoint.layout import TFSENT, Norm


def turned(model, decoder):
    shapes = expected_shapes(model, decoder)
    return {name.upper(): shape[::-1] for name, shape in shapes.items()}


def turned_norms(names):
    lower = [name.lower() for name in names]
    return [Norm(n.gain.upper(), n.matrix.upper(), 1) for n in TFSENT.norms(lower)]


TURNED = Layout("turned", "model.pt", turned, turned_norms)


def turned_weights():
    weights = small_weights()
    return {n.upper(): np.ascontiguousarray(a.T) for n, a in weights.items()}


def test_weights_come_back_in_the_layout_they_were_saved_in(tmp_path):
    save_weights(tmp_path, turned_weights(), small_config(), TURNED)
    found, _ = load_weights(tmp_path, TURNED)
    assert_same(
        found, {n: np.ascontiguousarray(a) for n, a in turned_weights().items()}
    )


def test_checkpoint_comes_back_in_its_layout(tmp_path):
    store = StateStore(tmp_path, keep=2, layout=TURNED)
    path = store.save(3, turned_weights(), small_config(), {}, {})
    assert store.latest().weights.keys() == turned_weights().keys()
    assert read_checkpoint(path, TURNED).step == 3
    with pytest.raises(CheckpointError, match="calls the format 'turned'"):
        read_checkpoint(path)


@pytest.mark.parametrize("saved", [TFSENT, TURNED])
def test_file_of_the_other_layout_is_refused_by_its_name(tmp_path, saved):
    weights = {TFSENT: small_weights, TURNED: turned_weights}[saved]()
    save_weights(tmp_path, weights, small_config(), saved)
    other = {TFSENT: TURNED, TURNED: TFSENT}[saved]
    with pytest.raises(CheckpointError, match=f"'{saved.name}', not '{other.name}'"):
        load_weights(tmp_path, other)


def test_weights_of_the_wrong_layout_are_not_written(tmp_path):
    with pytest.raises(CheckpointError, match="misses the weights"):
        save_weights(tmp_path / "run", small_weights(), small_config(), TURNED)
    assert list(tmp_path.iterdir()) == []


def test_row_of_norm_zero_is_named_where_norms_run_along_rows(tmp_path):
    weights = turned_weights()
    weights["LAYERS/0/WH"][5] = 0
    with pytest.raises(CheckpointError, match="row 5 of LAYERS/0/WH has norm 0"):
        save_weights(tmp_path, weights, small_config(), TURNED)


def without_decoder():
    weights = small_weights()
    return {n: a for n, a in weights.items() if not n.startswith("output/")}


def test_model_without_decoder_comes_back(tmp_path):
    config = small_config() | {"decoder": False}
    save_weights(tmp_path, without_decoder(), config)
    found, settings = load_weights(tmp_path)
    assert_same(found, without_decoder())
    assert settings["decoder"] is False


def test_missing_decoder_is_refused_unless_the_configuration_says_so(tmp_path):
    with pytest.raises(CheckpointError, match="misses the weights.*output/weight"):
        save_weights(tmp_path, without_decoder(), small_config())
    with pytest.raises(CheckpointError, match="without a place.*output/bias"):
        save_weights(tmp_path, small_weights(), small_config() | {"decoder": False})


def test_decoder_that_is_no_truth_value_is_refused(tmp_path):
    save_weights(tmp_path, small_weights(), small_config())
    (tmp_path / "manifest.json").unlink()
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"decoder": 0}))
    with pytest.raises(CheckpointError, match="decoder is 0, no bool"):
        load_weights(tmp_path)
