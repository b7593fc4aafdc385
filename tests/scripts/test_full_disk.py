"""A disk that is full ends a run in one line; what was saved before stays."""

import errno
import os
import shutil
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
def disk(tmp_path):
    """A small disk of its own, and a function that sets its size in KiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root.")

    def resize(size_kib, also="remount,"):
        options = f"{also}size={size_kib}k"
        command = ["mount", "-t", "tmpfs", "-o", options, "none", tmp_path]
        return subprocess.run(command, capture_output=True).returncode == 0

    if not resize(4000, also=""):
        pytest.skip("mounting is not permitted here.")
    yield tmp_path, resize
    subprocess.run(["umount", "-l", tmp_path], check=True)


def used_kib(folder):
    facts = os.statvfs(folder)
    return (facts.f_blocks - facts.f_bfree) * facts.f_frsize // 1024


@pytest.mark.slow
def test_disk_that_is_really_full_is_one_line_and_the_run_goes_on_later(
    disk, text, ended, capsys
):
    folder, resize = disk
    flags = ["--data.source", text, "--out", folder / "run", *CHEAP]
    assert resize(100)
    assert call("train", *flags) == 1
    line = error_line(capsys.readouterr())
    assert line.startswith(f"{folder}/run/checkpoints/")
    assert line.endswith("No space left on device")
    latest = StateStore(folder / "run", keep=3).latest()
    assert latest is None or latest.step in (10, 20)
    assert resize(4000)
    assert call("train", *flags) == 0
    assert (folder / "run" / FINAL).read_bytes() == (ended / FINAL).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("free_kib", "name"),
    [
        *((0, ".lock"), (4, "metrics.jsonl"), (20, "weights.safetensors")),
        *((28, "config.json"), (32, "manifest.json"), (44, "model.keras")),
        (64, "result.json"),
    ],
)
def test_final_files_on_a_full_disk_are_one_line_each_and_written_later(
    free_kib, name, disk, run_dir, text, ended, capsys
):
    folder, resize = disk
    if run_dir.parent != folder:
        run_dir = shutil.copytree(run_dir, folder / "run")
    for each in (FINAL, "config.json", "manifest.json", "model.keras", "result.json"):
        (run_dir / each).unlink()
    flags = ["--data.source", text, "--out", run_dir, *CHEAP]
    assert resize(used_kib(folder) + free_kib)
    assert call("train", *flags) == 1
    *_, line = capsys.readouterr().err.splitlines()
    assert line == f"error: {run_dir / name}: No space left on device"
    assert [path.name for path in run_dir.rglob(".*")] == []
    assert resize(4000)
    assert call("train", *flags) == 0
    assert (run_dir / FINAL).read_bytes() == (ended / FINAL).read_bytes()
