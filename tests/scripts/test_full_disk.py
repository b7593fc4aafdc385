"""A disk that is full ends a run in one line; what was saved before stays."""

import errno
import os
import subprocess

import pytest
import tensorflow  # noqa: F401  # Here, so that the CPU is split before the first test.

from tests.scripts.command import CHEAP, call, error_line
from tfsent.checkpoint import StateStore

FINAL = "weights.safetensors"


@pytest.mark.parametrize(
    "name", ["write", pytest.param("fsync", marks=pytest.mark.slow)]
)
def test_full_disk_leaves_the_checkpoint_before_and_the_run_goes_on_later(
    name, text, ended, tmp_path, capsys, monkeypatch
):
    flags = ["--data.source", text, "--out", tmp_path, *CHEAP]
    call_it = getattr(os, name)

    def refuse(file, *rest):
        if os.readlink(f"/proc/self/fd/{file}").count("-00000020/training_state"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return call_it(file, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(os, name, refuse)
        assert call("train", *flags) == 1
    line = error_line(capsys.readouterr())
    path = tmp_path / "checkpoints" / "00000020" / "training_state.safetensors"
    assert line == f"{path}: No space left on device"
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["00000010"]
    assert StateStore(tmp_path, keep=3).latest().step == 10
    assert call("train", *flags) == 0
    assert (tmp_path / FINAL).read_bytes() == (ended / FINAL).read_bytes()


@pytest.fixture
def small_disk(tmp_path):
    """A disk that holds 100 KiB; a function gives it more."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root.")

    def mount(options):
        command = ["mount", "-t", "tmpfs", "-o", options, "none", tmp_path]
        return subprocess.run(command, capture_output=True).returncode == 0

    if not mount("size=100k"):
        pytest.skip("mounting is not permitted here.")
    yield tmp_path, lambda: mount("remount,size=4m")
    subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.slow
def test_disk_that_really_is_full_is_one_line_wherever_it_strikes(
    small_disk, text, ended, capsys
):
    disk, grow = small_disk
    flags = ["--data.source", text, "--out", disk / "run", *CHEAP]
    assert call("train", *flags) == 1
    line = error_line(capsys.readouterr())
    assert line.startswith(f"{disk}/run/")
    assert line.endswith("No space left on device")
    store = StateStore(disk / "run", keep=3)
    assert store.latest() is None or store.latest().step in (10, 20)
    assert grow()
    assert call("train", *flags) == 0
    assert (disk / "run" / FINAL).read_bytes() == (ended / FINAL).read_bytes()
