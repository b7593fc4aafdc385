import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfsent.heat_map.characters import (
    NEWLINE,
    characters_of,
    glyphs_of,
    visible,
    width,
    wrap,
)

BROKEN = [
    b"\xff\xfe",
    b"a\xe2\x82b",
    b"\xf0\x9f\x98",
    b"\xed\xa0\x80",
    b"\xc0\xaf",
    b"\xf4\x90\x80\x80",
    b"\xe0\x80\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xc2\xc2\xa9",
]


@given(st.one_of(st.binary(), st.text().map(lambda t: t.encode("utf-8", "ignore"))))
def test_characters_are_those_of_pythons_decoder(data):
    characters, last = characters_of(data)
    assert "".join(characters) == data.decode("utf-8", "replace")
    assert all(len(character) == 1 for character in characters)
    assert last.tolist() == sorted(set(last.tolist()))
    assert (last[-1:] == len(data) - 1).all()


@pytest.mark.parametrize("data", BROKEN)
def test_broken_sequence_is_one_replacement_each(data):
    characters, _ = characters_of(data)
    assert characters == list(data.decode("utf-8", "replace"))


def test_value_of_a_character_of_many_bytes_is_that_of_its_last():
    assert characters_of("aé日😀!".encode())[1].tolist() == [0, 2, 5, 9, 10]


def test_marks_and_joined_emoji_are_one_glyph_with_its_last_value():
    family = "👩\u200d👩\u200d👧"
    glyphs, last = glyphs_of(list("e\u0301 👍🏽 " + family + " ❤\ufe0f"))
    assert glyphs == ["e\u0301", " ", "👍🏽", " ", family, " ", "❤\ufe0f"]
    assert last.tolist() == [1, 2, 4, 5, 10, 11, 13]


def test_marks_without_end_are_cut_up():
    glyphs, _ = glyphs_of(list("e" + "\u0301" * 100))
    assert max(map(len, glyphs)) <= 16
    assert sum(map(len, glyphs)) == 101


def test_mark_behind_a_control_character_does_not_join_it():
    assert glyphs_of(list("\u202e\u0301"))[0] == ["\u202e", "\u0301"]


@given(st.text(min_size=1))
def test_nothing_shown_can_drive_a_terminal_or_turn_the_text(text):
    glyphs, _ = glyphs_of(list(text))
    shown = "".join(map(visible, glyphs)).replace(NEWLINE, "")
    kinds = {unicodedata.category(c) for c in shown.replace("\u200d", "")}
    assert kinds.isdisjoint({"Cc", "Cf", "Zl", "Zp", "Cs"})


@pytest.mark.parametrize(
    ("glyph", "shown"),
    [
        ("\x00", "[U+0000]"),
        ("\x1b", "[U+001B]"),
        ("\t", "[U+0009]"),
        ("\x7f", "[U+007F]"),
        ("\u200b", "[U+200B]"),
        ("\u200d", "[U+200D]"),
        ("\u202e", "[U+202E]"),
        ("\u2066", "[U+2066]"),
        ("\u2028", "[U+2028]"),
        ("\U000e0041", "[U+E0041]"),
        ("\u0301", "\u25cc\u0301"),
        ("\n", "\u21b5\n"),
        ("<", "<"),
        ("\N{NO-BREAK SPACE}", "\N{NO-BREAK SPACE}"),
    ],
)
def test_what_cannot_be_seen_is_shown_by_its_number(glyph, shown):
    assert visible(glyph) == shown


WORDS = st.lists(st.sampled_from(["a", " ", "日", NEWLINE, "[U+0000]"]), max_size=60)


@given(WORDS, st.integers(1, 20))
def test_lines_hold_every_glyph_once_and_no_more_than_they_can(glyphs, columns):
    lines = wrap(glyphs, columns)
    assert [index for line in lines for index in line] == list(range(len(glyphs)))
    for line in lines:
        wide = sum(width(glyphs[index]) for index in line)
        assert wide <= columns or len(line) == 1
        assert NEWLINE not in [glyphs[index] for index in line[:-1]]


def test_lines_break_behind_spaces():
    text = "one three five"
    lines = wrap(list(text), 10)
    assert [text[line.start : line.stop] for line in lines] == ["one three ", "five"]
