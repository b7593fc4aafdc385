import json
import shutil

import ml_dtypes
import numpy as np
import pytest

from compare import containers
from compare.containers import Container
from compare.containers import run as folders
from tests.compare.sample_models import (
    assert_same_arrays,
    model_config,
    state_of,
    weights_of,
    write_keras_run,
)
from tfsent.checkpoint import CheckpointError


@pytest.fixture
def run(tmp_path):
    return write_keras_run(tmp_path / "run", best=20)


def test_ended_run_gives_final_weights_and_the_state_that_goes_with_them(run):
    found = containers.read(run)
    assert found.kind == "run"
    assert found.facts["layout"] == "tfsent"
    assert_same_arrays(folders.part(found, "weights."), weights_of(model_config(), 30))
    assert_same_arrays(folders.part(found, "training."), state_of(model_config(), 30))
    assert found.facts["progress"]["step"] == 30


def test_run_that_has_not_ended_gives_its_newest_sound_checkpoint(tmp_path):
    run = write_keras_run(tmp_path / "run", ended=False)
    assert containers.read(run).facts["progress"]["step"] == 30
    weights = run / "checkpoints/00000030/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    assert containers.read(run).facts["progress"]["step"] == 20


def test_one_checkpoint_is_read_as_it_is_named(run):
    for name, step in (("00000020", 20), ("00000030", 30), ("best", 20)):
        found = containers.read(run / "checkpoints" / name)
        assert found.facts["progress"]["step"] == step
    inner = run / "checkpoints/00000020/weights.safetensors"
    assert containers.read(inner).facts["progress"]["step"] == 20


def test_ended_run_with_damaged_checkpoints_gives_the_final_weights_alone(run):
    for state in run.glob("checkpoints/*/training_state.safetensors"):
        state.write_bytes(b"")
    found = containers.read(run)
    assert "progress" not in found.facts
    assert_same_arrays(folders.part(found, "weights."), weights_of(model_config(), 30))


def test_extras_keep_their_types(tmp_path, run):
    extras = {
        "padding/output/bias": np.array(0.25, "f2"),
        "b": np.array([1, 2], ml_dtypes.bfloat16),
        "classifier/neurons": np.array([[3, 5]]),
        "flag": np.array([True]),
    }
    folders.write_extras(run, extras)
    found = containers.read(run)
    assert_same_arrays(folders.part(found, "extras."), extras)
    containers.write(tmp_path / "again", found)
    again = containers.read(tmp_path / "again")
    assert_same_arrays(again.arrays, found.arrays)
    inner = containers.read(tmp_path / "again/checkpoints/00000030")
    assert_same_arrays(inner.arrays, found.arrays)


def test_written_checkpoint_is_a_run_to_go_on_from(tmp_path, run):
    found = containers.read(run / "checkpoints/best")
    containers.write(tmp_path / "new", found)
    assert (tmp_path / "new/checkpoints/00000020/progress.json").is_file()
    assert (tmp_path / "new/weights.safetensors").is_file()
    assert_same_arrays(containers.read(tmp_path / "new").arrays, found.arrays)


def test_nothing_is_written_over(tmp_path, run):
    found = containers.read(run)
    target = tmp_path / "empty"
    target.mkdir()
    with pytest.raises(CheckpointError, match="is there already"):
        containers.write(target, found)
    assert not list(target.iterdir())


def test_unsound_model_is_refused_before_anything_is_written(tmp_path, run):
    found = containers.read(run)
    arrays = dict(found.arrays)
    arrays["weights.layers/0/wh"] = np.zeros_like(arrays["weights.layers/0/wh"])
    broken = Container("run", arrays, found.facts)
    with pytest.raises(CheckpointError, match="column 0 of layers/0/wh has norm 0"):
        containers.write(tmp_path / "new", broken)
    arrays["weights.layers/0/wh"] = found.arrays["weights.layers/0/wh"] * np.nan
    with pytest.raises(CheckpointError, match="NaN"):
        containers.write(tmp_path / "new", Container("run", arrays, found.facts))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


@pytest.mark.parametrize("ended", [True, False])
def test_unknown_layout_is_refused_by_name(tmp_path, ended):
    run = write_keras_run(tmp_path / "run", ended=ended)
    for path in run.rglob("weights.safetensors"):
        path.write_bytes(path.read_bytes().replace(b'"tfsent"', b'"others"'))
    with pytest.raises(CheckpointError, match="calls the format 'others'"):
        containers.read(run)


def test_damaged_and_linked_files_are_refused(tmp_path, run):
    weights = run / "weights.safetensors"
    whole = weights.read_bytes()
    damaged = bytearray(whole)
    damaged[-3] ^= 1
    for content, message in ((damaged, "differs from the hash"), (whole[:-1], "bytes")):
        weights.write_bytes(content)
        with pytest.raises(CheckpointError, match=message):
            containers.read(run)
    shutil.move(weights, tmp_path / "elsewhere")
    weights.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CheckpointError, match="link|neither final"):
        containers.read(run)


def test_damaged_settings_and_extras_are_refused(run):
    (run / "manifest.json").unlink()
    config = json.loads((run / "config.json").read_text())
    config["model"]["hidden_size"] = 8
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="has shape"):
        containers.read(run)
    config["model"]["hidden_size"] = 7
    (run / "config.json").write_text(json.dumps(config))
    (run / "extras.safetensors").write_bytes(b"no such file")
    with pytest.raises(CheckpointError, match=r"extras\.safetensors"):
        containers.read(run)


def test_folder_without_a_model_is_refused(tmp_path):
    (tmp_path / "run/checkpoints").mkdir(parents=True)
    with pytest.raises(CheckpointError, match="neither final weights nor a checkpoint"):
        containers.read(tmp_path / "run")
