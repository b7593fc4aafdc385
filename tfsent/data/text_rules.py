r"""Text -> the bytes that the model reads, by one of two published cleanings.

Both rules put "\n " in front of a text and " " behind it, so that the first
byte the model must predict follows a known one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable

# text-unidecode carries the transliteration tables of the package that the
# published `nvidia` rule calls, under the Artistic License; that package itself
# is under the GPL.
from text_unidecode import unidecode

FRONT = "\n "
"""What every cleaned text begins with."""

BACK = " "
"""What every cleaned text ends with."""

PADDING_BYTES = len(FRONT) + len(BACK)
"""Length of a cleaned text that says nothing."""

_TAG = re.compile("<.*?>")
_NOT_ASCII = re.compile("[^\x00-\x7f]+")
_LEADING_ZEROS = re.compile("&#0+(?=[0-9])")
_LONG_NUMBER = re.compile("&#[0-9]{8,};?")


def clean(text: str, rule: str) -> bytes:
    r"""Return `text` cleaned by the named rule, padded, as bytes.

    A text without content comes back as the padding alone, `PADDING_BYTES` long.
    Half of a surrogate pair, which json can spell, has no bytes in UTF-8: rule
    `openai` writes "?", rule `nvidia` what its table says, "[?] ".

    Args:
        text: Any string.
        rule: A name in `RULES`.

    Returns:
        The cleaned bytes: UTF-8 by rule `openai`, ASCII by rule `nvidia`.

    Raises:
        ValueError: If there is no such rule.

    Example:
        >>> clean("Fish &amp; chips<br />caf\u00e9", "openai")
        b'\n Fish & chips<br />caf\xc3\xa9 '
        >>> clean("Fish &amp; chips<br />caf\u00e9", "nvidia")
        b'\n Fish & chips cafe '
    """
    if rule not in RULES:
        raise ValueError(
            f"data.text_rule is {rule!r}; one of {', '.join(RULES)} will do."
        )
    return RULES[rule](text)


def clean_openai(text: str) -> bytes:
    """Return UTF-8 bytes: entities resolved, newlines to spaces, ends stripped.

    Tags stay and nothing is folded to ASCII.

    Reference:
        Radford et al. 2017, arXiv:1704.01444, the code published with it.
    """
    text = _unescape(text).replace("\n", " ").strip()
    return (FRONT + text + BACK).encode("utf-8", "replace")


def clean_nvidia(text: str) -> bytes:
    """Return ASCII bytes: tags out, transliterated, white space joined.

    Entities are resolved after the transliteration, as published, so a character
    that an entity spells out is dropped if it is not ASCII.

    Reference:
        Puri et al. 2018, arXiv:1808.01371, the code published with it.
    """
    text = _without_tags(text)
    if not text.isascii():
        # The table maps ASCII to itself and its loop runs in Python: only the
        # stretches that need it are handed over.
        text = _NOT_ASCII.sub(lambda match: unidecode(match.group()), text)
    text = " ".join(_unescape(text).split())
    return (FRONT + text + BACK).encode("ascii", "ignore")


RULES: dict[str, Callable[[str], bytes]] = {
    "openai": clean_openai,
    "nvidia": clean_nvidia,
}
"""The rules by name."""


def _without_tags(text: str) -> str:
    """Replace each `<...>` within a line by a space, in linear time.

    The published expression looks for ">" anew from every "<": quadratic in a
    line of "<" alone. Behind the last ">" of a line nothing can match.
    """
    if "<" not in text:
        return text
    lines = text.split("\n")
    for number, line in enumerate(lines):
        end = line.rfind(">") + 1
        if end:
            lines[number] = _TAG.sub(" ", line[:end]) + line[end:]
    return "\n".join(lines)


def _unescape(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:
        # Python refuses to read a number of more than 4,300 digits. Any number of
        # eight digits lies beyond Unicode and means U+FFFD, as in html.unescape.
        text = _LEADING_ZEROS.sub("&#", text)
        return html.unescape(_LONG_NUMBER.sub("\N{REPLACEMENT CHARACTER}", text))
