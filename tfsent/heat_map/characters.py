r"""Bytes -> characters, where each ends, and what to show for it.

A *character* is a code point, or U+FFFD for a broken sequence of bytes. A *glyph*
is what is painted as one: a character and the marks and joined parts behind it.
Nothing invisible is shown as it is: control characters could drive a terminal, and
those of bidirectional text could turn what stands around them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import numpy as np

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
JOINER = "\N{ZERO WIDTH JOINER}"
NEWLINE = "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}\n"

# A whole character, or as much of one as there is before it breaks (the Unicode
# Standard's "maximal subpart", which Python's own decoder replaces too).
_CHARACTER = re.compile(
    rb"[\x00-\x7f]"
    rb"|[\xc2-\xdf][\x80-\xbf]?"
    rb"|\xe0(?:[\xa0-\xbf][\x80-\xbf]?)?"
    rb"|[\xe1-\xec\xee\xef][\x80-\xbf]{0,2}"
    rb"|\xed(?:[\x80-\x9f][\x80-\xbf]?)?"
    rb"|\xf0(?:[\x90-\xbf][\x80-\xbf]{0,2})?"
    rb"|[\xf1-\xf3][\x80-\xbf]{0,3}"
    rb"|\xf4(?:[\x80-\x8f][\x80-\xbf]{0,2})?"
    rb"|[\x80-\xff]"
)


def characters_of(data: bytes) -> tuple[list[str], np.ndarray]:
    r"""Return the characters of UTF-8 bytes, and the index of the last byte of each.

    Example:
        >>> characters, last = characters_of(b"\xc3\xa9\xe2\x82!")
        >>> print(ascii(characters), last)
        ['\xe9', '\ufffd', '!'] [1 3 4]
    """
    pieces = _CHARACTER.findall(data)
    lengths = np.fromiter(map(len, pieces), np.int64, len(pieces))
    return [piece.decode("utf-8", "replace") for piece in pieces], lengths.cumsum() - 1


def glyphs_of(characters: list[str]) -> tuple[list[str], np.ndarray]:
    r"""Return what is painted as one, and the index of the last character of each.

    Marks (accents, emoji of a skin colour) and what a joiner binds stay with what
    stands before them: painted apart they would fall apart.

    Example:
        >>> glyphs, last = glyphs_of(["e", "\u0301", "!"])
        >>> print(ascii(glyphs), last)
        ['e\u0301', '!'] [1 2]
    """
    if all(map(str.isascii, characters)):
        return characters, np.arange(len(characters))
    glyphs: list[str] = []
    last: list[int] = []
    for index, character in enumerate(characters):
        if glyphs and _joins(glyphs[-1], character):
            glyphs[-1] += character
            last[-1] = index
        else:
            glyphs.append(character)
            last.append(index)
    return glyphs, np.array(last, np.int64)


# Longer than any real glyph: text that piles up marks without end is cut up.
_MOST_JOINED = 16


def _joins(glyph: str, character: str) -> bool:
    if character.isascii() or len(glyph) >= _MOST_JOINED:
        return False
    if not _visible_alone(glyph[0]):
        return False
    bound = glyph[-1] == JOINER and _visible_alone(character)
    return bound or character == JOINER or _is_mark(character)


@lru_cache(4096)
def _is_mark(character: str) -> bool:
    return _is_skin(character) or unicodedata.category(character) in ("Mn", "Mc", "Me")


@lru_cache(4096)
def _visible_alone(character: str) -> bool:
    # Without ones that no font knows yet: shown as they are, they harm nothing.
    return unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


@lru_cache(4096)
def visible(glyph: str) -> str:
    r"""Return a glyph as it is shown: what cannot be seen becomes its number.

    A newline becomes a sign with a newline behind it.

    Example:
        >>> print(ascii([visible(glyph) for glyph in ("a", "\x1b", "\u202e", "\n")]))
        ['a', '[U+001B]', '[U+202E]', '\u21b5\n']
    """
    first = glyph[0]
    if _visible_alone(first):
        if _is_mark(first):  # Nothing before it to sit on.
            return "\N{DOTTED CIRCLE}" + glyph
        # A joiner that joins nothing is left out: it cannot be seen.
        return glyph.rstrip(JOINER)
    if first == "\n":
        return NEWLINE
    return f"[U+{ord(first):04X}]"


def in_one_place(glyph: str) -> str:
    r"""Return a shown glyph without what only fonts of a screen draw into it.

    Where nothing joins, what is bound by joiners would stand on top of each other.

    Example:
        >>> in_one_place("\U0001f44d\U0001f3fd") == "\U0001f44d"
        True
    """
    first = glyph.rstrip("\n").partition(JOINER)[0]
    return first[0] + "".join(mark for mark in first[1:] if not _is_skin(mark))


def _is_skin(character: str) -> bool:
    return "\U0001f3fb" <= character <= "\U0001f3ff"


@lru_cache(4096)
def width(glyph: str) -> int:
    """Return how many columns a shown glyph takes in a fixed-width font."""
    if glyph.isascii():
        return len(glyph)
    return 2 if unicodedata.east_asian_width(glyph[0]) in ("W", "F") else 1


def wrap(glyphs: list[str], columns: int) -> list[range]:
    """Return the lines of text in a fixed-width font, as ranges of glyphs.

    Breaks behind spaces where there are any, and behind each shown newline.

    Args:
        glyphs: As shown, see `visible`.
        columns: Most columns of a line, at least 1; a glyph wider than that has a
            line of its own.
    """
    lines: list[range] = []
    start, column = 0, 0
    space, space_column = 0, 0
    for index, glyph in enumerate(glyphs):
        wide = width(glyph)
        # A space may take the last column, which is left free for it.
        while column + wide > columns - (glyph != " ") and index > start:
            at_space = space > start and glyph != " "
            lines.append(range(start, space if at_space else index))
            start = lines[-1].stop
            column -= space_column if at_space else column
        column += wide
        if glyph == " ":
            space, space_column = index + 1, column
        elif glyph == NEWLINE:
            lines.append(range(start, index + 1))
            start, column = index + 1, 0
    if start < len(glyphs):
        lines.append(range(start, len(glyphs)))
    return lines
