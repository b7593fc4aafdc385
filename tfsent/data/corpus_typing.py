"""How the reviewers of the built-in corpus type: stops, slips, capitals, emoji."""

from __future__ import annotations

import re
from collections.abc import Callable

from tfsent.data.corpus_words import EMOJI, NEUTRAL_EMOJI, STARS

_ARTICLE = re.compile(r"\b([Aa]) (?=[aeioAEIO]|u(?!ni|se))")
_NEW_SENTENCE = re.compile(r"[.?!]\s+[a-z]")
_STOPS = (".",) * 17 + ("!", "!", "...")

Draw = Callable[[], float]


def typeset(said: list[str], label: int, draw: Draw) -> str:
    """Return sentences as one reviewer types them.

    Args:
        said: Sentences, without first capital and last stop.
        label: 1 for a happy reviewer, 0 for another.
        draw: Gives numbers from 0 to below 1.

    Returns:
        The text of a review.
    """
    stop = _pick(_STOPS, draw)
    shout = draw() < 0.05
    pieces = []
    for index, sentence in enumerate(said):
        if shout and draw() < 0.4:
            sentence = sentence.upper()
        pieces.append(sentence[0].upper() + sentence[1:])
        if sentence[-1] not in ".?!":
            pieces.append(_end(stop, draw))
        if index + 1 < len(said):
            pieces.append("\n\n" if index % 6 == 5 and draw() < 0.5 else " ")
    text = _ARTICLE.sub(r"\1n ", "".join(pieces))
    text = _NEW_SENTENCE.sub(lambda found: found[0].upper(), text)
    return _decorate(_mistype(text, draw), label, draw)


def _pick(choices: tuple[str, ...], draw: Draw) -> str:
    return choices[int(draw() * len(choices))]


def _end(stop: str, draw: Draw) -> str:
    """Return what ends a sentence of a reviewer who favours `stop`."""
    if stop == "!":
        return _pick(("!", "!", ".", "!!", "!!!"), draw)
    return stop if draw() < 0.96 else _pick(("!", "...", "!!"), draw)


def _mistype(text: str, draw: Draw) -> str:
    """Return the text with the slips and habits of some reviewers."""
    if draw() < 0.07:
        text = text.lower()
    if draw() < 0.16:
        for _ in range(1 + len(text) // 200):
            text = _slip(text, draw)
    if draw() < 0.12:
        text = text.replace("'", "\u2019")
        if draw() < 0.5:
            text = text.replace("...", "\u2026").replace(", ", " \u2014 ", 1)
    return text


def _slip(text: str, draw: Draw) -> str:
    """Return the text with a letter doubled, dropped or swapped with the next."""
    place = 1 + int(draw() * (len(text) - 1))
    pair = text[place : place + 2]
    if not (pair.isascii() and pair.isalpha()):
        return text
    slips = (pair[0] + pair, pair[1:], pair[::-1])
    return text[:place] + _pick(slips, draw) + text[place + 2 :]


def _decorate(text: str, label: int, draw: Draw) -> str:
    """Return the text with stars or emoji, now and then."""
    kind = draw()
    if kind < 0.07:
        stars = _pick(STARS[label], draw)
        return f"{stars}. {text}" if kind < 0.03 else f"{text} {stars}"
    if kind < 0.15:
        # One smile in six is meant to hurt, one tear in six is of joy.
        colour = label if draw() < 0.83 else 1 - label
        emoji = _pick(EMOJI[colour], draw)
        return f"{text} {emoji * int(1 + 2.2 * draw())}"
    if kind < 0.18:
        return f"{text} {_pick(NEUTRAL_EMOJI, draw)}"
    return text
