"""The two cleanings of `tfsent.data.text_rules` as TensorFlow operations.

Text is UTF-8 bytes from end to end, so that bytes that are not UTF-8 come through:
rule `openai` leaves them as they are, rule `nvidia`, whose result is ASCII, drops
them as it drops every other character without a transliteration.

Entities are exact, not approximate. A text is cut at every "&"; no name and no
number holds one, so each piece is resolved by itself: a number by arithmetic, a name
with its semicolon by one look-up, a name without (at most six letters) by one look-up
for each length, the longest first, as HTML wants it.

Axes: N texts, K pieces of all texts together, D digits.
"""

from __future__ import annotations

import html
from html.entities import html5
from typing import Any

import numpy as np
import tensorflow as tf
from text_unidecode import unidecode

from tfsent.data.text_rules import BACK, FRONT

# What `str.strip` and `str.split` take for white space, as an RE2 class.
_SPACE = (
    r"[\x{9}-\x{d}\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}"
    r"\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+"
)
_DIGITS = 8
_LONGEST = {"decimal": len("1114111"), "hexadecimal": len("10ffff")}
# Above these no number of a character has a meaning of its own but surrogates and
# the noncharacters.
_TABLED = 0xA0
_TRANSLITERATED = 0x10000


class Cleaner(tf.Module):
    """Texts as they come -> the bytes that the model reads; see `text_rules.clean`.

    Args:
        rule: "openai" or "nvidia".

    Attributes:
        rule: The name of the rule.
    """

    def __init__(self, rule: str):
        super().__init__(name="cleaner")
        self.rule = rule
        with_end = {k: v for k, v in html5.items() if k.endswith(";")}
        without = {k: v for k, v in html5.items() if not k.endswith(";")}
        self._longest_without = max(map(len, without))
        self._with_semicolon = _table(with_end)
        self._without_semicolon = _table(without)
        self._characters = [html.unescape(f"&#{n};") for n in range(_TABLED)]

    def __call__(self, text_N: Any) -> Any:
        """Return the cleaned bytes, string[N]; no text is shorter than the padding."""
        if self.rule == "nvidia":
            return self._nvidia(text_N)
        text_N = tf.strings.regex_replace(self.unescape(text_N), "\n", " ")
        return _padded(_strip(text_N))

    def _nvidia(self, text_N: Any) -> Any:
        text_N = tf.strings.regex_replace(text_N, r"<[^\n>]*>", " ")
        text_N = self.unescape(_transliterate(text_N))
        text_N = tf.strings.regex_replace(text_N, _SPACE, " ")
        text_N = tf.strings.regex_replace(text_N, r"\A | \z", "")
        return _padded(tf.strings.regex_replace(text_N, r"[^\x{0}-\x{7f}]+", ""))

    def unescape(self, text_N: Any) -> Any:
        """Return the texts with their entities resolved as `html.unescape` does."""
        pieces = tf.strings.split(text_N, "&")
        piece_K = pieces.flat_values
        rows = tf.cast(pieces.nrows(), tf.int64)
        row_K = pieces.value_rowids()
        # The piece before the first "&" of a text is behind none.
        behind_K = tf.concat([tf.zeros_like(row_K[:1]) - 1, row_K[:-1]], 0) == row_K
        resolved_K = tf.where(behind_K, self._resolve(piece_K), piece_K)
        return tf.strings.unsorted_segment_join(resolved_K, row_K, rows)

    def _resolve(self, piece_K: Any) -> Any:
        """Return what "&" and each piece behind it stand for."""
        result_K = tf.strings.join(["&", piece_K])
        for length in range(2, self._longest_without + 1):  # The longest comes last.
            name_K = tf.strings.substr(piece_K, 0, length)
            result_K = _replace(
                result_K, piece_K, name_K, self._without_semicolon.lookup(name_K)
            )
        name_K = _match(piece_K, r"\A[0-9A-Za-z]{2,31};")
        result_K = _replace(
            result_K, piece_K, name_K, self._with_semicolon.lookup(name_K)
        )
        for base, digit, start in (
            ("decimal", "[0-9]", "#"),
            ("hexadecimal", "[0-9a-fA-F]", "#[xX]"),
        ):
            number_K = _match(piece_K, rf"\A{start}{digit}+;?")
            digits_K = tf.strings.regex_replace(number_K, rf"\A{start}0*|;", "")
            character_K = self._character(_value(digits_K, base))
            found_K = tf.strings.length(number_K) > 0
            rest_K = _behind(piece_K, number_K)
            result_K = tf.where(
                found_K, tf.strings.join([character_K, rest_K]), result_K
            )
        return result_K

    def _character(self, value_K: Any) -> Any:
        """Return the character of each number, as HTML and `html.unescape` read it."""
        unknown_K = (value_K > 0x10FFFF) | ((value_K >= 0xD800) & (value_K < 0xE000))
        none_K = (value_K & 0xFFFE == 0xFFFE) | (
            (value_K >= 0xFDD0) & (value_K <= 0xFDEF)
        )
        value_K = tf.where(unknown_K, 0xFFFD, value_K)
        character_K = tf.strings.unicode_encode(value_K[:, None], "UTF-8")
        character_K = tf.where(none_K & ~unknown_K, "", character_K)
        tabled_K = tf.gather(self._characters, tf.minimum(value_K, _TABLED - 1))
        return tf.where(value_K < _TABLED, tabled_K, character_K)


def _table(entries: dict[str, str]) -> Any:
    """Return a look-up of names; "" is what an unknown one gives."""
    return tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(list(entries), list(entries.values())),
        default_value="",
    )


def _match(piece_K: Any, pattern: str) -> Any:
    """Return what a pattern matches at the start of each piece, else ""."""
    # Not by a group: "." stands for no byte that is not UTF-8.
    rest_K = tf.strings.regex_replace(piece_K, pattern, "", replace_global=False)
    length_K = tf.strings.length(piece_K) - tf.strings.length(rest_K)
    return tf.strings.substr(piece_K, tf.zeros_like(length_K), length_K)


def _behind(piece_K: Any, start_K: Any) -> Any:
    length_K = tf.strings.length(start_K)
    return tf.strings.substr(piece_K, length_K, tf.strings.length(piece_K))


def _replace(result_K: Any, piece_K: Any, name_K: Any, value_K: Any) -> Any:
    """Return the results, changed where a name has a value."""
    changed_K = tf.strings.join([value_K, _behind(piece_K, name_K)])
    return tf.where(tf.strings.length(value_K) > 0, changed_K, result_K)


def _value(digits_K: Any, base: str) -> Any:
    """Return the numbers of digits without leading zeros, int32[K]."""
    padded_K = tf.strings.substr(
        tf.strings.join(["0" * _DIGITS, digits_K]), -_DIGITS, _DIGITS
    )
    code_KD = tf.cast(
        tf.io.decode_raw(padded_K, tf.uint8, fixed_length=_DIGITS), tf.int32
    )
    # "a" and "A" differ in one bit, which no digit lacks.
    digit_KD = tf.where(code_KD < ord("A"), code_KD - ord("0"), (code_KD | 32) - 87)
    power_D = (10 if base == "decimal" else 16) ** np.arange(_DIGITS)[::-1]
    value_K = tf.reduce_sum(digit_KD * power_D.astype(np.int32), 1)
    long_K = tf.strings.length(digits_K) > _LONGEST[base]
    return tf.where(long_K, 0x110000, value_K)


def _transliterate(text_N: Any) -> Any:
    """Return the texts in ASCII by the table of text-unidecode."""
    table = [unidecode(chr(n)) for n in range(_TRANSLITERATED)]
    codes = tf.strings.unicode_decode(text_N, "UTF-8", errors="ignore")
    code_K = codes.flat_values
    ascii_K = tf.gather(table, tf.minimum(code_K, _TRANSLITERATED - 1))
    ascii_K = tf.where(code_K < _TRANSLITERATED, ascii_K, "")
    rows = tf.cast(codes.nrows(), tf.int64)
    return tf.strings.unsorted_segment_join(ascii_K, codes.value_rowids(), rows)


def _strip(text_N: Any) -> Any:
    return tf.strings.regex_replace(text_N, rf"\A{_SPACE}|{_SPACE}\z", "")


def _padded(text_N: Any) -> Any:
    return tf.strings.join([FRONT, text_N, BACK])
