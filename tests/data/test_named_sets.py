"""imdb, sst and semeval2018: where they are found, fetched, and what they hold."""

import gzip
import hashlib
import http.server
import io
import tarfile
import threading
from functools import partial
from pathlib import Path

import pytest

from tfsent.config import DataConfig
from tfsent.data import named_sets
from tfsent.data.named_sets import EMOTIONS, Download
from tfsent.data.sources import open_source

REVIEWS = {
    "test/neg/10_3.txt": "dull test",
    "test/pos/2_9.txt": "fine test",
    "train/neg/0_1.txt": "dull zero",
    "train/neg/10_2.txt": "dull ten",
    "train/pos/0_10.txt": "fine zero",
    "train/pos/9_8.txt": "fine nine<br />two",
    "train/unsup/0_0.txt": "unsup zero",
    "train/unsup/100_0.txt": "unsup hundred",
    "train/unsup/20_0.txt": "unsup twenty",
}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("TFSENT_DATA", raising=False)
    monkeypatch.setenv("TFSENT_CACHE", str(tmp_path / "cache"))


def archive_bytes():
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        names = ["README", "train/urls_neg.txt", *REVIEWS]
        for name in names:
            content = REVIEWS.get(name, "no review").encode()
            member = tarfile.TarInfo(f"aclImdb/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.fixture
def archive(tmp_path):
    """A folder with a small archive in the layout of the published one."""
    (tmp_path / "archive").mkdir()
    path = tmp_path / "archive" / "aclImdb_v1.tar.gz"
    path.write_bytes(archive_bytes())
    return path


@pytest.fixture
def folder(tmp_path):
    """The same, extracted."""
    for name, text in REVIEWS.items():
        path = tmp_path / "extracted" / "aclImdb" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "extracted" / "aclImdb"


def opened(spec, want_labels=False, **settings):
    return open_source(str(spec), DataConfig(**settings), want_labels=want_labels)


def texts(source, split=None):
    return [sample.text for sample in source.samples(split)]


def test_imdb_language_splits_leave_every_hundredth_review_for_val(archive):
    source = opened("imdb", root=str(archive.parent))
    assert source.splits == ("train", "val", "test")
    assert texts(source, "val") == ["dull zero", "fine zero"]
    assert texts(source, "train") == [
        "fine nine<br />two",
        "dull ten",
        "unsup zero",
        "unsup twenty",
        "unsup hundred",
    ]
    assert texts(source, "test") == ["fine test", "dull test"]


def test_imdb_labelled_means_train_and_test_with_labels(archive):
    source = opened("imdb", want_labels=True, root=str(archive.parent))
    assert source.splits == ("train", "test")
    assert [(text[:6], label) for text, label in source.samples()] == [
        ("dull z", 0.0),
        ("fine z", 1.0),
        ("fine n", 1.0),
        ("dull t", 0.0),
    ]


def test_imdb_stars_are_labels_where_they_are_asked_for(archive):
    settings = {"root": str(archive.parent), "label_key": "stars"}
    source = opened("imdb", want_labels=True, **settings)
    assert [(text[:6], label) for text, label in source.samples("train")] == [
        ("dull z", 1.0),
        ("fine z", 10.0),
        ("fine n", 8.0),
        ("dull t", 2.0),
    ]
    cut = opened("imdb", want_labels=True, label_threshold=1.5, **settings)
    assert [label for _, label in cut.samples("train")] == [0.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("split", "count"), [("train", 4), ("unsup", 3), ("test", 2), ("val", 2)]
)
def test_imdb_split_can_be_chosen(archive, split, count):
    source = opened(f"imdb:{split}", root=str(archive.parent))
    assert source.splits == ()
    assert len(texts(source)) == count


@pytest.mark.parametrize("split", ["unsup", "val"])
def test_imdb_split_without_labels_of_its_own_is_refused_where_they_are_wanted(
    archive, split
):
    with pytest.raises(ValueError, match="it has train, test"):
        opened(f"imdb:{split}", want_labels=True, root=str(archive.parent))


def test_imdb_folder_and_archive_give_the_same_samples(archive, folder):
    for want_labels in (False, True):
        packed, plain = (opened(path, want_labels) for path in (archive, folder))
        assert packed.splits == plain.splits
        for split in packed.splits:
            assert list(packed.samples(split)) == list(plain.samples(split))


def test_imdb_is_found_in_each_layout_of_root(archive, folder):
    for root in (archive, archive.parent, folder, folder.parent):
        assert len(texts(opened("imdb:train", root=str(root)))) == 4


def test_imdb_keys_of_other_sources_do_not_disturb(archive):
    source = opened("imdb", True, root=str(archive), text_key="body", label_key="a,b")
    assert next(source.samples()).label == 0.0


def test_two_readings_of_one_imdb_source_do_not_disturb_each_other(archive):
    source = opened("imdb", root=str(archive))
    pairs = zip(source.samples("test"), source.samples("test"), strict=True)
    assert all(first == second for first, second in pairs)


def test_identity_of_imdb_folder_changes_with_one_review(folder):
    before = opened(folder).identity()
    (folder / "train/pos/9_8.txt").write_text("other")
    assert opened(folder).identity() != before


def test_environment_names_the_root(archive, monkeypatch):
    monkeypatch.setenv("TFSENT_DATA", str(archive.parent))
    assert len(texts(opened("imdb:unsup"))) == 3


SST_ROWS = "label,sentence\n1,good {}\n0,bad {}\n"


def write_sst(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(SST_ROWS.format(name, name))


@pytest.mark.parametrize(
    ("below", "names"),
    [
        ("binary_sst", ("train.csv", "val.csv", "test.csv")),
        ("", ("train.csv", "val.csv", "test.csv")),
        ("", [f"{name}_binary_sent.csv" for name in ("train", "dev", "test")]),
    ],
)
def test_sst_is_found_in_each_layout_of_root(tmp_path, below, names):
    write_sst(tmp_path / "root" / below, names)
    source = opened("sst", want_labels=True, root=str(tmp_path / "root"))
    assert source.splits == ("train", "val", "test")
    for split, name in zip(source.splits, names, strict=True):
        assert list(source.samples(split)) == [(f"good {name}", 1), (f"bad {name}", 0)]


def test_sst_split_can_be_chosen(tmp_path):
    write_sst(tmp_path / "root", ("train.csv", "val.csv"))
    found = texts(opened("sst:val", root=str(tmp_path / "root")))
    assert found == ["good val.csv", "bad val.csv"]


@pytest.fixture
def semeval(tmp_path):
    """Tweets with eleven labels; as published, the test file has none."""
    folder = tmp_path / "semeval2018"
    folder.mkdir()
    header = ",ID,Tweet," + ",".join(EMOTIONS)
    row = '0,2017-En-1,"a tweet, so far",' + ",".join("10000000001")
    (folder / "train.csv").write_text(f"{header}\n{row}\n")
    (folder / "test.csv").write_text(",ID,Tweet\n0,2018-En-1,another\n")
    return tmp_path


def test_semeval_has_eleven_labels(semeval):
    (sample,) = opened("semeval2018", True, root=str(semeval)).samples("train")
    assert sample.text == "a tweet, so far"
    assert sample.label == (1.0, *[0.0] * 9, 1.0)


def test_semeval_test_text_can_be_read_but_its_labels_are_refused(semeval):
    assert texts(opened("semeval2018:test", root=str(semeval))) == ["another"]
    labelled = opened("semeval2018:test", True, root=str(semeval))
    with pytest.raises(ValueError, match=r"'anger' is not a column of .*'Tweet'"):
        texts(labelled)


@pytest.mark.parametrize("name", named_sets.NAMES)
def test_root_without_the_set_is_refused_with_what_would_do(tmp_path, name):
    with pytest.raises(ValueError, match=rf"data.root is .*not hold {name}; a folder"):
        opened(name, root=str(tmp_path))


def test_set_without_a_known_hash_is_not_fetched():
    with pytest.raises(ValueError, match=r"--data.root give a folder that holds"):
        opened("semeval2018")


@pytest.fixture
def server(tmp_path):
    """Serves one folder on this machine; gives its address and the folder."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


def test_download_is_checked_and_kept(server, monkeypatch, tmp_path):
    address, folder = server
    content = archive_bytes()
    (folder / "aclImdb_v1.tar.gz").write_bytes(content)
    download = Download(
        f"{address}/aclImdb_v1.tar.gz",
        hashlib.sha256(content).hexdigest(),
        "aclImdb_v1.tar.gz",
    )
    monkeypatch.setitem(named_sets.DOWNLOADS, "imdb", (download,))
    assert len(texts(opened("imdb:train"))) == 4
    (folder / "aclImdb_v1.tar.gz").unlink()
    assert len(texts(opened("imdb:train"))) == 4
    kept = tmp_path / "cache" / "downloads" / "aclImdb_v1.tar.gz"
    assert kept.read_bytes() == content


def test_download_with_another_hash_is_refused(server, monkeypatch, tmp_path):
    address, folder = server
    (folder / "aclImdb_v1.tar.gz").write_bytes(gzip.compress(b"something else"))
    download = Download(f"{address}/aclImdb_v1.tar.gz", "0" * 64, "a.tar.gz")
    monkeypatch.setitem(named_sets.DOWNLOADS, "imdb", (download,))
    with pytest.raises(ValueError, match=r"download of http.* failed.*--data.root"):
        opened("imdb")
    assert not (tmp_path / "cache" / "downloads" / "a.tar.gz").exists()


def test_every_file_of_a_set_is_downloaded(server, monkeypatch, tmp_path):
    address, folder = server
    write_sst(folder, [Path(each.file).name for each in named_sets.DOWNLOADS["sst"]])
    served = tuple(
        Download(
            f"{address}/{path.name}",
            hashlib.sha256(path.read_bytes()).hexdigest(),
            f"binary_sst/{path.name}",
        )
        for path in sorted(folder.iterdir())
    )
    monkeypatch.setitem(named_sets.DOWNLOADS, "sst", served)
    assert opened("sst").splits == ("train", "val", "test")
    assert len(served) == 3


def test_failing_download_is_one_line_that_names_the_root(monkeypatch):
    download = Download("http://127.0.0.1:9/aclImdb_v1.tar.gz", "0" * 64, "a.tar.gz")
    monkeypatch.setitem(named_sets.DOWNLOADS, "imdb", (download,))
    with pytest.raises(
        ValueError, match=r"^data.source is imdb: .*--data.root"
    ) as told:
        opened("imdb")
    assert "\n" not in str(told.value)


def test_published_hash_of_imdb_is_pinned():
    assert named_sets.DOWNLOADS["imdb"][0].sha256.startswith("c40f74a18d3b61f9")
