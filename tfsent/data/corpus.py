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
from tfsent.data import corpus_verdicts as verdicts
from tfsent.data import corpus_words as words
from tfsent.data.corpus_parts import PARTS
from tfsent.data.corpus_typing import typeset
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
        count: Number of reviews; 24,000 hold 8.5 MB as UTF-8.
        seed: Which reviews, 0 or more.

    Yields:
        Reviews of two words to over 2,000 characters.

    Example:
        >>> [review.label for review in reviews(4)]
        [0, 1, 0, 1]
    """
    writer = _Writer()
    for index in range(count):
        # One bit a pair: labels balance in every even prefix.
        label = (_hash(f"pair {seed} {index // 2}") + index) % 2
        yield Review(writer.review(_hash(f"review {seed} {index}"), label), label)


def _hash(text: str) -> int:
    """Return 64 bits of a hash.

    `seed * 2**32 + index` would not do as a key: the Mersenne Twister starts alike
    from the words [i] and [i, i - 1].
    """
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


_BODY_LENGTHS = (
    # Sentences of a body, 0 for a review of a few words: close to log-normal.
    (0,) * 11
    + (1,) * 12
    + (2,) * 20
    + (3,) * 22
    + (4,) * 20
    + (5,) * 17
    + (6,) * 14
    + (7,) * 13
    + (8,) * 11
    + (9,) * 8
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
            "|{first} and the {title_noun}|{first}'s {title_noun}"
            "|The {last} {title_noun}|A {title_noun} in {place}|{place}, {year}"
            "|{foreign_title}"
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
        self._tables = dict(_tables())
        self._families = tuple(words.THINGS.values())
        self._filled: dict[str, str] = {}
        self._said: set[str] = set()
        self._all_parts: tuple[str, ...] = ()
        self._parts: list[str] = []
        self._domain = ""
        self._fillers: tuple[str, ...] = ()

    def review(self, key: int, label: int) -> str:
        """Return the review of a key."""
        self._source.seed(key)
        self._filled = {}
        self._said = set()
        self._parts = []
        if self._random() < 0.5:
            things, parts = self._pick(self._families)
            self._domain, self._all_parts = "product", parts
            name = "{product}"
        else:
            things, self._all_parts = words.FILMS, words.FILM_PARTS
            self._domain = "film"
            name = self._pick(("{title}",) * 6 + ('"{title}"', "\u201c{title}\u201d"))
        # What has a manual has a weight and a cord to tell of, too.
        device = "manual" in self._all_parts
        self._fillers = sentences.FILLERS["device" if device else self._domain]
        self._filled["thing"] = self._pick(things)
        self._filled["name"] = self._say(name)
        length = self._pick(_BODY_LENGTHS)
        if length == 0:
            said = self._few_words(label)
        elif self._random() < 0.04:
            said = self._pros_and_cons(label)
        else:
            said = self._prose(label, length)
        return typeset(said, label, self._random)

    def _pick(self, choices: Sequence[Chosen]) -> Chosen:
        """Return one of the choices, all equally likely."""
        return choices[int(self._random() * len(choices))]

    def _new(self, choices: Sequence[str]) -> str:
        """Return one that this review has not used, if a few tries find it."""
        for _ in range(6):
            choice = choices[int(self._random() * len(choices))]
            if choice not in self._said:
                break
        self._said.add(choice)
        return choice

    def _say(self, template: str) -> str:
        """Return a template with its slots filled."""
        said = list(_parse(template))
        for place in range(1, len(said), 2):
            slot = said[place]
            said[place] = self._filled.get(slot) or self._fill(slot)
        return "".join(said)

    def _fill(self, slot: str) -> str:
        """Return what may stand in a slot, and keep it where a review needs it."""
        choices = self._tables[slot]
        filling = choices[int(self._random() * len(choices))]
        if "{" in filling:
            filling = self._say(filling)
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
        tables = self._tables
        part = PARTS[self._take_part()]
        tables["noun"], tables["says"] = part.nouns, part.opinions[colour]
        tables["adj"] = words.ADJECTIVES[colour]
        tables["unadj"] = words.ADJECTIVES[1 - colour]
        if templates is sentences.MIXED_SENTENCES:
            other = PARTS[self._take_part()]
            tables["noun2"], tables["unsays"] = other.nouns, other.opinions[1 - colour]
        return self._say(self._new(templates))

    def _opinion(self, label: int, mixed: bool) -> str:
        """Return a sentence that praises or blames a part."""
        if self._random() < (0.5 if mixed else 0.08):
            if self._random() < 0.4:
                # A concession of blame in praise, and the other way round.
                return self._of_part(sentences.CONCESSIONS[1 - label], 1 - label)
            label = 1 - label
        kind = self._random()
        if kind < 0.52:
            return self._of_part(sentences.PART_SENTENCES, label)
        if kind < 0.67:
            return self._of_part(sentences.PLAIN_SENTENCES, label)
        if kind < 0.87:
            return self._of_part(sentences.TURNED_SENTENCES, label)
        return self._of_part(sentences.MIXED_SENTENCES, label)

    def _verdict(self, label: int) -> str:
        """Return what the reviewer thinks in the end."""
        kind = self._random()
        if kind < 0.07:
            return self._say(self._new(verdicts.SARCASM[self._domain][label]))
        if kind < 0.45:
            verdict = self._say(self._new(verdicts.VERDICTS[self._domain][label]))
        else:
            verdict = self._say(self._new(verdicts.TURNED_VERDICTS[label]))
        if self._random() < 0.25:
            return f"{self._say('{lead_in}')} {verdict}"
        return verdict

    # Shapes of a review

    def _few_words(self, label: int) -> list[str]:
        """Return one or two exclamations."""
        said = [self._say(self._new(verdicts.SHORT[label]))]
        if self._random() < 0.3:
            said.append(self._say(self._new(verdicts.SHORT[label])))
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
        mixed = self._random() < 0.3
        if self._random() < 0.55:
            said.append(self._say(self._new(sentences.OPENINGS[self._domain])))
        if self._random() < 0.15:
            said.append(self._verdict(label))
        for _ in range(length):
            kind = self._random()
            if kind < 0.32:
                said.append(self._say(self._new(self._fillers)))
            elif kind < 0.39:
                pair = verdicts.COMPARISONS[self._domain]
                said.append(self._say(self._new(pair[label])))
            else:
                said.append(self._opinion(label, mixed))
        if mixed or self._random() < 0.75:
            said.append(self._verdict(label))
        return said
