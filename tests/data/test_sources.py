"""What a user may call a source, and what comes of it."""

import gzip
import io
import json
import tarfile
from collections import Counter

import pytest

from tfsent.config import DataConfig
from tfsent.data.sources import EmptySourceError, open_source


def texts(source, split=None):
    return [sample.text for sample in source.samples(split)]


def opened(spec, *, want_labels=False, **settings):
    return open_source(str(spec), DataConfig(**settings), want_labels=want_labels)


@pytest.fixture
def files(tmp_path):
    """Three csv files of one row each, numbered past 9."""
    for number in (10, 9, 2):
        content = f"text,label\nrow {number},{number}\n"
        (tmp_path / f"part{number}.csv").write_text(content)
    return tmp_path


def test_file_is_read_by_its_format(files):
    assert texts(opened(files / "part9.csv")) == ["row 9"]


def test_folder_is_read_in_natural_order(files):
    (files / ".hidden.csv").write_text("text\nhidden\n")
    (files / "README.md").write_text("not data")
    assert texts(opened(files)) == ["row 2", "row 9", "row 10"]


def test_glob_is_read_in_natural_order(files):
    assert texts(opened(files / "part*[09].csv")) == ["row 9", "row 10"]


def test_several_files_are_read_in_the_order_given(files):
    spec = f"{files}/part9.csv,{files}/part2.csv"
    assert texts(opened(spec)) == ["row 9", "row 2"]


def test_path_that_exists_is_no_pattern(tmp_path):
    strange = tmp_path / "a:b,c[1].txt"
    strange.write_text("one\n")
    assert texts(opened(strange)) == ["one"]


def test_labels_are_read_only_where_they_are_wanted(files):
    (with_label,) = opened(files / "part9.csv", want_labels=True).samples()
    (without,) = opened(files / "part9.csv").samples()
    assert (with_label.label, without.label) == (9.0, None)


def test_text_file_in_a_folder_is_one_sample(tmp_path):
    (tmp_path / "10.txt").write_text("ten\nlines\n")
    (tmp_path / "9.txt").write_text("nine")
    assert texts(opened(tmp_path)) == ["nine", "ten\nlines\n"]


def test_text_file_given_itself_has_one_sample_a_line(tmp_path):
    (tmp_path / "10.txt").write_text("ten\nlines\n")
    assert texts(opened(tmp_path / "10.txt")) == ["ten", "lines"]


@pytest.fixture
def split_folder(tmp_path):
    """A folder whose files are called train, dev and test."""
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.csv").write_text(f"text\nof {name}\n")
    return tmp_path


def test_files_called_train_and_test_are_splits(split_folder):
    source = opened(split_folder)
    assert source.splits == ("train", "val", "test")
    found = [texts(source, split) for split in source.splits]
    assert found == [["of train"], ["of dev"], ["of test"]]


def test_folder_without_a_split_means_train(split_folder):
    assert texts(opened(split_folder)) == ["of train"]


def test_colon_chooses_a_split(split_folder):
    source = opened(f"{split_folder}:val")
    assert source.splits == ()
    assert texts(source) == ["of dev"]


def test_split_that_does_not_exist_is_refused_with_those_that_do(split_folder):
    with pytest.raises(ValueError, match=r"no split 'unsup'; it has train, val, test"):
        opened(f"{split_folder}:unsup")


def test_folder_with_other_names_has_no_splits(split_folder):
    (split_folder / "more.csv").write_text("text\nmore\n")
    assert opened(split_folder).splits == ()


def test_archive_is_read_in_its_order_without_writing(tmp_path, monkeypatch):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in [
            ("../climbing.txt", b"one\ntext"),
            ("rows.csv", b"text\na\nb\n"),
            ("notes.md", b"no data"),
        ]:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    monkeypatch.chdir(tmp_path)
    assert texts(opened(path)) == ["one\ntext", "a", "b"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tar.gz"]
    assert not (tmp_path.parent / "climbing.txt").exists()


def test_archive_cut_short_is_named(tmp_path):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = 100_000
        archive.addfile(member, io.BytesIO(bytes(range(200)) * 500))
    for size in (path.stat().st_size - 4, 300):
        path.write_bytes(path.read_bytes()[:size])
        with pytest.raises(ValueError, match=r"a\.tar\.gz.* is damaged or cut"):
            texts(opened(path, invalid_utf8="replace"))


def test_check_sum_behind_the_last_member_is_read(tmp_path):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"a"))
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(file.getvalue() + bytes(2**20))[:-4])
    with pytest.raises(ValueError, match=r"a\.tar\.gz is damaged or cut short"):
        texts(opened(path))


class Pipe:
    """Standard input that can be read once."""

    def __init__(self, content):
        self.buffer = io.BytesIO(content)


def test_standard_input_has_one_text_a_line_and_can_be_read_twice(monkeypatch):
    monkeypatch.setattr("sys.stdin", Pipe(b"one\ntwo\n"))
    source = opened("-")
    assert texts(source) == texts(source) == ["one", "two"]


def test_identity_of_standard_input_is_that_of_its_content(monkeypatch):
    found = []
    for content in (b"one\n", b"one\n", b"two\n"):
        monkeypatch.setattr("sys.stdin", Pipe(content))
        found.append(opened("-").identity())
    assert found[0] == found[1] != found[2]


def test_identity_changes_with_the_file_and_is_json(files):
    before = opened(files).identity()
    assert json.loads(json.dumps(before)) == before
    assert opened(files).identity() == before
    (files / "part9.csv").write_text("text,label\nanother,1\n")
    assert opened(files).identity() != before


def test_identity_of_many_files_changes_with_one(tmp_path):
    for number in range(40):
        (tmp_path / f"{number}.txt").write_text("a")
    before = opened(tmp_path).identity()
    (tmp_path / "17.txt").write_text("bb")
    assert opened(tmp_path).identity() != before


@pytest.mark.parametrize("spec", ["missing.csv", "no*.csv", "missing:train", "a,b"])
def test_missing_source_is_told_with_what_would_do(spec):
    with pytest.raises(ValueError, match=r"data.source is '.*does not exist.*builtin"):
        opened(spec)


def test_error_names_the_setting_that_named_the_source():
    with pytest.raises(ValueError, match=r"data.val is 'missing'"):
        open_source("missing", DataConfig(), setting="data.val")


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.json", "a.jsonl"])
def test_empty_file_is_refused_by_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(EmptySourceError, match=rf"{name} holds no sample"):
        texts(opened(tmp_path / name))


def test_folder_without_data_is_refused_with_the_formats(tmp_path):
    (tmp_path / "README.md").write_text("hello")
    with pytest.raises(ValueError, match=r"holds no data file.*\.csv"):
        opened(tmp_path)


def test_unknown_format_is_refused_at_once(tmp_path):
    (tmp_path / "a.docx").write_text("hello")
    with pytest.raises(ValueError, match=r"a.docx has no known format"):
        opened(tmp_path / "a.docx")


def test_builtin_splits_share_no_review_and_hold_both_labels():
    source = opened("builtin", want_labels=True)
    found = {split: list(source.samples(split)) for split in source.splits}
    assert list(found) == ["train", "val", "test"]
    for samples in found.values():
        assert Counter(sample.label for sample in samples).keys() == {0.0, 1.0}
    assert len(found["train"]) > 10 * len(found["val"]) > 0


def test_one_split_of_builtin_can_be_chosen():
    assert texts(opened("builtin:val")) == texts(opened("builtin"), "val")
