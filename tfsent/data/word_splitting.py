r"""A text -> its words and punctuation marks, or its characters.

A text is normalised, then split:

- Normalised: a character that shows nothing is dropped (control characters below
  U+0080 that are no white space, soft hyphens, joiners, direction marks, variation
  selectors, half surrogates). U+2019 becomes an apostrophe. `<br>`, `<br/>` and
  `<br />`, U+200B and U+0080 to U+009F are breaks, as white space is. Capitals become
  small letters if asked for. Letters and their marks are composed (Unicode NFC).
- A word is a run of letters and digits of any script, with the marks upon them. An
  apostrophe between such a character and a letter does not end it (wasn't, 90's), nor
  a point between two digits (3.5), nor a comma between a digit and just three of them
  (10,000).
- Any other character that is no break is a word by itself: each point of "...", a
  hyphen, an underscore, a bracket, an emoji (of a joined one, each part).

The rule for words, a letter or digit being `[^\W_]` and a run of them `R`:

    R (?: (?: '(?=[^\W\d_]) | (?<=\d)\.(?=\d) | (?<=\d),(?=\d{3}(?!\d)) ) R )* | \S

Text without spaces between its words (Chinese, Japanese, Thai) is not taken apart:
single characters are for it. There a run of breaks is one space, those at the ends are
dropped, and every other character stands for itself.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_TABLE: dict[int, str | None] = {
    **dict.fromkeys([*range(0x00, 0x09), *range(0x0E, 0x1C), 0x7F, 0xAD]),
    **dict.fromkeys([0x61C, 0x180E, *range(0x200C, 0x2010), *range(0x202A, 0x202F)]),
    **dict.fromkeys([*range(0x2060, 0x2070), *range(0xFE00, 0xFE10), 0xFEFF]),
    **dict.fromkeys([*range(0xD800, 0xE000), *range(0xE0000, 0xE1000)]),
    # In real text these are the dashes and quotes of Windows-1252: IMDB's 75,000
    # training reviews have 7,362, and dropped they would join two words.
    **dict.fromkeys([*range(0x80, 0xA0), 0x200B], " "),
    0x2019: "'",
}
"""What becomes of single characters before a text is split; None drops them."""

_BREAK = re.compile(r"<br\s*+/?>", re.IGNORECASE)

_CHARACTER = r"[^\W_]"
"""A letter or digit, as `re` knows them: without marks."""

_MARKS_END = 0x20000
"""Above this, variation selectors are the only marks, and those are dropped."""


def _words(run: str) -> re.Pattern[str]:
    """Return what finds the words in a normalised text, given a run of characters."""
    # Possessive: nothing is kept to go back to, in a text of a million apostrophes.
    return re.compile(
        rf"""{run}
             (?: (?: '      (?= [^\W\d_] )           # wasn't
                   | (?<=\d) \. (?=\d)               # 3.5
                   | (?<=\d) ,  (?=\d{{3}}(?!\d))    # 10,000
                 ) {run}
             )*+
           | \S""",
        re.VERBOSE,
    )


_ASCII_WORDS = _words(_CHARACTER + "++")
"""Finds the words of a text in ASCII, which has no marks to look for at every end."""


@lru_cache(maxsize=1)
def _all_words() -> re.Pattern[str]:
    """Return what finds the words of any text; made at the first that needs it."""
    spans: list[list[int]] = []
    for code in range(_MARKS_END):
        if unicodedata.category(chr(code)).startswith("M"):
            if spans and spans[-1][1] == code - 1:
                spans[-1][1] = code
            else:
                spans.append([code, code])
    mark = "".join(rf"\U{first:08x}-\U{last:08x}" for first, last in spans)
    return _words(rf"{_CHARACTER}++(?:[{mark}]{_CHARACTER}*+)*+")


def _normalized(text: str, lower: bool) -> str:
    text = _BREAK.sub(" ", text.translate(_TABLE))
    return unicodedata.normalize("NFC", text.lower() if lower else text)


def split_words(text: str, lower: bool = True) -> list[str]:
    """Return the words and punctuation marks of a text, in order.

    Args:
        text: Any text; see the top of this module for what becomes of it.
        lower: Take capital letters as small ones.

    Example:
        >>> split_words("It wasn't bad (8.5/10).<br />Go!")
        ['it', "wasn't", 'bad', '(', '8.5', '/', '10', ')', '.', 'go', '!']
    """
    text = _normalized(text, lower)
    return (_ASCII_WORDS if text.isascii() else _all_words()).findall(text)


def split_characters(text: str, lower: bool = True) -> list[str]:
    """Return the characters of a text, in order; a run of breaks is one space.

    Args:
        text: Any text; see the top of this module for what becomes of it.
        lower: Take capital letters as small ones.

    Example:
        >>> split_characters(" Oh, <br />no ")
        ['o', 'h', ',', ' ', 'n', 'o']
    """
    return list(" ".join(_normalized(text, lower).split()))
