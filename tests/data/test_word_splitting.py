"""Splitting of texts, against a reading of the rule character by character."""

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tfsent.data.word_splitting import split_characters, split_words

# Surrogates as well: a text from a broken file may hold them.
TEXTS = st.lists(
    st.sampled_from("aZ1234..,,''\u2019 -_!?\t\n\u0301\u200b\u200d\x00\x85\x96\xa0e")
    | st.sampled_from(["<br />", "10,000", "3.5", "n't", "\U0001f600", "\u0915\u094d"])
    | st.characters(),
).map("".join)


def steady(max_examples=100):
    """Settings under which the same examples are tried, however slow the machine is."""
    return settings(max_examples=max_examples, deadline=None, derandomize=True)


def is_letter_or_digit(character):
    return character.isalnum()


def is_mark(character):
    return unicodedata.category(character).startswith("M")


def end_of_run(text, place):
    """Where letters, digits and their marks end that begin at `place`."""
    if place >= len(text) or not is_letter_or_digit(text[place]):
        return place
    while place < len(text) and (
        is_letter_or_digit(text[place]) or is_mark(text[place])
    ):
        place += 1
    return place


def joins(text, place):
    """Whether the character at `place` stands within a word."""
    before, after = text[place - 1], text[place + 1 : place + 5]
    if text[place] == "'":
        return after[:1].isalpha()
    if not before.isdecimal():
        return False
    if text[place] == ".":
        return after[:1].isdecimal()
    return (
        text[place] == ","
        and len(after) > 2
        and all(map(str.isdecimal, after[:3]))
        and not after[3:].isdecimal()
    )


def split_slowly(normalized):
    """Return the words of a text of which no character is to be dropped."""
    words, place = [], 0
    while place < len(normalized):
        stop = end_of_run(normalized, place)
        while stop > place and stop < len(normalized) and joins(normalized, stop):
            further = end_of_run(normalized, stop + 1)
            if further == stop + 1:
                break
            stop = further
        stop = max(stop, place + 1)
        if not normalized[place].isspace():
            words.append(normalized[place:stop])
        place = stop
    return words


def normalized(text, lower):
    """Return what is split, from what Unicode says of each character."""
    kept = []
    for character in text.replace("\u2019", "'"):
        code = ord(character)
        if 0x80 <= code < 0xA0 or code == 0x200B:
            kept.append(" ")
        elif character.isspace() or shows(character):
            kept.append(character)
    text = re.sub("<[Bb][Rr]\\s*/?>", " ", "".join(kept))
    return unicodedata.normalize("NFC", text.lower() if lower else text)


def shows(character):
    code, category = ord(character), unicodedata.category(character)
    if category == "Cf":
        # These, of the format characters, have a place of their own in a line.
        return code in range(0x600, 0x606) or code in (
            *(0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD),
            *range(0xFFF9, 0xFFFC),
            *range(0x13430, 0x13440),
            *range(0x1BCA0, 0x1BCA4),
            *range(0x1D173, 0x1D17B),
        )
    hidden = 0xFE00 <= code < 0xFE10 or 0xE0000 <= code < 0xE1000 or code == 0x2065
    return category not in ("Cc", "Cs") and not hidden


@steady()
@given(TEXTS, st.booleans())
@example("1,234,567.89 1,2345 1.2.3 4,56 '9 9'a a'9 3.a 3,abc a.3 1,000a", True)
@example("<BR><br  /> <b>", False)
@example("e\u0301 \u0301 caf\u0065\u0301's \u0928\u092e\u0938\u094d\u0924\u0947", True)
@example("\u0130I\u03a3", True)
def test_words_are_those_of_the_rule_read_character_by_character(text, lower):
    assert split_words(text, lower) == split_slowly(normalized(text, lower))


def test_every_character_ends_a_word_or_not_as_unicode_says():
    # Without Chinese and Korean, 30,000 characters of one kind each.
    codes = [*range(0x3400), *range(0xA000, 0xAC00), *range(0xD7A0, 0x12000)]
    codes += [*range(0x16000, 0x17000), *range(0x1B000, 0x20000)]
    codes += [*range(0xE0000, 0xE1010)]
    text = " ".join(f"a{chr(code)}b" for code in codes)
    assert split_words(text) == split_slowly(normalized(text, True))


@steady()
@given(TEXTS)
def test_words_laid_out_with_spaces_split_into_themselves(text):
    words = split_words(text)
    assert split_words(" ".join(words)) == words


@steady()
@given(TEXTS)
def test_every_shown_character_is_in_a_word(text):
    assert "".join(split_words(text)) == "".join(normalized(text, True).split())


@steady()
@given(TEXTS)
def test_characters_are_those_of_the_normalized_text(text):
    assert split_characters(text) == list(" ".join(normalized(text, True).split()))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It wasn't!", ["it", "wasn't", "!"]),
        ("It wasn\u2019t", ["it", "wasn't"]),
        ("rock'n'roll o'clock", ["rock'n'roll", "o'clock"]),
        ("'quoted' dogs' '90s", ["'", "quoted", "'", "dogs", "'", "'", "90s"]),
        ("5'10", ["5", "'", "10"]),
        ("10,000 3.5 1990s 7/10", ["10,000", "3.5", "1990s", "7", "/", "10"]),
        ("1,2 and 5.", ["1", ",", "2", "and", "5", "."]),
        ('("well-made")...', ["(", '"', "well", "-", "made", '"', ")", ".", ".", "."]),
        ("one<br /><br />two<BR/>three<br>", ["one", "two", "three"]),
        ("a <brand> b", ["a", "<", "brand", ">", "b"]),
        ("_so_ good", ["_", "so", "_", "good"]),
        (
            "fun\U0001f600\U0001f600 \u2764\ufe0f",
            ["fun", "\U0001f600", "\U0001f600", "\u2764"],
        ),
        (
            "\U0001f468\u200d\U0001f469\U0001f44d\U0001f3fd",
            ["\U0001f468", "\U0001f469", "\U0001f44d", "\U0001f3fd"],
        ),
        ("d\u00e9j\u00e0 de\u0301j\u00e0", ["d\u00e9j\u00e0", "d\u00e9j\u00e0"]),
        ("\u041e\u043d \u043d\u0435", ["\u043e\u043d", "\u043d\u0435"]),
        (
            "\u0928\u092e\u0938\u094d\u0924\u0947 \u091c\u0940",
            ["\u0928\u092e\u0938\u094d\u0924\u0947", "\u091c\u0940"],
        ),
        ("\u0663\u066b\u0664", ["\u0663", "\u066b", "\u0664"]),
        ("won\u00adder\x00ful \ufeffx", ["wonderful", "x"]),
        ("film\x96which\u200bends", ["film", "which", "ends"]),
        ("half \ud83d\ude00 pair", ["half", "pair"]),
        ("\u4e0d\u597d\u3002", ["\u4e0d\u597d", "\u3002"]),
        ("", []),
        (" \n<br />\t\x00", []),
    ],
)
def test_words_of_examples(text, words):
    assert split_words(text) == words


def test_capitals_are_kept_if_asked_for():
    assert split_words("A BAD film", lower=False) == ["A", "BAD", "film"]


def test_runs_of_breaks_are_one_space_among_characters():
    assert split_characters(" Oh\x96<br />\n\u00e9 ") == ["o", "h", " ", "\u00e9"]


@pytest.mark.parametrize(
    "piece", ["a'", "1.", "1,000", "'", "\u0915\u094d", "<br ", "<br", ".", "a\u0301'"]
)
def test_long_chain_is_split_in_linear_time_and_memory(piece):
    # Quadratic, or with a stack frame a piece, this would not end or not end well.
    text = piece * 50_000
    assert "".join(split_words(text)) == "".join(normalized(text, True).split())
