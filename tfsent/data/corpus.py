"""The built-in labelled reviews, generated from a grammar of this project's own.

Product and film reviews with concessions, negation, comparisons, sarcasm, typos
and characters of one to four bytes. They make every command work without a
download; a figure measured on them says nothing about language at large.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple, TypeVar

from tfsent.data import corpus_sentences as sentences
from tfsent.data import corpus_words as words
from tfsent.data.corpus_parts import PARTS
from tfsent.data.corpus_words import phrases

Chosen = TypeVar("Chosen")

CORPUS_VERSION = 1
"""Raised whenever a review changes; part of the identity of prepared text."""


class Review(NamedTuple):
    """A generated review."""

    text: str
    """What was written; may hold line breaks."""
    label: int
    """1 positive, 0 negative."""


def reviews(count: int = 24000, seed: int = 0) -> Iterator[Review]:
    """Yield labelled reviews, the same on every platform and Python version.

    A review depends on the seed and its index alone, so fewer reviews are a
    prefix of more. Of each two successive reviews one is positive.

    Args:
        count: Number of reviews; 24,000 hold about <SIZE> bytes.
        seed: Which reviews, 0 or more.

    Yields:
        Reviews of two words to over 2,000 characters.

    Example:
        >>> [review.label for review in reviews(4)]
        [0, 1, 1, 0]
    """
    writer = _Writer()
    for index in range(count):
        # One bit a pair, by a hash: labels balance in every even prefix.
        pair = hashlib.blake2b(f"{seed}/{index // 2}".encode(), digest_size=1)
        label = (pair.digest()[0] + index) % 2
        yield Review(writer.review(seed * 2**32 + index, label), label)


_BODY_LENGTHS = (
    # Sentences of a body, 0 for a review of a few words: close to log-normal.
    (0,) * 13
    + (1,) * 12
    + (2,) * 20
    + (3,) * 22
    + (4,) * 20
    + (5,) * 17
    + (6,) * 14
    + (7,) * 11
    + (8,) * 9
    + (9,) * 7
    + (10,) * 6
    + (12,) * 7
    + (14,) * 5
    + (17,) * 4
    + (21,) * 3
    + (26,) * 2
    + (32,)
    + (40,)
)

_KEPT = frozenset(
    """brand rival title2 director actor actor2 hero hero2 author job job2 thing name
    room""".split()
)
"""Slots that keep their first filling throughout a review."""

_SLOT = re.compile(r"\{(\w+)\}")
_ARTICLE = re.compile(r"\b([Aa]) (?=[aeioAEIO]|u(?!ni|se))(?!one|eu|Eu)")
_NEW_SENTENCE = re.compile(r"([.?!]\s+)([a-z])")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")


@cache
def _tables() -> dict[str, tuple[str, ...]]:
    """Return what may stand in each slot."""
    return {
        "actor": ("{first} {last}",),
        "actor2": ("{first} {last}",),
        "age": tuple(str(age) for age in range(16, 90)),
        "author": ("{first} {last}", "{first} {letter}. {last}"),
        "brand": ("{head}{tail}",) * 24 + ("{foreign_brand}",),
        "colour": words.COLOURS,
        "day": words.DAYS,
        "decade": tuple(str(year) for year in range(1890, 2000, 10)),
        "digits": tuple(str(number) for number in range(2, 100)),
        "dire": words.ADJECTIVES[0],
        "director": ("{first} {last}",),
        "fine": words.ADJECTIVES[1],
        "first": words.FIRST_NAMES,
        "foreign_brand": words.FOREIGN_BRANDS,
        "foreign_title": words.FOREIGN_TITLES,
        "full_name": ("{first} {last}",),
        "head": words.BRAND_HEADS,
        "hero": words.FIRST_NAMES,
        "hero2": words.FIRST_NAMES,
        "job": words.JOBS,
        "job2": words.JOBS,
        "last": words.SURNAMES,
        "lead_in": words.LEAD_INS,
        "letter": tuple("ABCDEFGHKLMNPRSTVWXZ"),
        "linker": words.LINKERS,
        "model": ("{letter}{digits}", "{letter}{letter}-{digits}0", "{letter}{age}0"),
        "month": words.MONTHS,
        "number": words.NUMBERS,
        "ordinal": words.ORDINALS,
        "period": words.PERIODS,
        "person": words.PEOPLE,
        "place": words.PLACES,
        "price": phrases(
            "${digits}.99|${digits}|\u00a3{digits}|\u20ac{digits}.50|{digits} euros"
            "|{digits} dollars"
        ),
        "product": phrases("{brand} {model}|{brand} {model}|{brand}|{brand} {thing}"),
        "rival": phrases("{head}{tail}|{head}{tail} {model}"),
        "room": words.ROOMS,
        "shop": words.SHOPS,
        "tail": words.BRAND_TAILS,
        "title": phrases(
            "The {title_adjective} {title_noun}|The {title_adjective} {title_noun}"
            "|{title_adjective} {title_noun}|The {title_noun} of {place}"
            "|{first} and the {title_noun}|{first}'s {title_noun}|The {last} {title_noun}"
            "|A {title_noun} in {place}|{place}, {year}|{foreign_title}"
        ),
        "title2": ("{title}",),
        "title_adjective": words.TITLE_ADJECTIVES,
        "title_noun": words.TITLE_NOUNS,
        "very": words.INTENSIFIERS,
        "year": tuple(str(year) for year in range(1890, 2020)),
    }


@cache
def _parse(template: str) -> tuple[str, ...]:
    """Return text, slot, text, slot, ..., text."""
    return tuple(_SLOT.split(template))


class _Writer:
    """Writes one review after another; each from its own key alone.

    Of `random.Random` only `random` is used, whose numbers Python promises to
    keep for an integer seed; the other methods may change between versions.
    """

    def __init__(self) -> None:
        self._source = random.Random()
        self._random = self._source.random
        self._tables = _tables()
        self._families = tuple(words.THINGS.values())
        self._filled: dict[str, str] = {}
        self._said: set[str] = set()
        self._all_parts: tuple[str, ...] = ()
        self._parts: list[str] = []
        self._domain = ""

    def review(self, key: int, label: int) -> str:
        """Return the review of a key."""
        self._source.seed(key)
        self._filled = {}
        self._said = set()
        self._parts = []
        if self._random() < 0.5:
            things, parts = self._pick(self._families)
            self._domain, self._all_parts = "product", parts + words.SERVICES
            name = "{product}"
        else:
            things, self._all_parts = words.FILMS, words.FILM_PARTS
            self._domain = "film"
            name = "{title}"
        self._filled["thing"] = self._pick(things)
        self._filled["name"] = self._say(name)
        length = self._pick(_BODY_LENGTHS)
        if length == 0:
            said = self._few_words(label)
        elif self._random() < 0.04:
            said = self._pros_and_cons(label)
        else:
            said = self._prose(label, length)
        return self._typeset(said, label)

    def _pick(self, choices: Sequence[Chosen]) -> Chosen:
        """Return one of the choices, all equally likely."""
        return choices[int(self._random() * len(choices))]

    def _new(self, choices: Sequence[str]) -> str:
        """Return one that this review has not used, if a few tries find it."""
        for _ in range(6):
            choice = self._pick(choices)
            if choice not in self._said:
                break
        self._said.add(choice)
        return choice

    def _say(self, template: str) -> str:
        """Return a template with its slots filled."""
        if "{" not in template:
            return template
        parts = list(_parse(template))
        for place in range(1, len(parts), 2):
            parts[place] = self._fill(parts[place])
        return "".join(parts)

    def _fill(self, slot: str) -> str:
        """Return what stands in a slot, remembered where the review needs it."""
        filled = self._filled.get(slot)
        if filled is not None:
            return self._say(filled)
        filling = self._say(self._pick(self._tables[slot]))
        if slot in _KEPT:
            self._filled[slot] = filling
        return filling

    # Sentences

    def _take_part(self) -> str:
        """Return a part of the thing, each once before one comes again."""
        if not self._parts:
            self._parts = list(self._all_parts)
        return self._parts.pop(int(self._random() * len(self._parts)))

    def _of_part(self, templates: Sequence[str], colour: int) -> str:
        """Return a sentence about a part, or two, of one colour or the other."""
        filled = self._filled
        part = PARTS[self._take_part()]
        filled["noun"] = self._pick(part.nouns)
        filled["says"] = self._new(part.opinions[colour])
        filled["adj"] = self._pick(words.ADJECTIVES[colour])
        filled["unadj"] = self._pick(words.ADJECTIVES[1 - colour])
        if templates is sentences.MIXED_SENTENCES:
            other = PARTS[self._take_part()]
            filled["noun2"] = self._pick(other.nouns)
            filled["unsays"] = self._new(other.opinions[1 - colour])
        return self._say(self._new(templates))

    def _opinion(self, label: int, mixed: bool) -> str:
        """Return a sentence that praises or blames a part."""
        if self._random() < (0.5 if mixed else 0.1):
            if self._random() < 0.4:
                return self._of_part(sentences.CONCESSIONS, 1 - label)
            label = 1 - label
        kind = self._random()
        if kind < 0.4:
            return self._of_part(sentences.PART_SENTENCES, label)
        if kind < 0.55:
            return self._of_part(sentences.PLAIN_SENTENCES, label)
        if kind < 0.85:
            return self._of_part(sentences.TURNED_SENTENCES, label)
        return self._of_part(sentences.MIXED_SENTENCES, label)

    def _verdict(self, label: int) -> str:
        """Return what the reviewer thinks in the end."""
        kind = self._random()
        if kind < 0.07:
            return self._say(self._new(sentences.SARCASM[self._domain][label]))
        if kind < 0.4:
            verdict = self._say(self._new(sentences.VERDICTS[self._domain][label]))
        else:
            verdict = self._say(self._new(sentences.TURNED_VERDICTS[label]))
        if self._random() < 0.25:
            return f"{self._say('{lead_in}')} {verdict}"
        return verdict

    # Shapes of a review

    def _few_words(self, label: int) -> list[str]:
        """Return one or two exclamations."""
        said = [self._say(self._new(sentences.SHORT[label]))]
        if self._random() < 0.3:
            said.append(self._say(self._new(sentences.SHORT[label])))
        return said

    def _pros_and_cons(self, label: int) -> list[str]:
        """Return two lists and a verdict."""
        lists = []
        for head in ("pros", "cons"):
            parts = [PARTS[self._take_part()] for _ in range(self._pick((1, 2, 2, 3)))]
            nouns = [self._say(self._pick(part.nouns)) for part in parts]
            lists.append(f"{head}: {', '.join(nouns)}")
        return [*lists, self._verdict(label)]

    def _prose(self, label: int, length: int) -> list[str]:
        """Return an opening, a body of so many sentences, a verdict."""
        said = []
        mixed = self._random() < 0.35
        if self._random() < 0.55:
            said.append(self._say(self._new(sentences.OPENINGS[self._domain])))
        if self._random() < 0.15:
            said.append(self._verdict(label))
        for _ in range(length):
            kind = self._random()
            if kind < 0.3:
                said.append(self._say(self._new(sentences.FILLERS[self._domain])))
            elif kind < 0.37:
                pair = sentences.COMPARISONS[self._domain]
                said.append(self._say(self._new(pair[label])))
            else:
                said.append(self._opinion(label, mixed))
        if mixed or self._random() < 0.75:
            said.append(self._verdict(label))
        return said

    # From sentences to text

    def _typeset(self, said: list[str], label: int) -> str:
        """Return sentences as this reviewer types them."""
        stop = self._pick((".",) * 17 + ("!", "!", "..."))
        shout = self._random() < 0.05
        pieces = []
        for index, sentence in enumerate(said):
            if shout and self._random() < 0.4:
                sentence = sentence.upper()
            pieces.append(sentence[0].upper() + sentence[1:])
            if sentence[-1] not in ".?!":
                pieces.append(self._stop(stop))
            if index + 1 < len(said):
                paragraph = index % 6 == 5 and self._random() < 0.5
                pieces.append("\n\n" if paragraph else " ")
        text = _ARTICLE.sub(r"\1n ", "".join(pieces))
        text = _NEW_SENTENCE.sub(lambda m: m[1] + m[2].upper(), text)
        text = self._mistype(text)
        return self._decorate(text, label)

    def _stop(self, stop: str) -> str:
        """Return what ends a sentence of a reviewer who favours `stop`."""
        if stop == "!":
            return self._pick(("!", "!", ".", "!!", "!!!"))
        return stop if self._random() < 0.96 else self._pick(("!", "...", "!!"))

    def _mistype(self, text: str) -> str:
        """Return the text with the slips of one reviewer in six."""
        if self._random() < 0.07:
            text = text.lower()
        if self._random() < 0.16:
            for _ in range(1 + len(text) // 200):
                text = self._slip(text)
        if self._random() < 0.12:
            text = text.replace("'", "\u2019")
            if self._random() < 0.5:
                text = text.replace("...", "\u2026").replace(", ", " \u2014 ", 1)
        return text

    def _slip(self, text: str) -> str:
        """Return the text with a letter doubled, dropped or swapped with the next."""
        place = int(self._random() * len(text))
        if not (_LETTERS.issuperset(text[place : place + 2]) and place):
            return text
        kind = self._random()
        if kind < 0.3:
            return text[:place] + text[place] + text[place:]
        if kind < 0.6:
            return text[:place] + text[place + 1 :]
        return text[:place] + text[place : place + 2][::-1] + text[place + 2 :]

    def _decorate(self, text: str, label: int) -> str:
        """Return the text with stars or emoji, now and then."""
        kind = self._random()
        if kind < 0.07:
            stars = self._pick(words.STARS[label])
            return f"{stars}. {text}" if kind < 0.03 else f"{text} {stars}"
        if kind < 0.15:
            # One smile in six is meant to hurt, or a tear to be one of joy.
            colour = label if self._random() < 0.83 else 1 - label
            emoji = self._pick(words.EMOJI[colour])
            return f"{text} {emoji * self._pick((1, 1, 1, 2, 3))}"
        if kind < 0.18:
            return f"{text} {self._pick(words.NEUTRAL_EMOJI)}"
        return text
