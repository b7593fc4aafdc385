"""A new run starts from the weights of a trained model, of either framework."""

import shutil

import numpy as np
import pytest

import compare
import tfsent
from tests.scripts.command import CHEAP, call, error_line

STILL = ("--optimizer.learning-rate", "1e-12", "--training.steps", "2")
"""So small a rate that float32 weights stay as they are."""


@pytest.fixture(scope="module")
def onward(ended, text, tmp_path_factory):
    """Runs that start from one another: of Keras, of the twin, of Keras again."""
    folder = tmp_path_factory.mktemp("onward")
    runs, flags = [ended], ["--data.source", text, *CHEAP, *STILL]
    for script in ("train_twin", "train"):
        out = folder / script
        start = ("--training.start-from", runs[-1])
        assert call(script, *flags, *start, "--out", out) == 0
        runs.append(out)
    return runs


def test_weights_go_on_in_the_other_framework_and_back(onward):
    ended, twin, keras = onward
    theirs = tfsent.load(ended).named_weights()
    for ours in (
        compare.load(twin).named_weights(),
        tfsent.load(keras).named_weights(),
    ):
        assert ours.keys() == theirs.keys()
        for name, weight in theirs.items():
            np.testing.assert_allclose(ours[name], weight, rtol=0, atol=1e-7)


def test_the_model_is_read_at_the_start_only(onward, text, tmp_path, capsys):
    ended, _, _ = onward
    start = shutil.copytree(ended, tmp_path / "start")
    out = tmp_path / "run"
    flags = ["--data.source", text, *CHEAP, "--checkpoint.interval", "1", "--out", out]
    flags += ["--training.start-from", start, "--optimizer.schedule", "constant"]
    assert call("train", *flags, "--training.steps", "2") == 0
    assert f"starts from {start}" in capsys.readouterr().err
    shutil.rmtree(start)
    assert call("train", *flags, "--training.steps", "3") == 0
    assert "resumed at step 2 of 3" in capsys.readouterr().err


@pytest.mark.parametrize("script", ["train", "train_twin"])
def test_another_shape_is_refused_with_the_flags_that_will_do(
    script, ended, text, tmp_path, capsys
):
    flags = ["--data.source", text, *CHEAP, "--training.start-from", ended]
    flags += ["--model.hidden-size", "7", "--out", tmp_path / "run"]
    assert call(script, *flags) == 1
    size = tfsent.load(ended).model.config.hidden_size
    line = error_line(capsys.readouterr())
    assert f"{ended} is another model" in line
    assert f"--model.hidden-size {size} will do" in line


def test_no_model_is_one_line(text, tmp_path, capsys):
    flags = ["--data.source", text, *CHEAP, "--out", tmp_path / "run"]
    assert call("train", *flags, "--training.start-from", tmp_path / "none") == 1
    assert str(tmp_path / "none") in error_line(capsys.readouterr())
