"""The place of a sample, train, val or test, from a seed and its index alone."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

SPLITS = ("train", "val", "test")
"""The splits, in the order of `DataConfig.split`."""


def place(index: int, seed: int, shares: Sequence[int]) -> str:
    """Return the split of a sample: a keyed hash of its index, cut in proportion.

    It depends neither on the number of samples nor on the others, so text that is
    appended to a source moves nothing.

    Args:
        index: Position of the sample in its source, from 0.
        seed: Key of the hash.
        shares: One a split, in the order of `SPLITS`; one at least above 0.

    Example:
        >>> [place(index, 0, (2, 1, 1)) for index in range(6)]
        ['test', 'train', 'train', 'train', 'val', 'test']
    """
    key = str(seed).encode()
    digest = hashlib.blake2b(index.to_bytes(8, "little"), key=key, digest_size=8)
    rank = int.from_bytes(digest.digest(), "little") * sum(shares) >> 64
    for split, share in zip(SPLITS, shares, strict=True):
        if rank < share:
            return split
        rank -= share
    raise AssertionError("the rank is below the sum of the shares")
