"""A source cut into blocks gives the texts that it gives as a whole."""

import gzip
import io
import json
import pickle
import tarfile

import pytest
import zstandard

from tfsent.config import DataConfig
from tfsent.data import blocks
from tfsent.data.blocks import BlockFault, Lines, Place
from tfsent.data.file_source import Source
from tfsent.data.samples import Sample
from tfsent.data.sources import open_source

TEXTS = [
    "one",
    "",
    "word " * 30,
    "\ufeffmark at the start of a line",
    "caf\u00e9 \u4e2d\u6587 " * 9,
    "carriage return inside \r and at its end",
    *(f"text {number} " + "x" * (number % 17) for number in range(80)),
]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64)
    monkeypatch.setattr(blocks, "BLOCK_TEXTS", 7)


def plain_lines(end="\n"):
    return end.join(TEXTS).encode()


def json_lines():
    return b"".join(json.dumps({"text": t, "n": 1}).encode() + b"\n" for t in TEXTS)


def csv_table():
    rows = ['"' + text.replace('"', '""') + '\n"' for text in TEXTS]
    return "\n".join(["text", *rows]).encode()


def archive():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for number, content in enumerate([json_lines(), csv_table()]):
            info = tarfile.TarInfo(f"{number}" + (".jsonl", ".csv")[number])
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file.getvalue()


FILES = {
    "a.txt": plain_lines(),
    "end.txt": plain_lines() + b"\n",
    "mark.txt": b"\xef\xbb\xbf" + plain_lines(),
    "marks.txt": b"\xef\xbb\xbftext\n" * 40,
    "windows.txt": plain_lines("\r\n"),
    "a.txt.gz": gzip.compress(plain_lines()),
    "marks.txt.gz": gzip.compress(b"\xef\xbb\xbftext\n" * 40),
    "a.jsonl": json_lines(),
    "a.jsonl.zst": zstandard.compress(json_lines()),
    "a.json": json_lines(),
    "a.csv": csv_table(),
    "a.tar": archive(),
    "long.txt": b"y" * 1000 + b"\n" + b"z" * 1000,
}


def opened(path):
    return open_source(str(path), DataConfig(source=str(path)))


def check_blocks(source, split=None):
    """Compare blocks, and those from every place on, with the source as a whole."""
    texts = [sample.text for sample in source.samples(split)]
    found = list(source.blocks(split))
    assert [text for block in found for text in block.texts()] == texts
    assert len(found) > 1
    begins = [block.begin for block in found]
    assert begins[0] == Place()
    # The next part begins anew; within one, blocks follow each other.
    for block, following in zip(found, begins[1:], strict=False):
        assert following in (block.after, Place(block.begin.part + 1))
    left = texts
    for block in found:
        rest = list(source.blocks(split, block.begin))
        assert [text for each in rest for text in each.texts()] == left
        left = left[len(block.texts()) :]
    assert list(source.blocks(split, found[-1].after)) == []
    return found


@pytest.mark.parametrize("name", FILES)
def test_blocks_of_a_file_hold_its_texts_in_order(tmp_path, name):
    (tmp_path / name).write_bytes(FILES[name])
    check_blocks(opened(tmp_path / name))


def test_plain_lines_stay_where_they_are(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(json_lines())
    found = check_blocks(opened(tmp_path / "a.jsonl"))
    assert all(isinstance(block, Lines) and block.raw is None for block in found)


def test_blocks_of_several_files_follow_each_other(tmp_path):
    files = {
        "a.txt": plain_lines(),
        "b.jsonl.gz": gzip.compress(json_lines()),
        "c.csv": csv_table(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    names = ",".join(str(tmp_path / name) for name in files)
    found = check_blocks(opened(names))
    assert {block.begin.part for block in found} == {0, 1, 2}


def test_blocks_of_a_folder_with_splits(tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).mkdir()
        for number in range(30):
            (tmp_path / split / f"{number}.txt").write_text(f"{split} {number}\nmore")
    for split in ("train", "test"):
        found = check_blocks(opened(tmp_path), split)
        assert all(2 < len(block.texts()) < 8 for block in found)
    one = open_source(f"{tmp_path}:test", DataConfig(source="builtin"))
    texts = [text for block in one.blocks() for text in block.texts()]
    assert texts == [f"test {number}\nmore" for number in range(30)]


def test_no_block_has_too_many_texts(tmp_path):
    (tmp_path / "a.txt").write_text("\n" * 40)
    found = check_blocks(opened(tmp_path / "a.txt"))
    assert [len(block.texts()) for block in found] == [7, 7, 7, 7, 7, 5]


def test_every_text_has_its_file_and_its_row(tmp_path):
    (tmp_path / "a").mkdir()
    for number in range(12):
        (tmp_path / "a" / f"{number}.txt").write_text(f"whole {number}")
    (tmp_path / "b.txt").write_bytes(plain_lines())
    one, lines = [], []
    for path, keys in ((tmp_path / "a", one), (tmp_path / "b.txt", lines)):
        for block in opened(path).blocks():
            texts = block.texts()
            keys += zip(*block.keys(len(texts), len(keys)), texts, strict=True)
    folder = tmp_path / "a"
    assert one == [(str(folder / f"{n}.txt"), 0, f"whole {n}") for n in range(12)]
    assert [(row, text) for _, row, text in lines] == [*enumerate(TEXTS)]


def test_a_file_that_became_shorter_is_told(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(plain_lines())
    *_, last = opened(path).blocks()
    path.write_bytes(plain_lines()[:-20])
    with pytest.raises(OSError, match="became shorter while it was read"):
        last.texts()


def read_all(source):
    with source.faults_told(None):
        for block in source.blocks():
            block.texts()


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.csv"])
def test_a_fault_is_told_by_its_line_and_can_be_sent(tmp_path, name):
    content = json_lines() + b"{\n" if "jsonl" in name else csv_table() + b"\na,b\n"
    packed = gzip.compress(content) if name.endswith(".gz") else content
    (tmp_path / name).write_bytes(packed)
    (tmp_path / "0.txt").write_bytes(plain_lines())
    source = opened(f"{tmp_path / '0.txt'},{tmp_path / name}")
    with pytest.raises(ValueError, match=rf"{name}, line \d+: ") as told:
        read_all(source)
    line = content.count(b"\n")
    assert f"line {line}:" in str(told.value)
    fault = pickle.loads(pickle.dumps(BlockFault("told", 3)))
    assert (str(fault), fault.part) == ("told", 3)


class Given(Source):
    """Texts that no file holds."""

    def identity(self):
        return {}

    def _read(self, split):
        return map(Sample, TEXTS)


def test_blocks_of_a_source_that_is_no_file():
    check_blocks(Given("given"))


def test_a_split_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "a.txt").write_bytes(FILES["a.txt"])
    with pytest.raises(ValueError, match="has no split 'test'"):
        opened(tmp_path / "a.txt").blocks("test")
