"""A source becomes shards once, whatever interrupts it."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tfsent.config import DataConfig
from tfsent.data import blocks, shard_writer, shards
from tfsent.data.placement import place
from tfsent.data.shards import Workers, open_prepared, prepare
from tfsent.data.sources import open_source
from tfsent.engines import in_order

COUNT = 900


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFSENT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def lines(count=COUNT):
    return [f"review {number} " + "word " * (number % 37) for number in range(count)]


@pytest.fixture
def source(tmp_path):
    """Path of a file of short texts, about 90 KB."""
    path = tmp_path / "reviews.txt"
    path.write_text("\n".join(lines()))
    return path


def settings(source, **changes):
    return DataConfig(**{"source": str(source), "shard_bytes": 16384, **changes})


def texts(split):
    return [sample.tobytes().decode()[2:-1] for sample in split.samples()]


def prints(splits):
    return {name: split.fingerprint for name, split in splits.items()}


def test_every_sample_is_placed_by_the_hash_of_its_index(source):
    splits = prepare(settings(source, split=(8, 1, 1), split_seed=5))
    expected = {"train": [], "val": [], "test": []}
    for index, text in enumerate(lines()):
        expected[place(index, 5, (8, 1, 1))].append(text.strip())
    assert {name: texts(split) for name, split in splits.items()} == expected


def test_files_hold_the_cleaned_bytes(tmp_path):
    (tmp_path / "a.txt").write_text("caf\u00e9<br>\n")
    for rule, expected in [
        ("openai", b"\n caf\xc3\xa9<br> "),
        ("nvidia", b"\n cafe "),
    ]:
        splits = prepare(settings(tmp_path / "a.txt", text_rule=rule))
        assert splits["train"].read(0, splits["train"].num_bytes).tobytes() == expected


def test_second_call_reads_nothing_again(source, monkeypatch):
    first = prepare(settings(source))
    monkeypatch.setattr(shards, "_write", None)
    assert prints(prepare(settings(source))) == prints(first)


@pytest.mark.parametrize(
    "change",
    [
        {"text_rule": "nvidia"},
        {"invalid_utf8": "replace"},
        {"split": (1, 1, 1)},
        {"split_seed": 1},
        {"shard_bytes": 8192},
        {"text_key": "body"},
    ],
)
def test_each_setting_has_shards_of_its_own(source, change):
    first = prepare(settings(source))["train"].folder
    assert prepare(settings(source, **change))["train"].folder != first


def test_changed_source_is_prepared_anew(source):
    prepare(settings(source))
    source.write_text("other text\n")
    assert texts(prepare(settings(source))["train"]) == ["other text"]


def test_own_splits_are_used(tmp_path):
    for name in ("train", "valid", "test"):
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / f"{name}.txt").write_text(name)
    splits = prepare(settings(tmp_path / "set"))
    found = {name: texts(split) for name, split in splits.items()}
    assert found == {"train": ["train"], "val": ["valid"], "test": ["test"]}


def test_split_that_a_set_lacks_is_taken_from_its_training_text(tmp_path, source):
    (tmp_path / "set" / "train").mkdir(parents=True)
    (tmp_path / "set" / "test").mkdir()
    (tmp_path / "set" / "train" / "a.csv").write_text("text\n" + "\n".join(lines(200)))
    (tmp_path / "set" / "test" / "a.csv").write_text("text\ntested\n")
    splits = prepare(settings(tmp_path / "set", split=(80, 20, 20)))
    assert texts(splits["test"]) == ["tested"]
    assert splits["train"].num_samples + splits["val"].num_samples == 200
    assert 10 < splits["val"].num_samples < 80


def test_val_and_test_that_are_named_take_nothing_from_the_source(tmp_path, source):
    (tmp_path / "val.txt").write_text("validated")
    config = settings(source, val=str(tmp_path / "val.txt"), split=(2, 1, 1))
    splits = prepare(config)
    assert texts(splits["val"]) == ["validated"]
    assert splits["train"].num_samples + splits["test"].num_samples == COUNT
    assert splits["test"].num_samples > COUNT / 8


def test_source_of_one_sample_trains_and_has_no_other_split(tmp_path):
    (tmp_path / "a.txt").write_text("alone")
    for seed in range(5):
        config = settings(tmp_path / "a.txt", split=(1, 50, 50), split_seed=seed)
        splits = prepare(config)
        assert {name: texts(split) for name, split in splits.items()} == {
            "train": ["alone"]
        }


def test_empty_texts_are_dropped_and_counted(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\n &nbsp; \ntwo\n")
    train = prepare(settings(tmp_path / "a.txt", split=(1, 0, 0)))["train"]
    assert texts(train) == ["one", "two"]
    assert train.index["dropped_empty"] == 2


def test_source_without_text_is_refused_and_leaves_nothing(tmp_path, cache):
    (tmp_path / "a.txt").write_text("\n \n")
    with pytest.raises(ValueError, match=r"no text is left for training \(2 were"):
        prepare(settings(tmp_path / "a.txt"))
    assert list((cache / "shards").iterdir()) == []


def test_fault_in_the_text_is_told_and_leaves_nothing(tmp_path, cache):
    content = "\n".join(json.dumps({"text": text}) for text in lines())
    (tmp_path / "a.jsonl").write_text(content + "\n{broken")
    with pytest.raises(ValueError, match=rf"a.jsonl, line {COUNT + 1}: broken json"):
        prepare(settings(tmp_path / "a.jsonl"))
    assert list((cache / "shards").iterdir()) == []


def test_half_surrogate_in_json_does_not_stop_a_preparation(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a\\ud800b"}')
    assert texts(prepare(settings(tmp_path / "a.jsonl"))["train"]) == ["a?b"]


def test_folder_of_choice_holds_the_splits_and_nothing_else(source, tmp_path):
    splits = prepare(settings(source), tmp_path / "out")
    found = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert found == sorted(splits)
    suffixes = {path.suffix for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert suffixes == {".bin", ".idx", ".json"}
    assert not list(tmp_path.glob(".*"))


def test_folder_that_holds_something_else_is_left_alone(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match="out holds something else; a new or an empty"):
        prepare(settings(source), tmp_path / "out")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "precious"


def test_folder_with_shards_of_other_settings_is_left_alone(source, tmp_path):
    first = prepare(settings(source), tmp_path / "out")
    with pytest.raises(ValueError, match="out holds shards of other text or settings"):
        prepare(settings(source, text_rule="nvidia"), tmp_path / "out")
    assert prints(open_prepared(tmp_path / "out")) == prints(first)


def test_prepared_folder_is_used_as_it_is(source, tmp_path):
    first = prepare(settings(source), tmp_path / "out")
    again = prepare(settings(tmp_path / "out"))
    assert prints(again) == prints(first)
    assert again["train"].folder == tmp_path / "out" / "train"


def test_prepared_folder_takes_another_val(source, tmp_path):
    prepare(settings(source), tmp_path / "out")
    (tmp_path / "val.txt").write_text("one\ntwo\nthree\n")
    splits = prepare(settings(tmp_path / "out", val=str(tmp_path / "val.txt")))
    assert texts(splits["val"]) == ["one", "two", "three"]


def test_prepared_folder_of_another_rule_is_refused(source, tmp_path):
    prepare(settings(source, text_rule="nvidia"), tmp_path / "out")
    with pytest.raises(ValueError, match="give --data.text-rule nvidia"):
        prepare(settings(tmp_path / "out"))


def test_prepared_folder_is_a_source_of_texts(source, tmp_path):
    splits = prepare(settings(source), tmp_path / "out")
    opened = open_source(f"{tmp_path / 'out'}:val", DataConfig())
    found = [sample.text for sample in opened.samples()]
    assert found == texts(splits["val"])


class Stopped(BaseException):
    """Stands for whatever ends a process."""


def test_stopped_preparation_goes_on_behind_its_last_closed_shard(
    source, tmp_path, monkeypatch
):
    source.write_text("\n\n" + source.read_text())
    whole = prints(prepare(settings(source, shard_bytes=4096), tmp_path / "whole"))
    journal = tmp_path / ".out.partial" / "journal.json"
    saves = 0
    write_file = shards.write_file

    def stop_at_the_seventh(path, content):
        nonlocal saves
        write_file(path, content)
        saves += 1
        if saves == 7:
            raise Stopped

    monkeypatch.setattr(shards, "write_file", stop_at_the_seventh)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2048)
    with pytest.raises(Stopped):
        prepare(settings(source, shard_bytes=4096), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    journalled = json.loads(journal.read_bytes())
    again = journalled["reached"][1]
    cleaned = 0
    rule = shards.RULES["openai"]

    def counted(text):
        nonlocal cleaned
        cleaned += 1
        return rule(text)

    monkeypatch.setitem(shards.RULES, "openai", counted)
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
    monkeypatch.setattr(shards, "in_order", only_here)
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
    write_file = shards.write_file

    def kill_a_worker(path, content):
        write_file(path, content)
        for child in psutil.Process().children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()

    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_file", kill_a_worker)
        with pytest.raises(ChildProcessError, match="a worker process has died"):
            prepare(config, tmp_path / "out", workers=Workers("local", 2))
    journal = tmp_path / ".out.partial" / "journal.json"
    assert json.loads(journal.read_bytes())["consumed"] > 0
    assert prints(prepare(config, tmp_path / "out")) == whole


def prepare_in_child(source, barrier, queue):
    barrier.wait()
    queue.put(prints(prepare(settings(source))))


def test_two_processes_at_once_get_the_same_shards(source, cache):
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(2), context.Queue()
    children = [
        context.Process(target=prepare_in_child, args=(source, barrier, queue))
        for _ in range(2)
    ]
    for child in children:
        child.start()
    found = [queue.get(timeout=60) for _ in children]
    for child in children:
        child.join()
    assert found[0] == found[1] == prints(prepare(settings(source)))
    assert len(list((cache / "shards").iterdir())) == 1


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
        patch.setattr(shards._Job, "finish", stop)
        with pytest.raises(Stopped):
            prepare(settings(other), tmp_path / "out")
    assert (tmp_path / ".out.partial" / "journal.json").exists()
    assert prints(prepare(settings(source), tmp_path / "out")) == whole


def test_folder_that_another_process_finished_meanwhile_is_taken(
    source, tmp_path, monkeypatch
):
    is_ready = shards._is_ready
    found = []

    def other_finishes(target, key):
        if found:
            return is_ready(target, key)
        found.append(is_ready(target, key))
        prepare(settings(source), tmp_path / "out")
        return found[0]

    monkeypatch.setattr(shards, "_is_ready", other_finishes)
    splits = prepare(settings(source), tmp_path / "out")
    assert found == [False]
    assert splits["train"].num_samples > 0
    assert not list(tmp_path.glob(".*"))


def test_old_leftover_of_a_dead_writer_is_removed_and_nothing_else(source, cache):
    folder = cache / "shards"
    names = {
        "old": f".{'a' * 64}.partial",
        "young": f".{'b' * 64}.partial",
        "other": ".something.partial",
        "final": "c" * 64,
    }
    for name in names.values():
        (folder / name).mkdir(parents=True)
    for name in ("old", "other", "final"):
        os.utime(folder / names[name], (0, 0))
    prepare(settings(source))
    left = {name for name in names if (folder / names[name]).exists()}
    assert left == {"young", "other", "final"}


def test_progress_is_told_in_samples_and_bytes(source):
    told = []
    text = "word " * 9
    source.write_text("\n".join([text] * 2500))
    prepare(settings(source), on_progress=lambda *each: told.append(each))
    # A cleaned text is two bytes longer: stripped by one, padded by three.
    assert told == [(1000, 47_000), (2000, 94_000)]
