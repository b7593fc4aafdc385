"""Every format gives its rows, or one error with file and row."""

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tfsent.data.compressed import open_bytes
from tfsent.data.readers import read_samples
from tfsent.data.samples import Columns, Sample

ROWS = [
    ("plain", 1),
    ('quoted "text", with comma', 0),
    ("line\nbreak\r\nand tab\t", 1),
    ("NUL \0 and caf\u00e9 \U0001f600", 0),
    ("", 1),
]
LABELLED = Columns(labels=("label",))
PACKERS = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


def delimited(delimiter):
    def write(rows):
        file = io.StringIO(newline="")
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(["text", "label"])
        writer.writerows(rows)
        return file.getvalue().encode()

    return write


def write_json(rows):
    return json.dumps([{"text": text, "label": label} for text, label in rows]).encode()


def write_jsonl(rows):
    lines = [json.dumps({"label": label, "text": text}) for text, label in rows]
    return "\n".join(lines).encode()


def write_parquet(rows):
    texts, labels = zip(*rows, strict=True)
    table = pa.table({"text": texts, "other": [[1]] * len(rows), "label": labels})
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


WRITERS = {
    ".csv": delimited(","),
    ".tsv": delimited("\t"),
    ".json": write_json,
    ".jsonl": write_jsonl,
    ".parquet": write_parquet,
}


def read(path, content, columns=LABELLED):
    path.write_bytes(content)
    with open_bytes(path) as stream:
        return list(read_samples(stream, path.name, columns))


@pytest.fixture
def attempt(tmp_path):
    """Return a function that reads content and gives the error it meets."""

    def run(name, content, columns=LABELLED):
        with pytest.raises(ValueError, match=".") as caught:
            read(tmp_path / name, content, columns)
        assert name in str(caught.value)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return run


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("suffix", WRITERS)
def test_rows_come_back_from_every_format(tmp_path, suffix, packer):
    content = PACKERS[packer](WRITERS[suffix](ROWS))
    found = read(tmp_path / f"a{suffix}{packer}", content)
    assert found == [Sample(text, float(label)) for text, label in ROWS]


@given(st.lists(st.tuples(st.text(), st.integers(0, 1)), min_size=1))
@settings(max_examples=30)
@pytest.mark.parametrize("suffix", WRITERS)
def test_any_text_comes_back_from_every_format(tmp_path_factory, suffix, rows):
    found = read(tmp_path_factory.mktemp("any") / f"a{suffix}", WRITERS[suffix](rows))
    assert [sample.text for sample in found] == [text for text, _ in rows]


def test_plain_text_has_one_sample_a_line(tmp_path):
    found = read(tmp_path / "a.txt", b"one\r\n\ntwo\x0b\xe2\x80\xa8\nthree", Columns())
    assert [text for text, _ in found] == ["one", "", "two\x0b\u2028", "three"]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl", ".txt"])
def test_byte_order_mark_is_no_part_of_the_text(tmp_path, suffix):
    content = WRITERS[suffix](ROWS[:1]) if suffix in WRITERS else b"plain"
    found = read(tmp_path / f"a{suffix}", b"\xef\xbb\xbf" + content, Columns())
    assert [sample.text for sample in found] == ["plain"]


def test_crlf_ends_rows_but_stays_in_quotes(tmp_path):
    content = b'text,label\r\n"a\r\nb",1\r\nc,0\r\n'
    found = read(tmp_path / "a.csv", content)
    assert found == [Sample("a\r\nb", 1.0), Sample("c", 0.0)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json"])
def test_field_of_many_mebibytes_comes_back(tmp_path, suffix):
    text = "long \u00e9 text\n" * 300_000
    found = read(tmp_path / f"a{suffix}", WRITERS[suffix]([(text, 1)]))
    assert found == [Sample(text, 1.0)]


def test_json_that_begins_with_an_object_is_read_by_lines(tmp_path):
    found = read(tmp_path / "a.json", write_jsonl(ROWS))
    assert [sample.text for sample in found] == [text for text, _ in ROWS]


@pytest.mark.parametrize("suffix", [".jsonl", ".json"])
def test_half_surrogate_in_json_is_read(tmp_path, suffix):
    line = b'{"text": "a\\ud800b", "label": 1}'
    content = b"[" + line + b"]" if suffix == ".json" else line
    (sample,) = read(tmp_path / f"a{suffix}", content)
    assert sample.text.encode("utf-8", "replace") == b"a?b"


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet"])
def test_null_text_is_an_empty_one_in_its_place(tmp_path, suffix):
    found = read(tmp_path / f"a{suffix}", WRITERS[suffix]([*ROWS[:1], (None, 1)]))
    assert found[1] == Sample("", 1.0)


def test_unwanted_values_of_any_depth_cost_no_memory(tmp_path):
    deep = b"[" * 50_000 + b"]" * 50_000
    content = b'[{"deep": ' + deep + b', "text": "a", "label": 1}]'
    assert read(tmp_path / "a.json", content) == [Sample("a", 1.0)]


def test_key_of_the_same_name_deeper_down_is_not_taken(tmp_path):
    content = b'[{"text": "outer", "label": 1, "more": {"text": "inner", "label": 0}}]'
    assert read(tmp_path / "a.json", content) == [Sample("outer", 1.0)]


def test_row_of_a_late_parquet_batch_is_told_as_such(attempt):
    rows = [("a", 1.0)] * 1300 + [("b", float("nan"))]
    assert "row 1301" in attempt("a.parquet", write_parquet(rows))


def test_several_label_keys_give_a_tuple(tmp_path):
    columns = Columns(text="t", labels=("joy", "anger"))
    found = read(tmp_path / "a.csv", b"anger,t,joy\n0,hello,1\n", columns)
    assert found == [Sample("hello", (1.0, 0.0))]


def test_threshold_makes_two_classes_of_stars(tmp_path):
    columns = Columns(labels=("label",), threshold=3)
    found = read(tmp_path / "a.csv", b"text,label\na,3\nb,3.5\nc,5\n", columns)
    assert [sample.label for sample in found] == [0.0, 1.0, 1.0]


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize(
    ("columns", "setting"),
    [
        (Columns(text="body"), "data.text_key 'body'"),
        (Columns(labels=("stars",)), "data.label_key 'stars'"),
    ],
)
def test_wrong_column_is_told_with_those_there_are(attempt, suffix, columns, setting):
    told = attempt(f"a{suffix}", WRITERS[suffix](ROWS), columns)
    assert setting in told
    assert "'text'" in told
    assert "'label'" in told


def test_column_that_occurs_twice_is_refused(attempt):
    told = attempt("a.csv", b"text,label,text\na,1,b\n")
    assert "'text' names 2 columns" in told


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("value", ["nan", "good", ""])
def test_label_that_is_no_finite_number_is_told_with_its_row(attempt, suffix, value):
    told = attempt(f"a{suffix}", WRITERS[suffix]([("a", "1"), ("b", value)]))
    assert repr(value) in told
    places = {".csv": "line 3", ".tsv": "line 3", ".jsonl": "line 2"}
    place = places.get(suffix, "object 2" if suffix == ".json" else "row 2")
    assert place in told


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("a.txt", b"good\nb\xffad\n", "line 2, byte 6"),
        ("a.csv", b"text,label\na,1\n\xff,1\n", "line 3, byte 15"),
        ("a.jsonl", b'{"text":"a","label":1}\n{"text":"\xff"}\n', "line 2, byte 32"),
        ("a.json", b'[{"text":"a","label":1},{"text":"\xff"}]', "object 2"),
    ],
)
def test_bytes_that_are_not_utf8_are_told_with_their_place(
    attempt, name, content, place
):
    labels = () if name == "a.txt" else ("label",)
    assert place in attempt(name, content, Columns(labels=labels))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"a\xffb"),
        ("a.csv", b"text\na\xffb\n"),
        ("a.jsonl", b'{"text":"a\xffb"}'),
        ("a.json", b'[{"text":"a\xffb"}]'),
    ],
)
def test_bytes_that_are_not_utf8_can_be_replaced(tmp_path, name, content):
    found = read(tmp_path / name, content, Columns(invalid_utf8="replace"))
    assert found == [Sample("a\ufffdb")]


def bad_parquet():
    texts = pa.array([b"good", b"a\xffb"])
    lying = pa.Array.from_buffers(pa.string(), 2, texts.buffers())
    file = io.BytesIO()
    pq.write_table(pa.table({"text": lying}), file)
    return file.getvalue()


def test_parquet_strings_that_are_not_utf8_are_told_with_their_row(attempt):
    assert "row 2, byte 1: not UTF-8" in attempt("a.parquet", bad_parquet(), Columns())


def test_parquet_strings_that_are_not_utf8_can_be_replaced(tmp_path):
    columns = Columns(invalid_utf8="replace")
    found = read(tmp_path / "a.parquet", bad_parquet(), columns)
    assert [sample.text for sample in found] == ["good", "a\ufffdb"]


def test_nested_parquet_column_is_refused_with_its_type(attempt):
    file = io.BytesIO()
    pq.write_table(pa.table({"text": [{"en": "a"}], "label": [1]}), file)
    assert "struct<en: string>" in attempt("a.parquet", file.getvalue())


def test_parquet_dictionary_column_is_read(tmp_path):
    file = io.BytesIO()
    texts = pa.array(["a", "b", "a"]).dictionary_encode()
    pq.write_table(pa.table({"text": texts, "label": [1, 0, 1]}), file)
    found = read(tmp_path / "a.parquet", file.getvalue())
    assert [sample.text for sample in found] == ["a", "b", "a"]


@pytest.mark.parametrize("keep", [0, 3, 50, -20])
def test_damaged_parquet_is_named(attempt, keep):
    attempt("a.parquet", write_parquet(ROWS)[:keep])


@pytest.mark.parametrize("broken", [b'{"text": "b"', b"nonsense", b"[" * 3000, b"7"])
def test_broken_json_line_is_told_with_its_number(attempt, broken):
    told = attempt("a.jsonl", b'{"text": "a"}\n\n' + broken + b"\n", Columns())
    assert "line 3" in told


@pytest.mark.parametrize(
    "content",
    [b'[{"text": "a"}', b'[{"text": "a"}] x', b'[{"text": "a"}, 7]', b'"a"', b"[[]]"],
)
def test_broken_json_array_is_refused(attempt, content):
    attempt("a.json", content, Columns())


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"text,label\na,1\nb,1,2\n", "line 3: 3 fields"),
        (b'text,label\n"a,1\n', "line 2: unexpected end of data"),
        (b'text,label\n"a"b,1\n', "line 2: ',' expected"),
    ],
)
def test_misshapen_csv_row_is_told_with_its_line(attempt, content, told):
    assert told in attempt("a.csv", content)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", b""), ("a.csv", b"text,label\n"), ("a.json", b"[]"), ("a.jsonl", b"\n")],
)
def test_file_without_rows_gives_no_sample(tmp_path, name, content):
    assert read(tmp_path / name, content) == []


def test_plain_text_has_no_labels(attempt):
    assert "holds no label" in attempt("a.txt", b"a\n")


def test_unknown_format_is_told_with_the_known_ones(attempt):
    assert ".jsonl" in attempt("a.docx", b"")
