"""A preparation comes to the same bytes, whatever interrupts it, whoever cleans."""

import errno
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.data.small_texts import COUNT, lines, prints, settings
from tfsent.data import blocks, preparation, shard_writer
from tfsent.data.shards import Workers, open_prepared, prepare
from tfsent.engines import in_order

pytestmark = pytest.mark.usefixtures("cache")


class Stopped(BaseException):
    """Stands for whatever ends a process."""


def test_stopped_preparation_goes_on_behind_its_last_closed_shard(
    source, tmp_path, monkeypatch
):
    source.write_text("\n\n" + source.read_text())
    whole = prints(prepare(settings(source, shard_bytes=4096), tmp_path / "whole"))
    journal = tmp_path / ".out.partial" / "journal.json"
    saves = 0
    write_file = preparation.write_file

    def stop_at_the_seventh(path, content):
        nonlocal saves
        write_file(path, content)
        saves += 1
        if saves == 7:
            raise Stopped

    monkeypatch.setattr(preparation, "write_file", stop_at_the_seventh)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2048)
    with pytest.raises(Stopped):
        prepare(settings(source, shard_bytes=4096), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    journalled = json.loads(journal.read_bytes())
    again = journalled["reached"][1]
    cleaned = 0
    rule = preparation.RULES["openai"]

    def counted(text):
        nonlocal cleaned
        cleaned += 1
        return rule(text)

    monkeypatch.setitem(preparation.RULES, "openai", counted)
    (journal.parent / "train" / "stray.bin").write_bytes(b"written later")
    splits = prepare(settings(source, shard_bytes=4096), tmp_path / "out")
    assert prints(splits) == whole
    # The block that was begun is cleaned again, no other.
    assert cleaned == COUNT + 2 - journalled["consumed"] + again < COUNT
    assert again < 2048 / 8
    assert sum(split.index["dropped_empty"] for split in splits.values()) == 2
    assert not (tmp_path / "out" / "train" / "stray.bin").exists()


@pytest.mark.parametrize("name", ["fsync", "replace", "rename"])
@pytest.mark.parametrize("cause", [errno.ENOSPC, errno.EIO])
def test_every_refused_call_names_its_file_and_harms_nothing(
    source, tmp_path, monkeypatch, name, cause
):
    before = prints(prepare(settings(source), tmp_path / "before"))
    call = getattr(os, name)
    left = 10**9

    def refuse(*arguments):
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(cause, os.strerror(cause))
        return call(*arguments)

    monkeypatch.setattr(os, name, refuse)
    prepare(settings(source), tmp_path / "count")
    calls = 10**9 - left
    for number in range(1, calls + 1, max(1, calls // 6)):
        left = number
        out = tmp_path / f"out{number}"
        with pytest.raises(OSError, match=os.strerror(cause)) as told:
            prepare(settings(source), out)
        assert str(tmp_path) in str(told.value)
        # The last fsync comes behind the rename: the folder is then there, and whole.
        assert not out.exists() or prints(open_prepared(out)) == before
        assert prints(prepare(settings(source), out)) == before
    assert prints(open_prepared(tmp_path / "before")) == before


def test_files_and_names_are_on_disk_before_the_folder_gets_its_name(
    source, tmp_path, monkeypatch
):
    synced = set()
    at_rename = []
    fsync, rename = os.fsync, os.rename

    def record(descriptor):
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def check(old, new):
        entries = [old, *old.rglob("*")]
        at_rename.extend(path for path in entries if path.stat().st_ino not in synced)
        synced.clear()
        rename(old, new)

    monkeypatch.setattr(os, "fsync", record)
    monkeypatch.setattr(os, "rename", check)
    prepare(settings(source), tmp_path / "out")
    assert at_rename == []
    assert tmp_path.stat().st_ino in synced


def test_refused_write_names_its_file(source, tmp_path, monkeypatch):
    def refuse(file, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class FullDisk:
        def __init__(self, *arguments, **options):
            self._file = open(*arguments, **options)

        def __getattr__(self, name):
            return getattr(self._file, name)

        write = refuse

    monkeypatch.setattr(shard_writer, "open", FullDisk, raising=False)
    with pytest.raises(OSError, match=r"No space left .*shard-00000"):
        prepare(settings(source), tmp_path / "out")


CHILD = """
import sys
from tfsent.config import DataConfig
from tfsent.data.shards import prepare
prepare(DataConfig(source=sys.argv[1], shard_bytes=262144), sys.argv[2])
"""


def test_killed_preparation_ends_with_the_same_bytes(tmp_path):
    source = tmp_path / "a.jsonl"
    with open(source, "w") as file:
        for text in lines(60_000):
            file.write(json.dumps({"text": text}) + "\n")
    config = settings(source, shard_bytes=262144)
    whole = prints(prepare(config, tmp_path / "whole"))
    out = tmp_path / "out"
    journal = tmp_path / ".out.partial" / "journal.json"
    for shard in (1, 6, 12):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(source), str(out)])
        seen = journal.parent / "train" / f"shard-{shard:05d}.bin"
        while child.poll() is None and not seen.exists():
            time.sleep(0.001)
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert not out.exists()
    assert journal.exists()
    assert prints(prepare(config, out)) == whole
    assert not journal.parent.exists()


FORMATS = {
    "reviews.txt": lambda texts: "\n".join(texts),
    "reviews.jsonl": lambda texts: "".join(f'{{"text": "{t}"}}\n' for t in texts),
    "reviews.csv": lambda texts: "\n".join(["text", *(f'"{t}"' for t in texts)]),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("rule", ["openai", "nvidia"])
def test_several_workers_write_the_same_shards(tmp_path, monkeypatch, name, rule):
    source = tmp_path / name
    source.write_text(FORMATS[name](["", *lines(), " "]))
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 3000)
    config = settings(source, text_rule=rule, shard_bytes=10_000)
    whole = prepare(config, tmp_path / "one")
    several = prepare(config, tmp_path / "two", workers=Workers("local", 2))
    assert prints(several) == prints(whole)
    dropped = [[s.index["dropped_empty"] for s in x.values()] for x in (whole, several)]
    assert dropped[0] == dropped[1]
    assert sum(dropped[0]) == 2


def test_a_little_text_starts_no_worker(source, tmp_path, monkeypatch):
    monkeypatch.setattr(preparation, "in_order", only_here)
    prepare(settings(source), tmp_path / "out", workers=Workers("local", 2))


def only_here(make, items, *, engine, workers):
    assert (engine, workers) == ("local", 1)
    return in_order(make, items, engine=engine, workers=workers)


@pytest.mark.parametrize("processes", [1, 2])
def test_a_fault_far_in_the_text_names_its_line(tmp_path, monkeypatch, processes):
    source = tmp_path / "reviews.jsonl"
    good = [f'{{"text": "{text}"}}\n' for text in lines()]
    source.write_text("".join([*good, "{\n", *good]))
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 3000)
    with pytest.raises(ValueError, match=rf"reviews.jsonl, line {COUNT + 1}: broken"):
        prepare(settings(source), tmp_path / "out", workers=Workers("local", processes))
    assert not list(tmp_path.glob("*out*"))


def test_killed_workers_leave_one_error_and_what_was_done(tmp_path, monkeypatch):
    source = tmp_path / "reviews.txt"
    source.write_text("\n".join(lines(4 * COUNT)))
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 3000)
    config = settings(source, shard_bytes=30_000)
    whole = prints(prepare(config, tmp_path / "whole"))
    write_file = preparation.write_file

    def kill_a_worker(path, content):
        write_file(path, content)
        for child in psutil.Process().children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()

    with monkeypatch.context() as patch:
        patch.setattr(preparation, "write_file", kill_a_worker)
        with pytest.raises(ChildProcessError, match="a worker process has died"):
            prepare(config, tmp_path / "out", workers=Workers("local", 2))
    journal = tmp_path / ".out.partial" / "journal.json"
    assert json.loads(journal.read_bytes())["consumed"] > 0
    assert prints(prepare(config, tmp_path / "out")) == whole


def test_journal_that_is_damaged_means_a_clean_start(source, tmp_path):
    whole = prints(prepare(settings(source), tmp_path / "whole"))
    for content in (b"", b"[]", b'{"key": "other"}', b"\xff"):
        partial = tmp_path / ".out.partial"
        (partial / "train").mkdir(parents=True)
        (partial / "journal.json").write_bytes(content)
        (partial / "train" / "shard-00099.bin").write_bytes(b"left over")
        assert prints(prepare(settings(source), tmp_path / "out")) == whole
        assert not (tmp_path / "out" / "train" / "shard-00099.bin").exists()
        (tmp_path / "out").rename(tmp_path / f"out{len(content)}")


def test_journal_of_other_text_means_a_clean_start(source, tmp_path, monkeypatch):
    whole = prints(prepare(settings(source), tmp_path / "whole"))
    other = tmp_path / "other.txt"
    other.write_text("\n".join(lines()).upper())

    def stop(self, facts, name):
        raise Stopped

    with monkeypatch.context() as patch:
        patch.setattr(preparation.Preparation, "finish", stop)
        with pytest.raises(Stopped):
            prepare(settings(other), tmp_path / "out")
    assert (tmp_path / ".out.partial" / "journal.json").exists()
    assert prints(prepare(settings(source), tmp_path / "out")) == whole
