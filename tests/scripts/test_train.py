"""scripts/train.py: what it prints, what it leaves, and the same command again."""

import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest

import tfsent
import tfsent.model  # Registers the layers with Keras.
from tests.scripts.command import CHEAP, TINY, call, contents, error_line, flip_bit
from tests.tolerances import COMPILED_LOGITS_F32, SCORE_F32, TWO_DEVICES_F32
from tfsent.checkpoint import load_weights
from tfsent.training import RunLog

FINAL = ("weights.safetensors", "config.json", "manifest.json", "model.keras")
RESULT = (
    *("run", "steps", "bytes_seen", "train_bpc", "best_val_bpc", "val_bpc"),
    *("test_bpc", "bytes_per_s", "seconds", "compile_s"),
)


@pytest.fixture(scope="module")
def whole(text, tmp_path_factory):
    """Run folder of an mLSTM trained to its end, with validation and test."""
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    assert call("train", "--data.source", text, "--out", run_dir, *TINY) == 0
    return run_dir


@pytest.fixture
def again(whole, text, tmp_path, capsys):
    """A copy of the run, and a function that gives the command again."""
    run_dir = shutil.copytree(whole, tmp_path / "run")
    flags = ["--data.source", text, "--out", run_dir, *TINY]

    def repeat(*more):
        capsys.readouterr()
        assert call("train", *flags, *more) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run_dir, repeat


def sealed_result(run_dir):
    return json.loads((run_dir / "result.json").read_bytes())["result"]


def points(run_dir, kind):
    """Return (step, bpc) of every line of the log of a kind."""
    lines = map(json.loads, (run_dir / "metrics.jsonl").read_text().splitlines())
    return [(line["step"], line["bpc"]) for line in lines if line["type"] == kind]


def test_last_line_is_the_result_as_json(text, tmp_path, capsys):
    flags = ["--data.source", text, "--out", tmp_path / "run", *CHEAP, "--json"]
    assert call("train", *flags, "--training.steps", "3") == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out.splitlines()[-1])
    assert captured.err == ""
    assert set(RESULT) <= set(result)
    assert result["run"] == str(tmp_path / "run")
    assert (result["steps"], result["bytes_seen"]) == (3, 3 * 4 * 16)
    assert result["val_bpc"] is None
    assert result["test_bpc"] is None
    assert 7.5 < result["train_bpc"] < 8.5
    assert result["seconds"] >= result["compile_s"] > 0
    assert result["bytes_per_s"] > 0


def test_run_folder_holds_what_is_promised(whole):
    names = set(contents(whole))
    checkpoint = {
        *("weights.safetensors", "config.json", "training_state.safetensors"),
        *("progress.json", "manifest.json"),
    }
    saved = {f"checkpoints/{step}/{name}" for step in STEPS for name in checkpoint}
    [events] = [name for name in names if name.startswith("tensorboard/events.out")]
    promised = {*FINAL, "metrics.jsonl", "result.json", events}
    assert names == promised | saved


STEPS = ("00000010", "00000020", "00000030", "best")


def test_log_has_every_step_and_validation_once(whole):
    assert [step for step, _ in points(whole, "train")] == list(range(1, 31))
    assert [step for step, _ in points(whole, "val")] == [10, 20, 30]
    result = sealed_result(whole)
    assert result["best_val_bpc"] == min(bpc for _, bpc in points(whole, "val"))
    losses = [bpc for _, bpc in points(whole, "train")]
    assert result["train_bpc"] == pytest.approx(np.mean(losses))


def test_final_weights_are_those_of_the_last_checkpoint(whole):
    final, _ = load_weights(whole)
    last, _ = load_weights(whole / "checkpoints" / "00000030")
    assert [n for n in final if final[n].tobytes() != last[n].tobytes()] == []


def test_scores_are_those_of_the_loaded_model(whole, text):
    """The validation text is what the hash of the index takes out of the source."""
    from tfsent.config import DataConfig
    from tfsent.data import prepare

    shards = prepare(DataConfig(source=str(text), split=(8, 1, 1)))
    model = tfsent.load(whole)
    result = sealed_result(whole)
    for split in ("val", "test"):
        score = model.score(shards[split])
        assert result[f"{split}_bpc"] == pytest.approx(score.bpc, abs=SCORE_F32.value)
        assert result[f"{split}_scored_bytes"] == score.scored_bytes


def test_keras_file_is_the_same_model(whole):
    saved = keras.saving.load_model(whole / "model.keras")
    bytes_BT = np.frombuffer(b"a slow film, loved it", np.uint8).reshape(3, 7)
    logits_BTV = keras.ops.convert_to_numpy(saved(bytes_BT))
    found = tfsent.load(whole)
    worst = np.abs(logits_BTV - found.logits(bytes_BT)).max()
    assert worst <= COMPILED_LOGITS_F32.value  # One of both is compiled.
    for mine, other in zip(saved.get_weights(), found.model.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


def test_same_command_again_prints_the_same_and_touches_nothing(again, whole):
    run_dir, repeat = again
    before = contents(run_dir)
    files = [path for path in run_dir.rglob("*") if path.is_file()]
    times = [path.stat().st_mtime_ns for path in files]
    assert repeat() == sealed_result(whole) | {"run": str(run_dir)}
    assert contents(run_dir) == before
    assert [path.stat().st_mtime_ns for path in files] == times


def test_result_is_known_when_only_the_final_files_were_kept(again, whole):
    run_dir, repeat = again
    shutil.rmtree(run_dir / "checkpoints")
    assert repeat() == sealed_result(whole) | {"run": str(run_dir)}


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (flip_bit, "weights.safetensors"),
        (os.unlink, "result.json"),
        pytest.param(flip_bit, "model.keras", marks=pytest.mark.slow),
        pytest.param(flip_bit, "result.json", marks=pytest.mark.slow),
        pytest.param(os.unlink, "weights.safetensors", marks=pytest.mark.slow),
        pytest.param(os.unlink, "model.keras", marks=pytest.mark.slow),
    ],
)
def test_final_file_that_is_not_sound_is_written_anew(damage, name, again, whole):
    run_dir, repeat = again
    damage(run_dir / name)
    found = repeat()
    for key in ("steps", "bytes_seen", "train_bpc", "val_bpc", "test_bpc"):
        assert found[key] == sealed_result(whole)[key]
    weights = (run_dir / "weights.safetensors").read_bytes()
    assert weights == (whole / "weights.safetensors").read_bytes()
    tfsent.load(run_dir / "model.keras")
    assert points(run_dir, "train") == points(whole, "train")
    assert repeat() == found


def test_another_measurement_of_an_ended_run_is_made(again, whole):
    run_dir, repeat = again
    assert repeat("--training.test-bytes", "0")["test_bpc"] is None
    assert repeat()["test_bpc"] == sealed_result(whole)["test_bpc"]


def test_weights_without_checkpoint_or_result_are_never_replaced(again, text, capsys):
    run_dir, _ = again
    shutil.rmtree(run_dir / "checkpoints")
    (run_dir / "result.json").unlink()
    before = contents(run_dir)
    capsys.readouterr()
    assert call("train", "--data.source", text, "--out", run_dir, *TINY) == 1
    line = error_line(capsys.readouterr())
    assert str(run_dir / "weights.safetensors") in line
    assert "--fresh" in line
    assert contents(run_dir) == before


@pytest.mark.parametrize(
    ("number", "code", "step"),
    [
        (signal.SIGTERM, 143, 20),  # A step that is saved and validated.
        pytest.param(signal.SIGINT, 130, 13, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 143, 30, marks=pytest.mark.slow),
    ],
)
def test_stopped_run_goes_on_to_the_same_end(
    number, code, step, text, tmp_path, capsys, monkeypatch
):
    flags = ["--data.source", text, *CHEAP, "--data.split", "8", "1", "1"]
    assert call("train", *flags, "--out", tmp_path / "whole") == 0
    log = RunLog.train

    def signalled(self, at, **values):
        log(self, at, **values)
        if at == step:
            os.kill(os.getpid(), number)

    stopped = tmp_path / "stopped"
    with monkeypatch.context() as patch:
        patch.setattr(RunLog, "train", signalled)
        assert call("train", *flags, "--out", stopped) == code
    err = capsys.readouterr().err
    assert f"saved at step {step} of 30" in err
    assert not (stopped / "weights.safetensors").exists()
    assert call("train", *flags, "--out", stopped) == 0
    for name in ("weights.safetensors", "checkpoints/best/weights.safetensors"):
        assert (stopped / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    for kind in ("train", "val"):
        assert points(stopped, kind) == points(tmp_path / "whole", kind)
    keys = ("steps", "bytes_seen", "train_bpc", "best_val_bpc", "val_bpc", "test_bpc")
    ends = [sealed_result(folder) for folder in (stopped, tmp_path / "whole")]
    assert [ends[0][key] for key in keys] == [ends[1][key] for key in keys]


def test_signal_before_training_ends_at_once_and_leaves_no_lock(
    text, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(
        "tfsent.session.prepare", lambda config: os.kill(os.getpid(), signal.SIGTERM)
    )
    assert call("train", "--data.source", text, "--out", tmp_path, *CHEAP) == 143
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_run_goes_on_with_another_number_of_devices(text, half_whole):
    run_dir, one = half_whole
    flags = ["--data.source", text, "--out", run_dir, *TINY]
    assert call("train", *flags, "--distribution.devices", "2") == 0
    found, _ = load_weights(run_dir)
    expected, _ = load_weights(one)
    worst = max(np.abs(found[name] - expected[name]).max() for name in expected)
    assert 0 < worst <= TWO_DEVICES_F32.value


@pytest.fixture
def half_whole(whole, tmp_path):
    """The run as a kill behind step 20 leaves it, and the run that ended."""
    run_dir = shutil.copytree(whole, tmp_path / "half")
    for name in (*FINAL, "result.json"):
        (run_dir / name).unlink()
    shutil.rmtree(run_dir / "checkpoints" / "00000030")
    shutil.rmtree(run_dir / "checkpoints" / "best")
    return run_dir, whole
