"""scripts/train_twin.py: the files, results and messages of train.py, from PyTorch."""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
import torch

from compare.formats.twin import LAYOUT
from tests.scripts.command import CHEAP, ROOT, TINY, call, contents, error_line
from tests.scripts.twin_runs import assert_same_end, points, result_of
from tfsent.checkpoint import load_weights
from tfsent.training import RunLog

STEPS = ("00000010", "00000020", "00000030", "best")


@pytest.fixture(scope="module")
def whole(text, tmp_path_factory):
    """Run folder of an mLSTM trained to its end, with validation and test."""
    run_dir = tmp_path_factory.mktemp("whole") / "run"
    assert call("train_twin", "--data.source", text, "--out", run_dir, *TINY) == 0
    return run_dir


@pytest.fixture
def again(whole, text, tmp_path, capsys):
    """A copy of the run, and a function that gives the command again."""
    run_dir = shutil.copytree(whole, tmp_path / "run")

    def repeat(*more, code=0):
        capsys.readouterr()
        flags = ["--data.source", text, "--out", run_dir, *TINY, *more]
        assert call("train_twin", *flags) == code
        return capsys.readouterr()

    return run_dir, repeat


def as_killed(run_dir, step):
    """Leave of a run what a kill behind `step` leaves."""
    for name in (*("weights.safetensors", "config.json", "manifest.json"),):
        (run_dir / name).unlink()
    for name in ("model.pt", "result.json"):
        (run_dir / name).unlink()
    for path in (run_dir / "checkpoints").iterdir():
        if path.name == "best" or int(path.name) > step:
            shutil.rmtree(path)


def test_last_line_is_the_result_as_json(text, tmp_path, capsys):
    flags = ["--data.source", text, "--out", tmp_path / "run", *CHEAP, "--json"]
    assert call("train_twin", *flags, "--training.steps", "3") == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out.splitlines()[-1])
    assert captured.err == ""
    assert result["run"] == str(tmp_path / "run")
    assert (result["steps"], result["bytes_seen"]) == (3, 3 * 4 * 16)
    assert result["val_bpc"] is None
    assert 7.5 < result["train_bpc"] < 8.5
    assert result["bytes_per_s"] > 0


def test_run_folder_is_that_of_train_py_with_a_file_of_pytorch(whole):
    checkpoint = {
        *("weights.safetensors", "config.json", "training_state.safetensors"),
        *("progress.json", "manifest.json"),
    }
    names = set(contents(whole))
    [events] = [name for name in names if name.startswith("tensorboard/events.out")]
    final = {"weights.safetensors", "config.json", "manifest.json", "model.pt"}
    saved = {f"checkpoints/{step}/{name}" for step in STEPS for name in checkpoint}
    assert names == final | saved | {"metrics.jsonl", "result.json", events}
    head = json.loads((whole / "metrics.jsonl").read_text().splitlines()[0])
    assert head["versions"].keys() == {"python", "numpy", "torch"}


def test_log_has_every_step_and_validation_once(whole):
    assert [step for step, _ in points(whole, "train")] == list(range(1, 31))
    assert [step for step, _ in points(whole, "val")] == [10, 20, 30]
    best = min(bpc for _, bpc in points(whole, "val"))
    assert result_of(whole)["best_val_bpc"] == best


def test_file_of_pytorch_holds_the_same_weights_and_nothing_to_run(whole):
    saved = torch.load(whole / "model.pt", weights_only=True)
    weights, _ = load_weights(whole, LAYOUT)
    assert saved.keys() == weights.keys()
    assert all((saved[name].numpy() == weights[name]).all() for name in weights)


def test_same_command_again_prints_the_same_and_touches_nothing(again, whole):
    run_dir, repeat = again
    before = contents(run_dir)
    captured = repeat()
    assert json.loads(captured.out) == result_of(whole) | {"run": str(run_dir)}
    assert "has ended before" in captured.err
    assert contents(run_dir) == before


@pytest.mark.parametrize(
    "flags", ["--model.hidden-size 9", "--seed 4", "--optimizer.learning-rate 0.1"]
)
def test_going_on_with_other_settings_is_refused_naming_them(flags, again):
    run_dir, repeat = again
    as_killed(run_dir, 20)
    before = contents(run_dir)
    line = error_line(repeat(*flags.split(), code=1))
    assert flags.split()[0].strip("-").replace("-", "_") in line
    assert contents(run_dir) == before


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_run_that_was_killed_ends_as_if_it_had_not_been(
    precision, again, whole, text, tmp_path
):
    run_dir, repeat = again
    if precision != "float32":
        flags = ["--data.source", text, *TINY, "--precision", precision]
        flags += ["--model.dropout", "0.2", "--optimizer.loss-scale-growth-steps", "7"]
        whole = tmp_path / "whole"
        assert call("train_twin", *flags, "--out", whole) == 0
        run_dir = shutil.copytree(whole, tmp_path / "half")
        as_killed(run_dir, 20)
        assert call("train_twin", *flags, "--out", run_dir) == 0
    else:
        as_killed(run_dir, 20)
        repeat()
    assert_same_end(run_dir, whole)


@pytest.mark.parametrize(
    ("number", "code", "step"), [(signal.SIGTERM, 143, 20), (signal.SIGINT, 130, 13)]
)
def test_stopped_run_goes_on_to_the_same_end(
    number, code, step, whole, text, tmp_path, capsys, monkeypatch
):
    flags = ["--data.source", text, *TINY, "--out", tmp_path]
    log = RunLog.train

    def signalled(self, at, **values):
        log(self, at, **values)
        if at == step:
            os.kill(os.getpid(), number)

    with monkeypatch.context() as patch:
        patch.setattr(RunLog, "train", signalled)
        assert call("train_twin", *flags) == code
    assert f"saved at step {step} of 30" in capsys.readouterr().err
    assert call("train_twin", *flags) == 0
    assert_same_end(tmp_path, whole)


@pytest.mark.parametrize("final", [True, False])
def test_run_of_keras_is_not_gone_on_with(final, ended, half_run, text, capsys):
    run_dir = ended if final else half_run
    before = contents(run_dir)
    capsys.readouterr()
    assert call("train_twin", "--data.source", text, "--out", run_dir, *CHEAP) == 1
    line = error_line(capsys.readouterr())
    assert str(run_dir) in line
    assert "scripts/convert.py" in line
    assert contents(run_dir) == before


@pytest.mark.parametrize("final", [True, False])
def test_run_of_the_twin_is_not_gone_on_with_by_keras(final, again, text, capsys):
    run_dir, _ = again
    if not final:
        as_killed(run_dir, 20)
    before = contents(run_dir)
    capsys.readouterr()
    assert call("train", "--data.source", text, "--out", run_dir, *TINY) == 1
    line = error_line(capsys.readouterr())
    assert str(run_dir) in line
    assert "scripts/convert.py" in line
    assert contents(run_dir) == before


def test_fresh_moves_a_run_aside_whoever_made_it(run_dir, text, capsys):
    flags = ["--data.source", text, "--out", run_dir, *CHEAP, "--fresh"]
    assert call("train_twin", *flags, "--training.steps", "2") == 0
    assert "moved aside" in capsys.readouterr().err
    assert load_weights(run_dir, LAYOUT)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--optimizer.name rmsprop", "adam, adamw and sgd"),
        ("--distribution.strategy multiworker", "torchrun --nnodes N"),
        ("--distribution.strategy none --distribution.devices 2", "uses one"),
        ("--training.batch-size 100000", "bytes"),
    ],
)
def test_settings_that_cannot_work_are_refused_in_one_line(
    flags, words, text, tmp_path, capsys
):
    argv = ["--data.source", text, "--out", tmp_path / "run", *CHEAP, *flags.split()]
    assert call("train_twin", *argv) in (1, 2)
    assert words in error_line(capsys.readouterr())


def test_process_imports_neither_tensorflow_nor_keras(text, tmp_path):
    """TensorFlow is not needed, and takes seconds to load."""
    code = (
        "import runpy, sys\n"
        "try:\n"
        "    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    assert end.code == 0, end.code\n"
        "print(sorted({'tensorflow', 'keras', 'jax'} & set(sys.modules)))\n"
    )
    script = ROOT / "scripts" / "train_twin.py"
    flags = ["--data.source", text, "--out", tmp_path / "run", *CHEAP]
    setting = f"import sys; sys.argv = {[str(script), *map(str, flags)]!r}\n"
    done = subprocess.run(
        [sys.executable, "-c", setting + code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


def test_run_that_was_moved_goes_on_from_its_own_settings(half_run, tmp_path, capsys):
    moved = tmp_path / "moved"
    assert call("convert", half_run, moved, "--to", "twin") == 0
    flags = ["--config", moved / "config.json", "--out", moved]
    assert call("train_twin", *flags) == 0
    captured = capsys.readouterr()
    assert "resumed at step 20 of 30" in captured.err
    assert json.loads(captured.out.splitlines()[-1])["steps"] == 30
