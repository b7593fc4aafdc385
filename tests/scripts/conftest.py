"""Small text, and runs that ended, for the tests of the scripts."""

import shutil

import pytest

from tests.scripts.command import CHEAP, call, write_text


@pytest.fixture(scope="session")
def text(tmp_path_factory):
    """Path of 300 lines of words."""
    return write_text(tmp_path_factory.mktemp("text") / "words.txt")


@pytest.fixture(scope="session")
def ended(text, tmp_path_factory):
    """Run folder of a cheap run that ended; not to be changed."""
    run_dir = tmp_path_factory.mktemp("ended") / "run"
    assert call("train", "--data.source", text, "--out", run_dir, *CHEAP) == 0
    return run_dir


@pytest.fixture
def run_dir(ended, tmp_path):
    """A copy of the run folder that ended."""
    return shutil.copytree(ended, tmp_path / "run")


@pytest.fixture
def half_run(run_dir):
    """A copy as a kill behind step 20 leaves it."""
    for name in ("weights.safetensors", "config.json", "manifest.json"):
        (run_dir / name).unlink()
    (run_dir / "model.keras").unlink()
    (run_dir / "result.json").unlink()
    shutil.rmtree(run_dir / "checkpoints" / "00000030")
    return run_dir
