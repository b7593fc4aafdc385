import filecmp
import json
import shutil

import numpy as np
import pytest

from compare import runs
from compare.formats.twin import LAYOUT, to_twin
from tests.compare.sample_models import (
    CELLS,
    assert_same_arrays,
    model_config,
    state_of,
    weights_of,
    write_keras_run,
)
from tfsent.checkpoint import (
    CheckpointError,
    StateStore,
    load_weights,
    read_checkpoint,
    weights_format,
)


@pytest.fixture
def run(tmp_path):
    return write_keras_run(tmp_path / "run", best=10)


def assert_same_folder(one, other):
    names = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    again = sorted(p.relative_to(other) for p in other.rglob("*") if p.is_file())
    assert names == again
    _, different, errors = filecmp.cmpfiles(one, other, names, shallow=False)
    assert not different
    assert not errors


def test_run_comes_back_from_the_twin_byte_for_byte(tmp_path, run):
    runs.convert_run(run, tmp_path / "twin", "twin")
    runs.convert_run(tmp_path / "twin", tmp_path / "back", "keras")
    assert_same_folder(run, tmp_path / "back")


@pytest.mark.parametrize("cell", CELLS)
def test_runs_of_every_cell_come_back(tmp_path, cell):
    run = write_keras_run(tmp_path / "run", cell=cell, layers=2, weight_norm=False)
    runs.convert_run(run, tmp_path / "twin", "twin")
    runs.convert_run(tmp_path / "twin", tmp_path / "back", "keras")
    assert_same_folder(run, tmp_path / "back")


def test_run_of_the_twin_has_all_that_the_run_had(tmp_path, run):
    runs.convert_run(run, tmp_path / "twin", "twin")
    twin, model = tmp_path / "twin", model_config()
    store = StateStore(twin, 2, layout=LAYOUT)
    assert store.steps() == [20, 30]
    newest = store.latest()
    assert_same_arrays(newest.weights, to_twin(weights_of(model, 30), model))
    step = newest.state["optimizer/step"]
    assert step == state_of(model, 30)["optimizer/iteration"]
    best = read_checkpoint(twin / "checkpoints/best", LAYOUT)
    assert best.step == 10
    assert_same_arrays(best.weights, to_twin(weights_of(model, 10), model))
    weights, config = load_weights(twin, LAYOUT)
    assert_same_arrays(weights, to_twin(weights_of(model, 30), model))
    assert config["converted"]["format"] == "keras"
    assert (twin / "metrics.jsonl").read_bytes() == (run / "metrics.jsonl").read_bytes()


def test_run_that_has_not_ended_has_no_final_weights(tmp_path):
    run = write_keras_run(tmp_path / "run", ended=False)
    runs.convert_run(run, tmp_path / "twin", "twin")
    twin = tmp_path / "twin"
    assert weights_format(twin) is None
    assert json.loads((twin / "config.json").read_text())["converted"]
    assert StateStore(twin, 2, layout=LAYOUT).latest().step == 30
    assert not (twin / "checkpoints/best").exists()


def test_parts_of_a_run_can_be_read_one_by_one(run):
    found = runs.Run(run)
    assert found.steps() == [20, 30]
    for part, seed in ((found.final(), 30), (found.newest(), 30), (found.best(), 10)):
        assert_same_arrays(part.weights, weights_of(model_config(), seed))
    assert found.final().training is None
    assert found.best().training.progress["step"] == 10


def test_damaged_checkpoint_is_announced_and_passed_over(tmp_path, run):
    path = run / "checkpoints/00000030/training_state.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    told = []
    runs.convert_run(run, tmp_path / "twin", "twin", told.append)
    assert len(told) == 1
    assert str(path) in told[0]
    assert StateStore(tmp_path / "twin", 2, layout=LAYOUT).steps() == [20]


def leave_nothing(folder, before):
    assert sorted(p.name for p in folder.iterdir()) == before


def test_target_that_exists_is_refused_and_left_alone(tmp_path, run):
    for target in (tmp_path / "file", tmp_path / "folder", tmp_path / "link"):
        if target.name == "file":
            target.write_text("mine")
        elif target.name == "folder":
            target.mkdir()
        else:
            target.symlink_to(tmp_path / "nowhere")
        before = sorted(p.name for p in tmp_path.iterdir())
        with pytest.raises(CheckpointError, match="is there already"):
            runs.convert_run(run, target, "twin")
        leave_nothing(tmp_path, before)


def test_optimizer_that_cannot_cross_leaves_nothing(tmp_path):
    run = write_keras_run(tmp_path / "run", optimizer="rmsprop")
    with pytest.raises(ValueError, match="optimizer 'rmsprop' has no exact"):
        runs.convert_run(run, tmp_path / "twin", "twin")
    leave_nothing(tmp_path, ["run"])


def test_failing_disk_leaves_nothing_and_names_the_target(tmp_path, run, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(StateStore, "save_best", full)
    with pytest.raises(OSError, match="No space left.*twin"):
        runs.convert_run(run, tmp_path / "twin", "twin")
    leave_nothing(tmp_path, ["run"])


def test_run_without_a_sound_model_is_refused(tmp_path):
    run = write_keras_run(tmp_path / "run", ended=False)
    for weights in run.glob("checkpoints/*/weights.safetensors"):
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
    with pytest.raises(CheckpointError, match="holds no sound checkpoint"):
        runs.convert_run(run, tmp_path / "twin", "twin", lambda line: None)
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(CheckpointError, match="neither final weights nor a checkpoint"):
        runs.convert_run(run, tmp_path / "twin", "twin")
    leave_nothing(tmp_path, ["run"])


def test_linked_log_is_not_followed(tmp_path, run):
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").symlink_to("/etc/passwd")
    with pytest.raises(CheckpointError, match="metrics.jsonl.*is a link"):
        runs.convert_run(run, tmp_path / "twin", "twin")
    leave_nothing(tmp_path, ["run"])


def test_a_run_is_told_from_a_checkpoint_and_a_model(tmp_path, run):
    assert runs.is_run(run)
    assert not runs.is_run(run / "checkpoints/best")
    assert not runs.is_run(tmp_path)


def test_extras_stay_beside_the_model(tmp_path, run):
    from compare.containers import run as folders

    extras = {"padding/embedding/weight": np.arange(3, dtype="f2")}
    folders.write_extras(run, extras)
    runs.convert_run(run, tmp_path / "twin", "twin")
    assert_same_arrays(folders.read_extras(tmp_path / "twin"), extras)
    inner = folders.read_extras(tmp_path / "twin/checkpoints/best")
    assert_same_arrays(inner, extras)
