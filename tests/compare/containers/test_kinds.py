import os

import numpy as np
import pytest
import torch

from compare import containers
from compare.containers import Container, kinds
from tests.compare.formats import parts as made
from tfsent.checkpoint import CheckpointError

KINDS = ("npy-folder", "npz", "torch", "safetensors")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_told_by_content_and_not_by_name(tmp_path, kind):
    container = Container(kind, {"0": np.arange(3, dtype="f4")})
    path = tmp_path / "anything.bin"
    containers.write(path, container)
    assert containers.read(path).kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_survive_every_kind(tmp_path, kind):
    arrays = made.ours(made.draw(), weight_norm=True)
    arrays = {name.replace("/", "."): array for name, array in arrays.items()}
    containers.write(tmp_path / "m", Container(kind, arrays))
    found = containers.read(tmp_path / "m") if kind != "npy-folder" else None
    if found is None:  # Known by its 0.npy.
        found = kinds._module(kind).read(tmp_path / "m")
    assert made.same(found.arrays, arrays)


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(CheckpointError, match="there is no such file or folder"):
        containers.read(tmp_path / "nothing")


@pytest.mark.parametrize(
    "content", [b"", b"text", b"PK\x05\x06" + bytes(18), b"\x7fELF"]
)
def test_unknown_content_is_refused(tmp_path, content):
    (tmp_path / "m.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match="is none of classifier-run, run"):
        containers.read(tmp_path / "m.pt")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(CheckpointError):
        containers.read(tmp_path)


def test_a_dangling_link_is_refused(tmp_path):
    (tmp_path / "m.pt").symlink_to(tmp_path / "gone.pt")
    with pytest.raises(CheckpointError, match="m.pt"):
        containers.read(tmp_path / "m.pt")


@pytest.mark.parametrize("suffix", ["", ".pt", ".npz"])
def test_a_pipe_does_not_block(tmp_path, suffix):
    os.mkfifo(tmp_path / f"m{suffix}")
    with pytest.raises(CheckpointError):
        containers.read(tmp_path / f"m{suffix}")


def test_a_kind_that_nothing_writes_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="nothing here writes 'tar'"):
        containers.write(tmp_path / "m", Container("tar", {}))


def test_a_missing_reader_breaks_no_other(tmp_path, monkeypatch):
    torch.save({"w": torch.zeros(3)}, tmp_path / "m.pt")
    monkeypatch.setitem(kinds.KINDS, "run", "not_written_yet")
    assert containers.read(tmp_path / "m.pt").kind == "torch"
