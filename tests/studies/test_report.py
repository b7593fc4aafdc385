"""The folder of a study."""

import csv
import struct

import pytest

from tests.studies.made_up import point, results, run_of, word, words
from tfsent.studies.report import short_table, write_report
from tfsent.studies.word_page import word_page

CURVE = ((10, 0.6), (20, 0.8))
STUDIES = {
    "optimizers": results("optimizers", [run_of("sgd", 0.1, 0.8, CURVE)]),
    "tricks": results(
        "tricks", [run_of("a", 0, 0.8, CURVE), run_of("b", 1, 0.9, CURVE)]
    ),
    "crossover": results(
        "crossover",
        [run_of("linear", 100), run_of("network", 1000)],
        [point("linear", 100, 0.7), point("network", 1000, 0.8)],
    ),
    "depth": results("depth", [run_of("gru", 1)], [point("gru", 1, 0.7)]),
    "words": results("words", words=words()),
}


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_results_table_picture_and_words(name, tmp_path):
    write_report(tmp_path, STUDIES[name])
    files = {path.name for path in tmp_path.iterdir()}
    page = {"words.html"} if name == "words" else set()
    wanted = {"results.json", "table.csv", "report.md", f"{name}.png"}
    assert files == wanted | page
    data = (tmp_path / f"{name}.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", data[16:24])
    assert min(width, height) > 400
    text = (tmp_path / "report.md").read_text()
    assert f"({name}.png)" in text
    assert "a processor" in text
    for line in short_table(STUDIES[name]).splitlines():
        assert line in text or f"- {line}" in text


def test_the_table_holds_every_run_with_its_interval(tmp_path):
    write_report(tmp_path, STUDIES["crossover"])
    with (tmp_path / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["x"]) for row in rows] == [
        ("linear", "100"), ("network", "1000"),
    ]  # fmt: skip
    assert [float(rows[0][name]) for name in ("test_accuracy", "low", "high")] == [
        0.8, 0.79, 0.81,
    ]  # fmt: skip


def test_words_are_escaped_and_named_under_the_pointer():
    shown = [word("<script>", 0.0, 0.0), word("b", 1.0, 1.0), word("c&d", 0.5, 0.5)]
    page = word_page(results("words", words=words() | {"shown": shown}))
    assert "<script>" not in page
    assert "<title>&lt;script&gt;: 0.00 in 20 texts</title>" in page
    assert "<title>c&amp;d: 0.50 in 20 texts</title>" in page


def test_low_and_high_words_have_the_ends_of_the_colours():
    shown = [word("low", 0.0, 0.0), word("high", 1.0, 1.0)]
    page = word_page(results("words", words=words() | {"shown": shown}))
    assert page.index('fill="#7f3b08"') < page.index('fill="#2d004b"')
