"""Symbols of texts: words or characters as numbers, kept apart between texts."""

import numpy as np
import pytest

from tfsent.supervised.symbols import Split, read_symbols


def read(texts, unit, lower=True, ids=None, grow=True):
    """Return symbols by name, and the text of each."""
    ids = {} if ids is None else ids
    symbol_P, text_P = read_symbols(texts, Split(unit, 1, 1, lower), ids, grow)
    assert symbol_P.dtype == text_P.dtype == np.int32
    names = {number: symbol for symbol, number in ids.items()} | {-1: None}
    return [names[k] for k in symbol_P.tolist()], text_P.tolist()


def test_words_are_kept_apart_between_texts():
    symbols, texts = read(["Go  go!", "", "stop"], "word")
    assert symbols == ["go", "go", "!", None, None, "stop", None]
    assert texts == [0, 0, 0, 0, 1, 2, 2]


def test_characters_go_over_words():
    symbols, texts = read(["a \n b", "c"], "char")
    assert symbols == ["a", " ", "b", None, "c", None]
    assert texts == [0, 0, 0, 0, 1, 1]


def test_characters_of_words_have_spaces_around_and_a_gap_between():
    symbols, _ = read(["ab c"], "char_wb")
    assert symbols == [" ", "a", "b", " ", None, " ", "c", " ", None]


def test_capitals_may_differ():
    assert read(["Go go"], "word", lower=False)[0] == ["Go", "go", None]


def test_a_character_outside_the_basic_plane_is_one():
    assert read(["\U0001f600"], "char")[0] == ["\U0001f600", None]


@pytest.mark.parametrize("unit", ["word", "char"])
def test_symbols_without_a_number_stay_without(unit):
    ids = {"a": 0}
    assert read(["a b a"], unit, ids=ids, grow=False)[0].count("a") == 2
    assert ids == {"a": 0}
    assert read(["b a"], unit, ids=ids)[0][0] == "b"
    assert ids["a"] == 0


def test_no_texts_have_no_symbols():
    assert read([], "word") == read([], "char") == ([], [])


@pytest.mark.parametrize(
    ("unit", "name", "symbols"),
    [("word", "not good", ["not", "good"]), ("char", "a b", ["a", " ", "b"])],
)
def test_a_name_is_made_of_its_symbols(unit, name, symbols):
    split = Split(unit, 1, 3, True)
    assert split.joined(symbols) == name
    assert split.parted(name) == symbols
