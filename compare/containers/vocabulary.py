"""The words that stand beside a file of weights: `vocabulary.json`, word to number.

As DeepMoji and torchMoji publish theirs. Number 0 fills texts up and 1 stands for
every unknown word, whatever they are called there; `finetune.py` knows them by names
of its own. All other numbers keep their words.
"""

from __future__ import annotations

from pathlib import Path

from compare.containers.plain_file import open_plain
from tfsent.checkpoint import CheckpointError
from tfsent.checkpoint.strict_json import brief, parse_object
from tfsent.data.words import PAD, SPECIAL_WORDS, UNK

NAME = "vocabulary.json"
FIRST = (SPECIAL_WORDS[PAD], SPECIAL_WORDS[UNK])
"""What numbers 0 and 1 are called here."""

_MAX_BYTES = 2**26


def words_beside(
    path: Path, num_words: int, longer: bool = False
) -> tuple[str, ...] | None:
    """Return the word of each number; None if no vocabulary stands beside `path`.

    Args:
        path: The file of weights.
        num_words: Rows of its embedding.
        longer: Leave out words with higher numbers, instead of refusing them.

    Raises:
        CheckpointError: If the vocabulary is not sound, or of another model.
    """
    place = path.parent / NAME
    if not path.is_file() or not (place.exists() or place.is_symlink()):
        return None
    with open_plain(place) as (file, size):
        if size > _MAX_BYTES:
            raise CheckpointError(place, f"has {size} bytes; most is {_MAX_BYTES}.")
        found = parse_object(file.read(), place)
    words: dict[int, str] = {}
    for word, number in found.items():
        if type(number) is not int or number < 0 or number in words or not word:
            reason = f"gives {brief(word)} the number {brief(number)}; each its own, "
            raise CheckpointError(place, f"{reason}from 0 on, will do.")
        words[number] = word
    words |= dict(enumerate(FIRST))
    if longer:
        words = {number: word for number, word in words.items() if number < num_words}
    if sorted(words) != list(range(num_words)):
        raise CheckpointError(
            place,
            f"has {len(words)} words up to number {max(words)}, the model beside it "
            f"{num_words}: move the file away to convert without words.",
        )
    return tuple(words[number] for number in range(num_words))
