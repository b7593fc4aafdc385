"""Compressed files give what was put in, or say that they are cut short."""

import gzip

import pytest
import zstandard

from tfsent.data.compressed import inner_suffix, open_bytes

CONTENT = bytes(range(256)) * 3000
WRITERS = {
    "a.txt": lambda content: content,
    "a.txt.gz": gzip.compress,
    "a.txt.zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("name", WRITERS)
def test_content_comes_back(tmp_path, name):
    (tmp_path / name).write_bytes(WRITERS[name](CONTENT))
    with open_bytes(tmp_path / name) as stream:
        assert stream.read() == CONTENT


@pytest.mark.parametrize("name", ["a.txt.gz", "a.txt.zst"])
def test_several_frames_are_one_content(tmp_path, name):
    packed = WRITERS[name](b"ab") + WRITERS[name](b"") + WRITERS[name](b"cd")
    (tmp_path / name).write_bytes(packed)
    with open_bytes(tmp_path / name) as stream:
        assert stream.read() == b"abcd"


@pytest.mark.parametrize("name", ["a.txt.gz", "a.txt.zst"])
@pytest.mark.parametrize("missing", [1, 5, 100])
def test_file_cut_short_is_named(tmp_path, name, missing):
    (tmp_path / name).write_bytes(WRITERS[name](CONTENT)[:-missing])
    with (
        pytest.raises(ValueError, match=rf"{name} is damaged or cut short"),
        open_bytes(tmp_path / name) as stream,
    ):
        stream.read()


@pytest.mark.parametrize("name", ["a.txt.gz", "a.txt.zst"])
def test_what_is_not_compressed_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"just text")
    with (
        pytest.raises(ValueError, match=rf"{name} is damaged"),
        open_bytes(tmp_path / name) as stream,
    ):
        stream.read()


def test_suffix_is_that_of_the_content():
    names = ["a.csv", "a.CSV.gz", "a.b.jsonl.zst", "a.tgz", "a.tar.gz", "a"]
    expected = [".csv", ".csv", ".jsonl", ".tar", ".tar", ""]
    assert [inner_suffix(name) for name in names] == expected
