"""Texts -> ids of words, and back: the tokenizer of the supervised classifiers.

Axes: T words of a text. What a word is stands in `tfsent.data.word_splitting`.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tfsent.config_supervised import WordsConfig
from tfsent.data.shard_index import canonical_json, index_checksum
from tfsent.data.shard_writer import write_file
from tfsent.data.word_splitting import split_characters, split_words
from tfsent.settings_json import from_dict, to_dict

PAD, END, UNK = 0, 1, 2
"""Ids that stand for no word: filling, the end of a text, a word that has no id.

PAD is so in every tokenizer; the others in those that `Tokenizer.fit` makes."""

SPECIAL_WORDS = ("<pad>", "<end>", "<unk>")
"""Names of PAD, END and UNK; no text splits into one of these."""

FORMAT, FORMAT_VERSION = "tfsent-words", 1
"""What a saved tokenizer says it is, and the only version that is read."""

_KEYS = {"format", "format_version", "config", "words", "checksum"}
_SPLITTERS: dict[str, Callable[[str, bool], list[str]]] = {
    "word": split_words,
    "character": split_characters,
}


class Tokenizer:
    """Ids of the most frequent words of some texts; any other word is UNK.

    Args:
        config: How a text is split, and how long it may be.
        words: The word of each id, `<pad>` first; `<unk>`, and `<end>` where texts
            end with it, have any id, since published vocabularies differ in theirs.

    Attributes:
        config: As given.
        words: As given.

    Raises:
        ValueError: If the words are not as above, not all different, or too many.

    Reference:
        The tokenizer of the Passage library (2015): three special ids that count
        towards `max_features`, `min_count`, words or characters. Words are split by
        another rule here.

    Example:
        >>> tokenizer = Tokenizer.fit(["a b a", "a c c"], WordsConfig(max_features=5))
        >>> tokenizer.words
        ('<pad>', '<end>', '<unk>', 'a', 'c')
        >>> tokenizer.encode("c a b").tolist()
        [4, 3, 2]
    """

    def __init__(self, config: WordsConfig, words: Sequence[str]) -> None:
        self.config = config
        self.words = tuple(words)
        self._split = _splitter(config)
        _check_words(self.words, config)
        self._ids = {word: index for index, word in enumerate(self.words)}

    @classmethod
    def fit(cls, texts: Iterable[str], config: WordsConfig) -> Tokenizer:
        """Return a tokenizer of the most frequent words of `texts`.

        More frequent words get smaller ids; among equals the one that comes first.
        Texts are read once and counted whole, whatever `max_length` says; nothing is
        kept of them but how often each word came.

        Args:
            texts: The training texts.
            config: What a word is, and how many get an id.

        Raises:
            ValueError: If no word would get an id.
        """
        if isinstance(texts, str):
            raise ValueError("texts is one text; a list that holds it will do.")
        split = _splitter(config)
        counts: Counter[str] = Counter()
        num_texts = 0
        for text in texts:
            counts.update(split(text, config.lower))
            num_texts += 1
        # A stable sort, and a Counter keeps the order in which words came.
        ranked = sorted(counts.items(), key=lambda item: -item[1])
        _check_counts(ranked, num_texts, config)
        frequent = [word for word, count in ranked if count >= config.min_count]
        room = config.max_features - len(SPECIAL_WORDS)
        return cls(config, [*SPECIAL_WORDS, *frequent[:room]])

    @property
    def num_words(self) -> int:
        """How many ids there are, the special ones included."""
        return len(self.words)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of settings and words, in hex: where it is equal, so are all ids."""
        facts = {"config": to_dict(self.config), "words": self.words}
        return hashlib.sha256(canonical_json(facts)).hexdigest()

    def split(self, text: str) -> list[str]:
        """Return the words of a text, with an id or not, however many there are."""
        return self._split(text, self.config.lower)

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Return the ids of a text's words; there is always one at least.

        A text without a word is END alone, or one UNK where texts have no END. Of a
        text above `max_length` its start or its end is kept, END included; where
        `too_long` is "drop" it comes whole (see `training_rows`).

        Args:
            text: Any text.

        Returns:
            int32[T].
        """
        find, unknown = self._ids.get, self._ids[SPECIAL_WORDS[UNK]]
        ids = [find(word, unknown) for word in self.kept(text)]
        if self.config.end:
            ids.append(self._ids[SPECIAL_WORDS[END]])
        return np.array(ids or [unknown], np.int32)

    def kept(self, text: str) -> list[str]:
        """Return the words of a text that `encode` gives ids of, END left out."""
        config, words = self.config, self.split(text)
        if config.max_length is None or config.too_long == "drop":
            return words
        room = config.max_length - config.end
        return words[:room] if config.too_long == "start" else words[-room:]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the word of each id; special ones by their names.

        Args:
            ids: Whole numbers below `num_words`.

        Raises:
            ValueError: If an id stands for nothing.
        """
        found = [int(index) for index in ids]
        odd = [index for index in found if not 0 <= index < self.num_words]
        if odd:
            raise ValueError(
                f"{odd[0]} is the id of no word; 0 to {self.num_words - 1} will do."
            )
        return [self.words[index] for index in found]

    def training_rows(
        self, ids: Sequence[npt.NDArray[np.int32]]
    ) -> npt.NDArray[np.int64]:
        """Return which texts training reads: all but those that are to be dropped.

        Args:
            ids: What `encode` gave for each training text.

        Returns:
            int64[texts that stay], rising: where they stand in `ids`.

        Raises:
            ValueError: If there are texts and none would stay.
        """
        limit = self.config.max_length
        lengths = np.array([len(text) for text in ids], np.int64)
        if limit is None or self.config.too_long != "drop" or not len(lengths):
            return np.arange(len(lengths), dtype=np.int64)
        rows = np.flatnonzero(lengths <= limit).astype(np.int64)
        if not len(rows):
            raise ValueError(
                f"words.max_length is {limit} and words.too_long drop, which leaves "
                f"none of {len(lengths)} training texts; the shortest has "
                f"{lengths.min()} words. A larger max_length, or too_long start or "
                "end, will do."
            )
        return rows

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write settings and words as JSON; an old file stands until that is done.

        Raises:
            OSError: If the disk refuses.
        """
        facts: dict[str, Any] = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "config": to_dict(self.config),
            "words": self.words,
        }
        facts["checksum"] = index_checksum(facts)
        write_file(Path(path), json.dumps(facts, indent=1).encode("ascii") + b"\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tokenizer:
        """Return the tokenizer that `save` wrote.

        Raises:
            ValueError: If the file holds anything else, is damaged or of another
                version; the message starts with the path.
            OSError: If it cannot be read.
        """
        data = Path(path).read_bytes()
        try:
            facts = _read_facts(data)
            config = from_dict(WordsConfig, facts["config"], "words")
            return cls(config, facts["words"])
        except RecursionError:
            raise ValueError(f"{os.fspath(path)}: nested too deeply.") from None
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from None


def _splitter(config: WordsConfig) -> Callable[[str, bool], list[str]]:
    if config.unit not in _SPLITTERS:
        raise ValueError(
            f"words.unit is {config.unit!r}; {' or '.join(_SPLITTERS)} will do."
        )
    return _SPLITTERS[config.unit]


def _check_counts(
    ranked: list[tuple[str, int]], num_texts: int, config: WordsConfig
) -> None:
    """Refuse texts of which no word would get an id."""
    if not num_texts:
        raise ValueError("there is no text to take words from; one or more will do.")
    if not ranked:
        raise ValueError(
            f"there is no word in any of {num_texts} texts; texts that say something "
            "will do."
        )
    word, most = ranked[0]
    if most < config.min_count:
        raise ValueError(
            f"words.min_count is {config.min_count}, but the most frequent word, "
            f"{word!r}, comes {most} times in {num_texts} texts; at most {most} "
            "will do."
        )


def _check_words(words: tuple[str, ...], config: WordsConfig) -> None:
    """Refuse words that are no vocabulary."""
    pad, end, unknown = SPECIAL_WORDS
    if words[:1] != (pad,):
        raise ValueError(f"the words begin with {words[:1]!r}; ({pad!r},) will do.")
    for word in (unknown, end) if config.end else (unknown,):
        if word not in words:
            raise ValueError(f"{word!r} is not among the words; it has to be.")
    special = len([word for word in SPECIAL_WORDS if word in words])
    if not special < len(words) <= config.max_features:
        raise ValueError(
            f"there are {len(words)} words, {special} special ones among them; from "
            f"{special + 1} to words.max_features ({config.max_features}) will do."
        )
    seen: set[str] = set()
    for word in words:
        if not isinstance(word, str) or not word:
            raise ValueError(f"{word!r} is among the words; texts alone will do.")
        if word in seen:
            raise ValueError(f"{word!r} is among the words twice; once will do.")
        seen.add(word)


def _read_facts(data: bytes) -> dict[str, Any]:
    """Return what a saved tokenizer says; format, version and checksum are right."""
    facts = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise ValueError("holds no tokenizer; what Tokenizer.save wrote will do.")
    version = facts.get("format_version")
    if type(version) is not int or version != FORMAT_VERSION:
        raise ValueError(
            f"is of format_version {version!r}; {FORMAT_VERSION} is known here."
        )
    if set(facts) != _KEYS or facts["checksum"] != index_checksum(facts):
        raise ValueError("is damaged or edited: its checksum does not hold.")
    if not isinstance(facts["words"], list):
        raise ValueError("holds no list of words.")
    return facts


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object; of a name given twice, readers could pick either value."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice.")
    return found
