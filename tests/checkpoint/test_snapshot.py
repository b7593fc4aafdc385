import os

import pytest

from tfsent.checkpoint import CheckpointError, snapshot
from tfsent.checkpoint.snapshot import open_together


def fill(folder, text):
    folder.mkdir(exist_ok=True)
    for name in "ab":
        draft = folder / "draft"
        draft.write_bytes(text)
        os.replace(draft, folder / name)


def before_second_file(monkeypatch, action):
    """Do `action` once, between the opening of the first file and the second."""

    class Interrupted(snapshot.OpenFile):
        done = False

        def __init__(self, path, name, folder):
            if name == "b" and not Interrupted.done:
                Interrupted.done = True
                action()
            super().__init__(path, name, folder)

    monkeypatch.setattr(snapshot, "OpenFile", Interrupted)


def contents(folder):
    with open_together(folder, ["a", "b"]) as files:
        return [file.read_whole(9) for file in files.values()]


def test_files_replaced_while_they_are_opened_are_opened_again(tmp_path, monkeypatch):
    fill(tmp_path / "run", b"old")
    before_second_file(monkeypatch, lambda: fill(tmp_path / "run", b"new"))
    assert contents(tmp_path / "run") == [b"new", b"new"]


def test_folder_replaced_while_it_is_opened_is_opened_again(tmp_path, monkeypatch):
    run = tmp_path / "run"
    fill(run, b"old")

    def replace():
        run.rename(tmp_path / "doomed")
        (tmp_path / "doomed" / "b").unlink()
        fill(run, b"new")

    before_second_file(monkeypatch, replace)
    assert contents(run) == [b"new", b"new"]


def test_open_files_keep_their_content_when_their_names_go(tmp_path):
    fill(tmp_path / "run", b"old")
    with open_together(tmp_path / "run", ["a", "b"]) as files:
        fill(tmp_path / "run", b"new")
        (tmp_path / "run" / "b").unlink()
        assert [file.read_whole(9) for file in files.values()] == [b"old", b"old"]


def test_folder_that_keeps_changing_is_refused_in_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "_PAUSE_S", 0)
    monkeypatch.setattr(snapshot, "_open_all", lambda *_: None)
    with pytest.raises(CheckpointError, match="keeps changing"):
        contents(tmp_path)


def test_files_are_closed_afterwards(tmp_path):
    fill(tmp_path / "run", b"old")
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        contents(tmp_path / "run")
        with pytest.raises(CheckpointError, match="holds no c"):
            with open_together(tmp_path / "run", ["a", "c"]):
                pass
    assert os.listdir("/proc/self/fd") == before


def test_file_over_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(snapshot, "MAX_FILE_BYTES", 2)
    fill(tmp_path / "run", b"old")
    with pytest.raises(CheckpointError, match="run/a: has 3 bytes; most is 2"):
        contents(tmp_path / "run")
